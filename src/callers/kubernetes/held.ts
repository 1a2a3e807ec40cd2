import { isDeepStrictEqual } from 'node:util'
import { asFields } from '../../json-fields.ts'
import { listOf } from '../build-identity.ts'
import type { WrittenGrant } from '../entries.ts'
import type { WrittenCaller, WrittenKey } from '../schema.ts'
import type { ApiObject } from './api.ts'
import type { Checked } from './objects.ts'

/** An object, and what of it is in force: undefined where there is no sound state to go by. */
export interface Held<T> {
  readonly checked: Checked<T>
  readonly inForce: T | undefined
}

/** A scope that turned faulty stays as it was. */
export function holdScope(checked: Checked<WrittenGrant>, before: Held<WrittenGrant> | undefined): Held<WrittenGrant> {
  return { checked, inForce: checked.faults.length === 0 ? checked.value : lastOf(checked, before) }
}

/** A caller that turned faulty, too, but what its keys lost they lost at once: no fault elsewhere holds a revocation up. */
export function holdCaller(checked: Checked<WrittenCaller>, object: ApiObject, before: Held<WrittenCaller> | undefined, now: number): Held<WrittenCaller> {
  if (checked.faults.length === 0) return { checked, inForce: checked.value }
  const last = lastOf(checked, before)
  if (last === undefined) return { checked, inForce: undefined }
  return { checked, inForce: { ...last, ...stillThere(last, checked.value), keys: stillGood(last.keys, asFields(object.spec)['keys'], now) } }
}

/** Other ways to be this caller: of each what the newer state still says to the letter. */
const otherWays = ['jwt', 'clientCertificate'] as const

function stillThere(last: object, newer: unknown): object {
  return Object.fromEntries(otherWays.filter(field => asFields(last)[field] !== undefined).map((field) => {
    const still = listOf(asFields(newer)[field])
    return [field, listOf(asFields(last)[field]).filter(way => still.some(other => isDeepStrictEqual(way, other)))]
  }))
}

/** Another object under the same name is no later state of the first. */
function lastOf<T>({ uid }: Checked<T>, before: Held<T> | undefined): T | undefined {
  return before?.checked.uid === uid ? before.inForce : undefined
}

/** Of keys that were good, what a newer list, not known to be sound, leaves of them. */
function stillGood(keys: readonly WrittenKey[], newer: unknown, now: number): WrittenKey[] {
  const items = Array.isArray(newer) ? newer.map(asFields) : []
  return keys.flatMap((key) => {
    const same = items.filter(({ id }) => id === key.id)
    if (same.length === 0 || same.some(({ sha256 }) => String(sha256).toLowerCase() !== key.sha256.toLowerCase())) return []
    return [same.reduce<WrittenKey>((left, item) => lessOf(left, item, now), key)]
  })
}

function lessOf(key: WrittenKey, { revokedAt, expiresAt }: Readonly<Record<string, unknown>>, now: number): WrittenKey {
  const revoked = revokedAt === undefined ? key.revokedAt : readable(revokedAt, now)
  const ends = [key.expiresAt, expiresAt === undefined ? undefined : readable(expiresAt, now)].filter(time => time !== undefined)
  const earliest = ends.sort((a, b) => Date.parse(a) - Date.parse(b))[0]
  return { ...key, ...revoked === undefined ? {} : { revokedAt: revoked }, ...earliest === undefined ? {} : { expiresAt: earliest } }
}

/** An end that cannot be read was meant to be one. */
function readable(time: unknown, now: number): string {
  return typeof time === 'string' && !Number.isNaN(Date.parse(time)) ? time : new Date(now).toISOString()
}
