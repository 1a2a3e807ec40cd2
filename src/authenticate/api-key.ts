import { timingSafeEqual } from 'node:crypto'
import type { Callers, KeyRecord } from '../callers/callers.ts'
import { ProxyError } from '../errors.ts'
import { digestKey, readKey } from '../keys/key.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Caller } from '../model/caller.ts'
import type { Authenticator } from './authenticator.ts'
import { readCarrier } from './carrier.ts'

export interface ApiKeyOptions {
  readonly callers: Pick<Callers, 'findKey'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

// Compared with where an id is unknown, so that an answer's time does not tell which ids exist.
const nobody = Buffer.alloc(32)

/** Keys `pcl_…`, by SHA-256. Every Caller it makes is kept as long as its record, for `recheck`. */
export function createApiKeyAuthenticator({ callers, now }: ApiKeyOptions): Authenticator {
  const made = new WeakMap<KeyRecord, Caller>()
  const records = new WeakMap<Caller, KeyRecord>()

  function callerOf(record: KeyRecord): Caller {
    const known = made.get(record)
    if (known !== undefined) return known
    const caller: Caller = { definition: record.caller, credentialId: record.id, expiresAt: record.expiresAt }
    made.set(record, caller)
    records.set(caller, record)
    return caller
  }

  return {
    authenticate(arrival) {
      const carrier = readCarrier(arrival.rawHeaders)
      if (carrier === undefined) return undefined
      const reading = readKey(carrier.token)
      switch (reading.kind) {
        // A bearer token of another kind may be another authenticator's; X-API-Key is ours alone.
        case 'other': if (carrier.kind === 'x-api-key') throw unknownKey(); return undefined
        case 'mistyped': throw new ProxyError('MistypedKey', 'the API key is mistyped: its checksum does not match')
        case 'key': return callerOf(verify(carrier.token, callers.findKey(reading.id), now()))
      }
    },
    recheck(caller) {
      const before = records.get(caller)
      if (before === undefined) return undefined
      const record = callers.findKey(before.id)
      if (record === undefined || !isSameKey(before, record)) return unknownKey()
      return refusalOf(record, now()) ?? callerOf(record)
    },
  }
}

/** The id in a whole and well-typed key, for the record of a request that it did not admit. */
export function claimedKeyId({ rawHeaders }: Pick<Arrival, 'rawHeaders'>): string | undefined {
  try {
    const reading = readKey(readCarrier(rawHeaders)?.token ?? '')
    return reading.kind === 'key' ? reading.id : undefined
  } catch {
    return undefined
  }
}

// The secret is judged before the dates: whoever does not hold the key learns nothing about it.
function verify(key: string, record: KeyRecord | undefined, now: number): KeyRecord {
  const same = timingSafeEqual(digestKey(key), record?.sha256 ?? nobody)
  if (record === undefined || !same) throw unknownKey()
  const refusal = refusalOf(record, now)
  if (refusal !== undefined) throw refusal
  return record
}

function refusalOf(record: KeyRecord, now: number): ProxyError | undefined {
  // A revocation counts whatever its date: the clock that wrote it may run ahead of ours.
  if (record.revokedAt !== undefined) return new ProxyError('RevokedKey', 'this API key was revoked')
  if (record.expiresAt !== undefined && record.expiresAt <= now) {
    return new ProxyError('ExpiredKey', `this API key expired at ${new Date(record.expiresAt).toISOString()}`)
  }
  return undefined
}

function isSameKey(before: KeyRecord, record: KeyRecord): boolean {
  return before.caller.name === record.caller.name && before.sha256.equals(record.sha256)
}

function unknownKey(): ProxyError {
  return new ProxyError('UnknownKey', 'this API key is not known here')
}
