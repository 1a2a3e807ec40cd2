import type { Grant, Rule } from '../model/caller.ts'
import { isNowhere, reachOf, type Reach } from './rbac/reach.ts'

/**
 * What a rule allows, in words and whole, once the long form of a caller has narrowed it:
 * `get, list and watch pods and pods/log in team-a and team-b-*`.
 */
export function ruleWords(rule: Rule, { namespaces }: Pick<Grant, 'namespaces'>): string {
  const { verbs, resources, nonResourceURLs, acknowledge } = rule
  if (verbs.length === 0) return 'nothing: the rule has no verbs'
  const verb = verbs.includes('*') ? 'do anything with' : listed(verbs)
  const parts = [
    ...resources.length === 0 ? [] : [resourceWords(rule, verb, reachOf(rule, { namespaces }))],
    ...nonResourceURLs.length === 0 ? [] : [`${verb} ${nonResourceURLs.includes('*') ? 'every path that is no resource' : listed(nonResourceURLs)}`],
  ]
  if (parts.length === 0) return 'nothing: the rule has no resources and no nonResourceURLs'
  return parts.join('; ') + (acknowledge.length === 0 ? '' : `; knowingly: ${listed(acknowledge)}`)
}

function resourceWords({ resources, apiGroups, resourceNames }: Rule, verb: string, reach: Reach): string {
  if (apiGroups.length === 0) return `nothing with ${listed(resources)}: the rule has no apiGroups`
  const what = resources.includes('*') ? 'everything' : listed(resources)
  const groups = apiGroups.includes('*') ? (resources.includes('*') ? '' : ' of any API group') : apiGroups.join() === '' ? '' : ` of ${listed(apiGroups.map(group => group === '' ? 'the core group' : group))}`
  const names = resourceNames.length === 0 ? '' : ` named ${listed(resourceNames)}`
  return `${verb} ${what}${groups}${names} ${placeWords(reach)}`
}

function placeWords(reach: Reach): string {
  if (reach.all) return 'in every namespace and outside of all'
  if (isNowhere(reach)) return 'in no namespace'
  // Of several globs a name must match each.
  return `in ${listed([...reach.names, ...reach.globs.map(globs => globs.join(' & '))])}`
}

/** `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
