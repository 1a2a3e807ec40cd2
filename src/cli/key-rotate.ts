import type { WrittenKey } from '../callers/schema.ts'
import type { CallersChange, StoredCallers } from '../callers/store.ts'
import { parseDuration } from '../config/units.ts'
import { findStored, openStore } from './callers-deps.ts'
import { durationWords } from './duration-words.ts'
import type { KeyDeps } from './key-create.ts'
import { formatTime, mintUnused, parseLife, stateOf, type Minted } from './key-life.ts'
import { write } from './output.ts'
import { printKey } from './print-key.ts'
import { runCommand, UsageError } from './run-command.ts'

export interface KeyRotateArgs {
  readonly configFile: string
  readonly caller: string
  /** A duration: how long the other keys go on. */
  readonly overlap: string
  /** A duration, or `never`; default: as long as the newest key was made for. */
  readonly expires?: string | undefined
}

interface Rotation {
  readonly minted: Minted
  /** Of the other keys that open something: the id, when it ends now, and whether that is new. */
  readonly ends: readonly { readonly id: string, readonly end: string, readonly changed: boolean }[]
  readonly because: string
}

/**
 * `portcullis key rotate`: one more key, and an end for every other one that still opens something;
 * as one change. Returns the exit code: 0 done, 1 a fault in what was given, 2 wrong usage.
 */
export function keyRotateCommand({ configFile, caller, overlap, expires }: KeyRotateArgs, deps: KeyDeps): Promise<number> {
  return runCommand('key rotate', deps.stderr, async () => {
    const asked = parseLife(expires)
    const over = parseDuration(overlap)
    if (over === undefined) throw new UsageError('--overlap takes a duration such as 30m or 24h; 0s ends the other keys at once')
    const { store } = await openStore(configFile, deps)
    const made: { rotation?: Rotation } = {}
    const where = await store.change((current) => {
      const rotation = made.rotation = rotate(current, caller, { asked, over, now: deps.now() }, deps)
      return changesOf(rotation, caller)
    })
    if (made.rotation === undefined) return 0
    await printKey(made.rotation.minted, caller, where, deps)
    await write(deps.stderr, report(made.rotation, over))
    return 0
  })
}

interface Asked {
  /** Milliseconds; null: without an end; undefined: as the newest key. */
  readonly asked: number | null | undefined
  readonly over: number
  readonly now: number
}

function rotate(current: StoredCallers, caller: string, { asked, over, now }: Asked, { random }: KeyDeps): Rotation {
  const { keys } = findStored(current, caller).value
  const { life, because } = asked === undefined ? lifeOfNewest(keys) : { life: asked, because: '' }
  const limit = now + over
  const ends = keys.filter(key => stateOf(key, now) === 'active').map(({ id, expiresAt }) => {
    const changed = expiresAt === undefined || Date.parse(expiresAt) > limit
    return { id, changed, end: changed ? formatTime(limit) : expiresAt }
  })
  return { minted: mintUnused(current, now, life, random), ends, because }
}

/** The newest is the one that no rotation has shortened yet. */
function lifeOfNewest(keys: readonly WrittenKey[]): { life: number | null, because: string } {
  const born = ({ createdAt }: WrittenKey) => createdAt === undefined ? -Infinity : Date.parse(createdAt)
  const newest = keys.toSorted((a, b) => born(b) - born(a))[0]
  if (newest === undefined) return { life: null, because: 'The new key has no end: --expires gives it one.' }
  const life = newest.expiresAt === undefined ? NaN : Date.parse(newest.expiresAt) - born(newest)
  if (!(life > 0 && life < Infinity)) return { life: null, because: `The new key has no end, as ${newest.id} had none that is known: --expires gives it one.` }
  return { life, because: `The new key lives as long as ${newest.id} was made for, ${durationWords(life)}: --expires says otherwise.` }
}

function changesOf({ minted, ends }: Rotation, caller: string): CallersChange[] {
  return [
    { kind: 'add-key', caller, key: minted.record },
    ...ends.filter(({ changed }) => changed).map(({ id, end }): CallersChange => ({ kind: 'set-key', caller, id, fields: { expiresAt: end } })),
  ]
}

function report({ ends, because }: Rotation, over: number): string {
  const lines = ends.map(({ id, end, changed }) => changed
    ? `key ${id} ends at ${end}${over === 0 ? ', that is now' : `, in ${durationWords(over)}`}`
    : `key ${id} ends at ${end}, as before`)
  if (ends.length === 0) lines.push('no other key was open')
  return [...lines, ...because === '' ? [] : [because], ''].join('\n')
}
