import type { Attributes } from '../model/attributes.ts'
import type { CallerDefinition, Grant, GuardRoute, Rule } from '../model/caller.ts'
import type { MatchedRule, Verdict } from '../model/verdict.ts'
import { nextBit, type Bits } from './bits.ts'
import { compile, type NamespaceIndex, type Reach } from './compile.ts'
import { describeRule } from './describe.ts'
import { namespaceSet, type NamespaceSet } from './namespaces.ts'

type Allowed = Extract<Verdict, { allowed: true }>

/** A rule that allows a request as far as rules go: the guard has its say, for it does not acknowledge all of the routes. */
export interface Unacknowledged {
  readonly allowed: false
  readonly rule: MatchedRule
  readonly text: string
}

export type Match = Allowed | Unacknowledged

/** All that a caller's grants allow, ready to be asked. */
export interface Access {
  /** A rule that matches; one that acknowledges all `routes` where there is one. The order in the file decides nothing. */
  find(asked: Attributes, routes: readonly GuardRoute[]): Match | undefined
}

/** A definition is a new object after every change, so nothing outlives its caller. */
const cache = new WeakMap<CallerDefinition, Access>()

export function accessOf(definition: CallerDefinition): Access {
  let access = cache.get(definition)
  if (access === undefined) cache.set(definition, access = build(definition.grants))
  return access
}

function build(grants: readonly Grant[]): Access {
  // Most callers hold one scope: what is asked for is then in fewer places of the memory.
  return grants.length === 1 && grants[0] !== undefined ? viewOf(grants[0]) : new Views([...grants].sort(byName).map(viewOf))
}

class Views implements Access {
  readonly #views: readonly View[]

  constructor(views: readonly View[]) {
    this.#views = views
  }

  find(asked: Attributes, routes: readonly GuardRoute[]): Match | undefined {
    let fallback: Match | undefined
    for (const view of this.#views) {
      const match = view.find(asked, routes)
      if (match?.allowed === true) return match
      fallback ??= match
    }
    return fallback
  }
}

/** The caller's own rules first, then by scope; twice the same scope, by what it is narrowed to. */
function byName(a: Grant, b: Grant): number {
  return compare(a.scope ?? '', b.scope ?? '')
    || compare(JSON.stringify(a.namespaces ?? []), JSON.stringify(b.namespaces ?? []))
    || compare(JSON.stringify(compile(a.rules).rules), JSON.stringify(compile(b.rules).rules))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Thousands of callers hold a scope as it is: they share its view, too, and so what it answers. */
const views = new WeakMap<readonly Rule[], { readonly scope: string | null, readonly view: View }>()

function viewOf(grant: Grant): View {
  // Rules of a caller's own are nobody else's.
  if (grant.scope === null || grant.namespaces !== undefined) return new View(grant)
  const known = views.get(grant.rules)
  if (known?.scope === grant.scope) return known.view
  const view = new View(grant)
  views.set(grant.rules, { scope: grant.scope, view })
  return view
}

/** What one grant allows. */
class View implements Access {
  readonly #grant: Grant
  readonly #rules: readonly Rule[]
  readonly #reach: Reach
  readonly #namespaces: NamespaceIndex
  readonly #narrowing: NamespaceSet | undefined
  // Made when first needed, then handed out again: a verdict allocates nothing.
  readonly #opened: Allowed[] = []
  readonly #closed: Unacknowledged[] = []
  // Most callers ask about one namespace again and again, and what answers them is then here.
  #lastNamespace = ''
  #inLastNamespace: Bits
  #lastIndex = -1
  #lastOpened: Allowed | undefined

  constructor(grant: Grant) {
    const { rules, reach, namespaces } = compile(grant.rules)
    this.#grant = grant
    this.#rules = rules
    this.#reach = reach
    this.#namespaces = namespaces
    this.#narrowing = grant.namespaces === undefined ? undefined : namespaceSet(grant.namespaces)
    this.#inLastNamespace = namespaces.of(this.#lastNamespace)
  }

  find(asked: Attributes, routes: readonly GuardRoute[]): Match | undefined {
    if (this.#narrowing !== undefined && !isWithin(this.#narrowing, asked)) return undefined
    const bits = this.#reach.match(asked, this.#in(asked.namespace))
    if (bits === undefined) return undefined
    const first = nextBit(bits, 0)
    for (let index = first; index !== -1; index = nextBit(bits, index + 1)) {
      if (routes.length === 0 || acknowledges(this.#rule(index), routes)) return this.#open(index)
    }
    return this.#closed[first] ??= this.#close(this.#rule(first))
  }

  #in(namespace: string): Bits {
    if (namespace !== this.#lastNamespace) {
      this.#inLastNamespace = this.#namespaces.of(namespace)
      this.#lastNamespace = namespace
    }
    return this.#inLastNamespace
  }

  #rule(index: number): Rule {
    const rule = this.#rules[index]
    if (rule === undefined) throw new Error(`there is no rule ${index}`)
    return rule
  }

  #open(index: number): Allowed {
    if (this.#lastOpened !== undefined && this.#lastIndex === index) return this.#lastOpened
    this.#lastIndex = index
    return this.#lastOpened = this.#opened[index] ??= this.#allow(this.#rule(index))
  }

  #allow(rule: Rule): Allowed {
    return { allowed: true, code: null, rule: matched(rule, this.#grant), reason: `allowed by ${describeRule(rule, this.#grant)}` }
  }

  #close(rule: Rule): Unacknowledged {
    return { allowed: false, rule: matched(rule, this.#grant), text: describeRule(rule, this.#grant) }
  }
}

/** What has no namespace is within a narrowing only if that is `["*"]`. */
function isWithin(narrowing: NamespaceSet, asked: Attributes): boolean {
  return asked.isResourceRequest ? narrowing.covers(asked.namespace) : narrowing.all
}

function acknowledges(rule: Rule, routes: readonly GuardRoute[]): boolean {
  return routes.every(route => rule.acknowledge.includes(route))
}

function matched(rule: Rule, grant: Grant): MatchedRule {
  return { ...rule, scope: grant.scope }
}
