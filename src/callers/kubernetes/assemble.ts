import type { Fault } from '../../files/fault.ts'
import type { CallerDefinition, Rule } from '../../model/caller.ts'
import { buildCaller, buildGrants, buildKey, buildScope, type BuiltScope } from '../build.ts'
import type { KeyRecord } from '../../keys/key-record.ts'
import { KeyTable } from '../../keys/key-table.ts'
import { checkTwins } from '../check-identity.ts'
import type { WrittenGrant } from '../entries.ts'
import { Report } from '../report.ts'
import type { WrittenCaller } from '../schema.ts'
import type { Held } from './held.ts'
import { messageOf } from './objects.ts'

/** What is in force of one caller, and what it was made from: made anew only where that is another. */
interface Made {
  readonly written: WrittenCaller
  readonly scopes: readonly (BuiltScope | undefined)[]
  readonly definition: CallerDefinition
  readonly keys: readonly KeyRecord[]
}

export interface Assembled {
  readonly callers: readonly CallerDefinition[]
  readonly keys: KeyTable
  readonly scopes: ReadonlyMap<string, readonly Rule[]>
  /** By the name of whoever has some: those of the object itself, and those that show beside others. */
  readonly callerFaults: ReadonlyMap<string, readonly Fault[]>
  readonly scopeFaults: ReadonlyMap<string, readonly Fault[]>
  /** Those that show only in all callers together. */
  readonly warnings: readonly Fault[]
  /** How many callers hold a scope, by its name. */
  readonly holders: ReadonlyMap<string, number>
}

/**
 * Puts callers and scopes together, as a whole each time. Rules, definitions and keys that did not change stay
 * the same objects: what was compiled for them, and what is open under them, goes on.
 */
export class Assembly {
  readonly #built = new WeakMap<WrittenGrant, BuiltScope>()
  #made = new Map<string, Made>()

