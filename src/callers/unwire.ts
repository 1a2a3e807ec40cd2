import type { Fault } from '../files/fault.ts'
import type { CallerDefinition, Rule } from '../model/caller.ts'
import { KeyRecord } from '../keys/key-record.ts'
import { KeyTable } from '../keys/key-table.ts'
import type { CallersState, Held, Mark } from './state.ts'
import type { CallerOnWire, Chunk, GrantOnWire, RuleOnWire } from './wire.ts'

/**
 * Puts together what `toWire` sent, piece by piece: a new state beside the one in force.
 * Callers and scopes that did not change are the very objects they were, so that what was
 * made of them (compiled rules, the callers of open streams) stays good.
 */
export class Unwire {
  readonly #before: CallersState | undefined
  readonly #lists: (readonly string[])[] = []
  readonly #rules: Rule[] = []
  readonly #callers: CallerDefinition[] = []
  readonly #scopes = new Map<string, readonly Rule[]>()
  readonly #keys: KeyTable
  readonly #held = new Map<string, Held>()
  readonly #callerMarks = new Map<string, Mark>()
  readonly #scopeMarks = new Map<string, Mark>()
  readonly #found: Record<'faults' | 'warnings', Fault[]> = { faults: [], warnings: [] }

  constructor(before: CallersState | undefined) {
    this.#before = before
    this.#keys = new KeyTable(before?.keys.size)
  }

  take(text: string): void {
    const chunk = JSON.parse(text) as Chunk
    switch (chunk.kind) {
      case 'rules':
        this.#lists.push(...chunk.lists)
        for (const rule of chunk.rules) this.#rules.push(this.#rule(rule))
        return
      case 'scopes':
        for (const { name, mark, rules } of chunk.scopes) {
          this.#scopes.set(name, rules === null ? kept(this.#before?.scopes.get(name), name) : this.#numbered(rules))
          this.#scopeMarks.set(name, mark)
        }
        return
      case 'callers':
        for (const caller of chunk.callers) this.#takeCaller(caller)
        return
      case 'faults': case 'warnings':
        this.#found[chunk.kind].push(...chunk.found)
    }
  }

  /** After the last piece: all that was found, and what the next load is to be held against. */
  finish(): { readonly state: CallersState, readonly faults: readonly Fault[] } {
    const { faults, warnings } = this.#found
    const marks = { callers: this.#callerMarks, scopes: this.#scopeMarks }
    return { faults, state: { callers: this.#callers, scopes: this.#scopes, keys: this.#keys, held: this.#held, marks, warnings } }
  }

  #takeCaller(caller: CallerOnWire | string): void {
    const name = typeof caller === 'string' ? caller : caller.definition.name
    const held = typeof caller === 'string' ? kept(this.#before?.held.get(name), name) : this.#make(caller)
    const mark = typeof caller === 'string' ? kept(this.#before?.marks.callers.get(name), name) : caller.mark
    this.#callers.push(held.definition)
    this.#held.set(name, held)
    this.#callerMarks.set(name, mark)
    for (const key of held.keys) this.#keys.add(key)
  }

  #make({ definition, grants: onWire, shadow, keys }: CallerOnWire): Held {
    const grants = onWire.map(grant => this.#grant(grant))
    const caller: CallerDefinition = { ...definition, grants, ...shadow === undefined ? {} : { shadow: this.#shadow(shadow, grants) } }
    return { definition: caller, keys: keys.map(key => new KeyRecord({ ...key, sha256: Buffer.from(key.sha256, 'hex'), caller })) }
  }

  #shadow({ scopes, grants }: NonNullable<CallerOnWire['shadow']>, enforced: CallerDefinition['grants']): NonNullable<CallerDefinition['shadow']> {
    return { scopes, grants: grants.map(grant => typeof grant === 'number' ? kept(enforced[grant], `grant ${grant}`) : this.#grant(grant)) }
  }

  #grant({ scope, namespaces, rules }: GrantOnWire): CallerDefinition['grants'][number] {
    return { scope, namespaces, rules: scope === null ? this.#numbered(rules ?? []) : this.#scopes.get(scope) ?? [] }
  }

  #numbered(numbers: readonly number[]): readonly Rule[] {
    return numbers.map(number => kept(this.#rules[number], `rule ${number}`))
  }

  #rule([verbs, apiGroups, resources, resourceNames, nonResourceURLs, namespaces, acknowledge]: RuleOnWire): Rule {
    return {
      verbs: this.#list(verbs), apiGroups: this.#list(apiGroups), resources: this.#list(resources), resourceNames: this.#list(resourceNames),
      nonResourceURLs: this.#list(nonResourceURLs), namespaces: this.#list(namespaces), acknowledge: this.#list(acknowledge) as Rule['acknowledge'],
    }
  }

  #list(number: number): readonly string[] {
    return kept(this.#lists[number], `list ${number}`)
  }
}

/** Fails closed: what is said to be known and is not must not be read as nothing. */
function kept<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`callers: ${what} was said to be known and is not`)
  return value
}
