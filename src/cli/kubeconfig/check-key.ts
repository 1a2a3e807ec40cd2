import { timingSafeEqual } from 'node:crypto'
import type { KeyRecord } from '../../keys/key-record.ts'
import { digestKey, readKey } from '../../keys/key.ts'

export interface KeyCheck {
  /** Name of the caller whose key it is to be. */
  readonly caller: string
  readonly findKey: (id: string) => KeyRecord | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The key in a text that holds nothing else. Throws where the proxy would refuse it, or take it for somebody else's; the message repeats no key. */
export function requireKey(text: string, { caller, findKey, now }: KeyCheck): string {
  const key = text.trim()
  if (key === '') throw new Error('there is no key in it: it is empty')
  if (/\s/.test(key)) throw new Error('it must hold the key and nothing else')
  const reading = readKey(key)
  if (reading.kind === 'other') throw new Error('what it holds is no key of Portcullis: those begin with pcl_')
  if (reading.kind === 'mistyped') throw new Error('the key is mistyped: its checksum does not match, so a piece is missing or wrong')
  const record = findKey(reading.id)
  if (record === undefined) throw new Error(`no caller has a key ${reading.id}: portcullis key create ${caller} makes one`)
  if (record.definition.name !== caller) throw new Error(`key ${reading.id} is one of caller ${record.definition.name}, not of ${caller}`)
  if (!timingSafeEqual(digestKey(key), record.sha256)) throw new Error(`it is not the key ${reading.id} that caller ${caller} has the digest of`)
  if (record.revokedAt !== undefined) throw new Error(`key ${reading.id} was revoked`)
  if (record.expiresAt !== undefined && record.expiresAt <= now) throw new Error(`key ${reading.id} expired at ${new Date(record.expiresAt).toISOString()}`)
  return key
}