  assemble(callers: readonly Held<WrittenCaller>[], scopes: readonly Held<WrittenGrant>[]): Assembled {
    const built = new Map<string, BuiltScope>()
    const broken = { scopes: new Map<string, unknown>(), callers: new Map<string, unknown>() }
    for (const { checked: { name }, inForce } of scopes) {
      if (inForce !== undefined) guarded(name, broken.scopes, () => built.set(name, this.#scopeOf(inForce)))
    }
    const made = new Map<string, Made>()
    const holders = new Map<string, number>()
    for (const { checked: { name }, inForce } of callers) {
      if (inForce === undefined) continue
      guarded(name, broken.callers, () => made.set(name, this.#make(inForce, built)))
      for (const scope of new Set(scopesOf(inForce))) holders.set(scope, (holders.get(scope) ?? 0) + 1)
    }
    this.#made = made
    const shared = sharedOf(callers)
    return {
      callers: [...made.values()].map(({ definition }) => definition),
      scopes: new Map([...built].map(([name, { rules }]) => [name, rules])),
      keys: indexKeys(made, shared),
      callerFaults: whereSome(callers, checked => [...checked.faults, ...unknownScopes(checked, scopes.length, built), ...sharedKeys(checked, shared), ...brokenOf(checked, broken.callers)]),
      scopeFaults: whereSome(scopes, checked => [...checked.faults, ...brokenOf(checked, broken.scopes)]),
      warnings: twinsOf(callers),
      holders,
    }
  }

  #scopeOf(scope: WrittenGrant): BuiltScope {
    const known = this.#built.get(scope) ?? buildScope(scope)
    this.#built.set(scope, known)
    return known
  }

  /** A scope that is not there grants nothing. */
  #make(written: WrittenCaller, built: ReadonlyMap<string, BuiltScope>): Made {
    const scopes = scopesOf(written).map(name => built.get(name))
    const before = this.#made.get(written.name)
    if (before?.written === written && scopes.every((each, index) => each === before.scopes[index])) return before
    const definition = before?.written === written ? withScopes(before.definition, written, built) : buildCaller(written, built)
    return { written, scopes, definition, keys: written.keys.map(key => buildKey(key, definition)) }
  }
}

/** What nobody foresaw in one object stops that one alone: the revocations of all others wait behind it. */
function guarded(name: string, broken: Map<string, unknown>, make: () => unknown): void {
  try {
    make()
  } catch (error) {
    broken.set(name, error)
  }
}

function brokenOf<T>({ name, locate }: Held<T>['checked'], broken: ReadonlyMap<string, unknown>): Fault[] {
  return broken.has(name) ? [locate([], `cannot be put together (${messageOf(broken.get(name))}): nothing of it is in force until it is changed`)] : []
}

/** The same caller with its scopes as they are now; its own rules stay the same objects. */
function withScopes({ shadow: _, ...definition }: CallerDefinition, { scopes: references }: WrittenCaller, scopes: ReadonlyMap<string, BuiltScope>): CallerDefinition {
  return { ...definition, ...buildGrants(definition.grants.filter(({ scope }) => scope === null), references, scopes) }
}

function whereSome<T>(all: readonly Held<T>[], faultsOf: (checked: Held<T>['checked']) => readonly Fault[]): Map<string, readonly Fault[]> {
  const some = new Map<string, readonly Fault[]>()
  for (const { checked } of all) {
    const faults = faultsOf(checked)
    if (faults.length > 0) some.set(checked.name, faults)
  }
  return some
}

/** In one order, whichever object came first: a warning that is told again is the same. */
function twinsOf(callers: readonly Held<WrittenCaller>[]): readonly Fault[] {
  const report = new Report()
  const some = callers.map(({ checked: { entry } }) => entry).filter(({ value: { jwt, clientCertificate } }) => jwt !== undefined || clientCertificate !== undefined)
  checkTwins(some.sort((a, b) => a.value.name < b.value.name ? -1 : 1), report)
  return report.warnings
}

function scopesOf({ scopes }: WrittenCaller): string[] {
  return scopes.map(reference => typeof reference === 'string' ? reference : reference.name)
}

/** Names of more than one owner, or one that has it twice; by the id of the key. */
type Shared = ReadonlyMap<string, readonly string[]>

/** Keys that are said to be theirs by more than one, in force or not. */
function sharedOf(callers: readonly Held<WrittenCaller>[]): Shared {
  const first = new Map<string, string>()
  const shared = new Map<string, string[]>()
  const add = (id: string, name: string) => {
    const owner = first.get(id)
    const known = shared.get(id)
    if (owner === undefined) first.set(id, name)
    else if (known === undefined) shared.set(id, [owner, name])
    else known.push(name)
  }
  for (const { checked: { name, value }, inForce } of callers) {
    const ids = keyIds(value)
    for (const id of ids) add(id, name)
    if (inForce === undefined || inForce === value) continue
    for (const { id } of inForce.keys) if (!ids.includes(id)) add(id, name)
  }
  return shared
}

/** Of a caller that may be no sound one. */
function keyIds({ keys }: WrittenCaller): string[] {
  if (!Array.isArray(keys)) return []
  return (keys as readonly unknown[]).flatMap((key) => {
    const id: unknown = typeof key === 'object' && key !== null && 'id' in key ? key.id : undefined
    return typeof id === 'string' ? [id] : []
  })
}

/** Whose a key is that two callers have nobody can say, so it opens nothing. */
function indexKeys(made: ReadonlyMap<string, Made>, shared: Shared): KeyTable {
  const index = new KeyTable([...made.values()].reduce((sum, { keys }) => sum + keys.length, 0))
  for (const { keys } of made.values()) {
    for (const key of keys) if (!shared.has(key.id)) index.add(key)
  }
  return index
}

function sharedKeys({ name, value, locate }: Held<WrittenCaller>['checked'], shared: Shared): Fault[] {
  if (shared.size === 0) return []
  return keyIds(value).flatMap((id, index) => {
    const all = shared.get(id)
    if (all === undefined) return []
    const others = [...new Set(all)].filter(owner => owner !== name)
    const where = others.length === 0 ? 'this caller has it twice' : `caller ${others.join(', ')} has it too`
    return [locate(['keys', index, 'id'], `is there twice: ${where}; until that is mended key ${id} opens nothing`)]
  })
}

function unknownScopes({ value, faults, locate }: Held<WrittenCaller>['checked'], count: number, scopes: ReadonlyMap<string, unknown>): Fault[] {
  if (faults.length > 0) return []
  return scopesOf(value).flatMap((name, index) => {
    if (scopes.has(name)) return []
    const there = count === 0 ? 'there is none' : `kubectl get scopes lists those that there are`
    return [locate(['scopes', index], `names no scope that is in force: ${name}; it grants nothing until there is one (${there})`)]
  })
}
