import { createHash } from 'node:crypto'
import type { Fault } from '../files/fault.ts'
import type { CallerDefinition, Grant, Rule, ShadowGrants } from '../model/caller.ts'
import type { KeyRecord } from '../keys/key-record.ts'
import type { LoadedCallers } from './load.ts'
import type { Mark, Marks } from './state.ts'

/** A rule as the numbers of its lists. */
export type RuleOnWire = readonly [verbs: number, apiGroups: number, resources: number, resourceNames: number, nonResourceURLs: number, namespaces: number, acknowledge: number]

/** A grant's rules by number; null: those of its scope. */
export type GrantOnWire = Omit<Grant, 'rules' | 'namespaces'> & { readonly namespaces?: readonly string[], readonly rules: readonly number[] | null }

export interface CallerOnWire {
  readonly mark: Mark
  readonly definition: Omit<CallerDefinition, 'grants' | 'shadow'>
  readonly grants: readonly GrantOnWire[]
  /** What the shadow scopes leave of `grants`, by place, and their own. */
  readonly shadow?: { readonly scopes: readonly string[], readonly grants: readonly (number | GrantOnWire)[] }
  readonly keys: readonly KeyOnWire[]
}

type KeyOnWire = Pick<KeyRecord, 'id' | 'expiresAt' | 'revokedAt'> & { readonly sha256: string }

/** Lists and rules are numbered in the order in which they come, and said once. */
export type Chunk =
  | { readonly kind: 'rules', readonly lists: readonly (readonly string[])[], readonly rules: readonly RuleOnWire[] }
  | { readonly kind: 'scopes', readonly scopes: readonly { readonly name: string, readonly mark: Mark, readonly rules: readonly number[] | null }[] }
  /** By its name alone: the caller is what it was. */
  | { readonly kind: 'callers', readonly callers: readonly (CallerOnWire | string)[] }
  | { readonly kind: 'faults' | 'warnings', readonly found: readonly Fault[] }

/** So that reading a chunk takes a few milliseconds at most. */
const [rulesInChunk, othersInChunk] = [400, 100]

/**
 * What was loaded, as texts for another thread: in pieces that are each read in a few
 * milliseconds, and without what that thread has already by `known`.
 */
export function* toWire({ callers, scopes, keys, faults, warnings }: LoadedCallers, known: Marks): Generator<string, void> {
  yield* found('faults', faults)
  if (faults.length > 0) return
  yield* found('warnings', warnings)
  const tables = new Tables()
  const marks = new Map<string, Mark>()
  for (const part of parts([...scopes], othersInChunk)) {
    const sent = part.map(([name, rules]) => {
      const mark = markOf(rules)
      marks.set(name, mark)
      return { name, mark, rules: known.scopes.get(name) === mark ? null : tables.add(rules) }
    })
    yield* tables.flush()
    yield text({ kind: 'scopes', scopes: sent })
  }
  yield* callersOnWire(callers, keysOf(keys), marks, known, tables)
  yield* tables.flush()
}

function* callersOnWire(callers: readonly CallerDefinition[], keys: ReadonlyMap<CallerDefinition, readonly KeyOnWire[]>, scopes: ReadonlyMap<string, Mark>, known: Marks, tables: Tables) {
  let ready: (CallerOnWire | string)[] = []
  for (const caller of callers) {
    const own = keys.get(caller) ?? []
    const marked = (grants: readonly Grant[]) => grants.map(({ rules, ...grant }) => [grant, grant.scope === null ? rules : scopes.get(grant.scope)])
    const shadow = caller.shadow === undefined ? undefined : { ...caller.shadow, grants: marked(caller.shadow.grants) }
    const mark = markOf([{ ...caller, grants: marked(caller.grants), shadow }, own])
    ready.push(known.callers.get(caller.name) === mark ? caller.name : onWire(caller, own, mark, tables))
    if (ready.length < othersInChunk && tables.waiting < rulesInChunk) continue
    yield* tables.flush()
    yield text({ kind: 'callers', callers: ready })
    ready = []
  }
  yield* tables.flush()
  yield text({ kind: 'callers', callers: ready })
}

function onWire({ grants, shadow, ...definition }: CallerDefinition, keys: readonly KeyOnWire[], mark: Mark, tables: Tables): CallerOnWire {
  const tried = shadow === undefined ? {} : { shadow: shadowOnWire(shadow, grants, tables) }
  return { mark, definition, grants: grants.map(grant => grantOnWire(grant, tables)), ...tried, keys }
}

function grantOnWire({ scope, namespaces, rules }: Grant, tables: Tables): GrantOnWire {
  return { scope, ...namespaces === undefined ? {} : { namespaces }, rules: scope === null ? tables.add(rules) : null }
}

function shadowOnWire({ scopes, grants }: ShadowGrants, enforced: readonly Grant[], tables: Tables): NonNullable<CallerOnWire['shadow']> {
  const places = new Map(enforced.map((grant, place) => [grant, place]))
  return { scopes, grants: grants.map(grant => places.get(grant) ?? grantOnWire(grant, tables)) }
}

function keysOf(keys: LoadedCallers['keys']): ReadonlyMap<CallerDefinition, readonly KeyOnWire[]> {
  const byCaller = new Map<CallerDefinition, KeyOnWire[]>()
  for (const { definition: caller, id, sha256, expiresAt, revokedAt } of keys.values()) {
    const key = { id, sha256: sha256.toString('hex'), expiresAt, revokedAt }
    const others = byCaller.get(caller)
    if (others === undefined) byCaller.set(caller, [key])
    else others.push(key)
  }
  return byCaller
}

function* found(kind: 'faults' | 'warnings', all: readonly Fault[]) {
  for (const found of parts(all, othersInChunk)) yield text({ kind, found })
}

function* parts<T>(all: readonly T[], size: number): Generator<readonly T[], void> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size)
}

function text(chunk: Chunk): string {
  return JSON.stringify(chunk)
}

function markOf(value: unknown): Mark {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64')
}

/** Numbers equal lists and equal rules alike: ten thousand callers mostly say the same. */
class Tables {
  readonly #lists = new Map<string, number>()
  readonly #rules = new Map<string, number>()
  #newLists: (readonly string[])[] = []
  #newRules: RuleOnWire[] = []

  /** New rules that were not sent yet. */
  get waiting(): number {
    return this.#newRules.length
  }

  add(rules: readonly Rule[]): number[] {
    return rules.map(rule => this.#rule([
      this.#list(rule.verbs), this.#list(rule.apiGroups), this.#list(rule.resources), this.#list(rule.resourceNames),
      this.#list(rule.nonResourceURLs), this.#list(rule.namespaces), this.#list(rule.acknowledge),
    ]))
  }

  /** What came since the last time. */
  * flush(): Generator<string, void> {
    for (const rules of parts(this.#newRules, rulesInChunk)) {
      yield text({ kind: 'rules', lists: this.#newLists, rules })
      this.#newLists = []
    }
    this.#newRules = []
  }

  #list(list: readonly string[]): number {
    return numberOf(this.#lists, JSON.stringify(list), () => this.#newLists.push(list))
  }

  #rule(rule: RuleOnWire): number {
    return numberOf(this.#rules, rule.join(), () => this.#newRules.push(rule))
  }
}

function numberOf(numbers: Map<string, number>, key: string, added: () => unknown): number {
  let number = numbers.get(key)
  if (number === undefined) {
    numbers.set(key, number = numbers.size)
    added()
  }
  return number
}
