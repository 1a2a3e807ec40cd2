import type { Callers } from '../callers/callers.ts'
import { ProxyError } from '../errors.ts'
import { KeyRecord } from '../keys/key-record.ts'
import { digestKey, readKey } from '../keys/key.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Authenticator } from './authenticator.ts'
import { readCarrier } from './carrier.ts'

export interface ApiKeyOptions {
  readonly callers: Pick<Callers, 'findKey' | 'openKey'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Keys `pcl_…`, by SHA-256. */
export function createApiKeyAuthenticator({ callers, now }: ApiKeyOptions): Authenticator {
  return {
    authenticate(arrival) {
      const carrier = readCarrier(arrival.rawHeaders)
      if (carrier === undefined) return undefined
      const reading = readKey(carrier.token)
      switch (reading.kind) {
        // A bearer token of another kind may be another authenticator's; X-API-Key is ours alone.
        case 'other': if (carrier.kind === 'x-api-key') throw unknownKey(); return undefined
        case 'mistyped': throw new ProxyError('MistypedKey', 'the API key is mistyped: its checksum does not match')
        case 'key': return admit(callers.openKey(reading.id, digestKey(carrier.token)), now())
      }
    },
    recheck(caller) {
      if (!(caller instanceof KeyRecord)) return undefined
      const record = callers.findKey(caller.id)
      if (record === undefined || !isSameKey(caller, record)) return unknownKey()
      return refusalOf(record, now()) ?? record
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
function admit(record: KeyRecord | undefined, now: number): KeyRecord {
  if (record === undefined) throw unknownKey()
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
  return before.definition.name === record.definition.name && before.sha256.equals(record.sha256)
}

function unknownKey(): ProxyError {
  return new ProxyError('UnknownKey', 'this API key is not known here')
}
