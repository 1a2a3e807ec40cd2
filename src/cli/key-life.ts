import type { WrittenKey } from '../callers/schema.ts'
import type { StoredCallers } from '../callers/store.ts'
import { parseDuration } from '../config/units.ts'
import { digestKey, mintKey } from '../keys/key.ts'
import { UsageError } from './run-command.ts'

/** That many random bytes. */
export type Random = (bytes: number) => Uint8Array

/** A key that nobody has seen yet, and what is kept of it. */
export interface Minted {
  readonly key: string
  readonly record: WrittenKey
}

/** Milliseconds; null: without an end; undefined: nothing was said. */
export function parseLife(expires: string | undefined): number | null | undefined {
  if (expires === undefined) return undefined
  if (expires === 'never') return null
  const life = parseDuration(expires)
  if (life === undefined || life <= 0) throw new UsageError('--expires takes a duration such as 12h or 90d, or never')
  return life
}

/** With an id that no key has. `life` in milliseconds; null: without an end. */
export function mintUnused({ callers }: StoredCallers, now: number, life: number | null, random: Random): Minted {
  const used = new Set(callers.flatMap(({ value }) => value.keys.map(({ id }) => id)))
  for (;;) {
    const { id, key } = mintKey(random)
    if (used.has(id)) continue
    const record = { id, sha256: digestKey(key).toString('hex'), createdAt: formatTime(now) }
    return { key, record: life === null ? record : { ...record, expiresAt: formatTime(now + life) } }
  }
}

export type KeyState = 'active' | 'expired' | 'revoked'

export function stateOf({ expiresAt, revokedAt }: WrittenKey, now: number): KeyState {
  if (revokedAt !== undefined) return 'revoked'
  return expiresAt !== undefined && Date.parse(expiresAt) <= now ? 'expired' : 'active'
}

/** To the second, UTC, as the files have it. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** A time as it is written anywhere, in our own form; null: there is none. */
export function sameForm(time: string | undefined): string | null {
  return time === undefined ? null : formatTime(Date.parse(time))
}

export function endWords({ expiresAt }: WrittenKey): string {
  return expiresAt === undefined ? 'without an end' : `until ${expiresAt}`
}
