import type { Attributes } from '../model/attributes.ts'
import type { CallerDefinition, Grant, GuardRoute, Rule } from '../model/caller.ts'
import type { MatchedRule, Verdict } from '../model/verdict.ts'
import { nextBit } from './bits.ts'
import { compile } from './compile.ts'
import { describeRule } from './describe.ts'
import { namespaceSet, type NamespaceSet } from './namespaces.ts'

/** A rule that allows a request, as far as rules go; the guard has its say where `routes` are not all acknowledged. */
export type Match =
  | { readonly acknowledged: true, readonly verdict: Extract<Verdict, { allowed: true }> }
  | { readonly acknowledged: false, readonly rule: MatchedRule, readonly text: string }

/** All that a caller's grants allow, ready to be asked. */
export interface Access {
  readonly grants: readonly Grant[]
  /** A rule that matches; one that acknowledges all `routes` where there is one. The order in the file decides nothing. */
  find(asked: Attributes, routes: readonly GuardRoute[]): Match | undefined
}

/** A definition is a new object after every reload, so nothing outlives its caller. */
const cache = new WeakMap<CallerDefinition, Access>()

export function accessOf(definition: CallerDefinition): Access {
  let access = cache.get(definition)
  if (access === undefined) cache.set(definition, access = build(definition.grants))
  return access
}

function build(grants: readonly Grant[]): Access {
  const views = grants.length === 1 ? grants.map(viewOf) : [...grants].sort(byName).map(viewOf)
  return {
    grants,
    find(asked, routes) {
      let fallback: Match | undefined
      for (const view of views) {
        const match = view.find(asked, routes)
        if (match?.acknowledged === true) return match
        fallback ??= match
      }
      return fallback
    },
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
  if (grant.scope === null || grant.namespaces !== undefined) return createView(grant)
  const known = views.get(grant.rules)
  if (known?.scope === grant.scope) return known.view
  const view = createView(grant)
  views.set(grant.rules, { scope: grant.scope, view })
  return view
}

interface View {
  find(asked: Attributes, routes: readonly GuardRoute[]): Match | undefined
}

function createView(grant: Grant): View {
  const compiled = compile(grant.rules)
  const narrowing = grant.namespaces === undefined ? undefined : namespaceSet(grant.namespaces)
  // Made when first needed, then handed out again: a verdict allocates nothing.
  const opened: Match[] = []
  const closed: Match[] = []
  return {
    find(asked: Attributes, routes: readonly GuardRoute[]): Match | undefined {
      if (narrowing !== undefined && !isWithin(narrowing, asked)) return undefined
      const bits = compiled.match(asked)
      if (bits === undefined) return undefined
      const first = nextBit(bits, 0)
      for (let index = first; index !== -1; index = nextBit(bits, index + 1)) {
        const rule = compiled.rules[index]
        if (rule !== undefined && acknowledges(rule, routes)) return opened[index] ??= openedBy(rule, grant)
      }
      const rule = compiled.rules[first]
      return rule && (closed[first] ??= { acknowledged: false, rule: matched(rule, grant), text: describeRule(rule, grant) })
    },
  }
}

/** What has no namespace is within a narrowing only if that is `["*"]`. */
function isWithin(narrowing: NamespaceSet, asked: Attributes): boolean {
  return asked.isResourceRequest ? narrowing.covers(asked.namespace) : narrowing.all
}

function acknowledges(rule: Rule, routes: readonly GuardRoute[]): boolean {
  return routes.length === 0 || routes.every(route => rule.acknowledge.includes(route))
}

function openedBy(rule: Rule, grant: Grant): Match {
  const reason = `allowed by ${describeRule(rule, grant)}`
  return { acknowledged: true, verdict: { allowed: true, code: null, rule: matched(rule, grant), reason } }
}

function matched(rule: Rule, grant: Grant): MatchedRule {
  return { ...rule, scope: grant.scope }
}
