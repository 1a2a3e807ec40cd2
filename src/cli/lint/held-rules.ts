import type { Entry, WrittenGrant } from '../../callers/entries.ts'
import type { WrittenCaller, WrittenRule } from '../../callers/schema.ts'
import type { Path } from '../../files/fault.ts'
import { isNowhere, reachOf, type Reach } from '../rbac/reach.ts'

/** A rule where it is written. */
export interface PlacedRule {
  readonly rule: WrittenRule
  /** Of the rule itself: a ClusterRole's hold everywhere. */
  readonly namespaces: readonly string[]
  readonly entry: Entry<unknown>
  /** Within the entry. */
  readonly path: Path
}

/** A rule, and where somebody holds it. */
export interface HeldRule {
  readonly placed: PlacedRule
  /** Undefined: nobody holds it yet. */
  readonly caller: string | undefined
  readonly reach: Reach
}

export interface Written {
  readonly scopes: readonly Entry<WrittenGrant>[]
  readonly callers: readonly Entry<WrittenCaller>[]
}

/**
 * Every rule that Portcullis' own account would be used for, once for each caller that holds
 * it. Not those of callers with `impersonate`: the API server judges them. A scope that nobody
 * holds is taken as it stands; a ClusterRole is nowhere until a caller says where.
 */
export function heldRules({ scopes, callers }: Written): HeldRule[] {
  const rulesOf = new Map(scopes.map(scope => [scope.value.name, placed(scope, scope.value.rules, scope.value.clusterRole)]))
  const references = callers.map(({ value }) => value.scopes.map(reference => typeof reference === 'string' ? { name: reference } : reference))
  const used = new Set(references.flat().map(({ name }) => name))
  const held = callers.flatMap((caller, index) => {
    const { name, rules, impersonate } = caller.value
    if (impersonate !== undefined) return []
    const ofScopes = (references[index] ?? []).flatMap(scope => hold(rulesOf.get(scope.name) ?? [], name, scope.namespaces))
    return [...hold(placed(caller, rules, false), name, undefined), ...ofScopes]
  })
  const unused = scopes.filter(({ value }) => !used.has(value.name) && !value.clusterRole).flatMap(({ value }) => hold(rulesOf.get(value.name) ?? [], undefined, undefined))
  return [...held, ...unused]
}

function placed(entry: Entry<unknown>, rules: readonly WrittenRule[], everywhere: boolean): PlacedRule[] {
  return rules.map((rule, index) => ({ rule, entry, path: ['rules', index], namespaces: everywhere ? ['*'] : rule.namespaces ?? [] }))
}

/** Without those that hold nowhere. */
function hold(rules: readonly PlacedRule[], caller: string | undefined, narrowing: readonly string[] | undefined): HeldRule[] {
  return rules.map((placed): HeldRule => ({ placed, caller, reach: reachOf(placed, { namespaces: narrowing }) }))
    .filter(({ placed, reach }) => placed.rule.resources.length === 0 || !isNowhere(reach))
}
