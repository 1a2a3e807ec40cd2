import { describeRule } from '../../authorize/describe.ts'
import { namespaceSet } from '../../authorize/namespaces.ts'
import { isGlob, matchesGlob } from '../../glob.ts'
import type { CallerDefinition, Grant, Rule } from '../../model/caller.ts'
import type { Done } from './tally.ts'

/** What of a rule of today no request needed. */
export interface Unused {
  /** Null: the caller's own rules. */
  readonly scope: string | null
  /** The rule in words. */
  readonly rule: string
  /** Its place among the rules of its scope, from 1, as they are written. */
  readonly number: number
  /** None of it; else what of its lists never was. */
  readonly whole: boolean
  readonly never: Readonly<Partial<Record<Part, readonly string[]>>>
  /** Requests that it allows. */
  readonly count: number
}

const parts = ['verbs', 'apiGroups', 'resources', 'resourceNames', 'nonResourceURLs', 'namespaces', 'acknowledge'] as const
export type Part = typeof parts[number]

/** Every rule of which some or all was never used, in the order of the scopes. A rule counts as used by whatever it alone would allow. */
export function unusedOf({ grants }: CallerDefinition, done: readonly Done[]): Unused[] {
  return grants.flatMap(grant => grant.rules.flatMap((rule, index): Unused[] => {
    const uses = done.filter(one => isFor(rule, grant, one))
    const used = { scope: grant.scope, rule: describeRule(rule, grant), number: index + 1, count: uses.reduce((sum, { count }) => sum + count, 0) }
    if (uses.length === 0) return [{ ...used, whole: true, never: {} }]
    const never = neverOf(rule, uses)
    return Object.keys(never).length === 0 ? [] : [{ ...used, whole: false, never }]
  }))
}

function isFor(rule: Rule, grant: Grant, done: Done): boolean {
  const { asked, verbs, acknowledge } = done
  if (!verbs.some(verb => has(rule.verbs, verb)) || !acknowledge.every(route => rule.acknowledge.includes(route))) return false
  if (!asked.isResourceRequest) return (grant.namespaces === undefined || namespaceSet(grant.namespaces).all) && rule.nonResourceURLs.some(url => urlHas(url, asked.path))
  return has(rule.apiGroups, asked.apiGroup)
    && rule.resources.some(resource => resourceHas(resource, done))
    && namespaceSet(rule.namespaces).covers(asked.namespace)
    && (grant.namespaces === undefined || namespaceSet(grant.namespaces).covers(asked.namespace))
    && (rule.resourceNames.length === 0 || rule.resourceNames.some(name => done.met.has(name)))
}

function neverOf(rule: Rule, uses: readonly Done[]): Unused['never'] {
  const isUsed: Record<Part, (word: string) => boolean> = {
    verbs: verb => uses.some(({ verbs }) => verb === '*' || verbs.includes(verb)),
    apiGroups: group => uses.some(({ asked }) => asked.isResourceRequest && (group === '*' || group === asked.apiGroup)),
    resources: resource => uses.some(done => done.asked.isResourceRequest && resourceHas(resource, done)),
    resourceNames: name => uses.some(({ met }) => met.has(name)),
    nonResourceURLs: url => uses.some(({ asked }) => !asked.isResourceRequest && urlHas(url, asked.path)),
    namespaces: name => uses.some(({ asked }) => asked.isResourceRequest && (name === '*' || name === asked.namespace || (isGlob(name) && asked.namespace !== '' && matchesGlob(name, asked.namespace)))),
    acknowledge: route => uses.some(({ acknowledge }) => acknowledge.includes(route as Done['acknowledge'][number])),
  }
  // A path has neither groups nor namespaces.
  const spoken = parts.filter(part => rule.resources.length > 0 || (part !== 'apiGroups' && part !== 'namespaces'))
  return Object.fromEntries(spoken.map(part => [part, rule[part].filter(word => !isUsed[part](word))] as const).filter(([, words]) => words.length > 0))
}

function has(words: readonly string[], word: string): boolean {
  return words.includes('*') || words.includes(word)
}

function resourceHas(resource: string, { asked: { resource: own, subresource } }: Done): boolean {
  const combined = subresource === '' ? own : `${own}/${subresource}`
  return resource === '*' || resource === combined || (subresource !== '' && resource === `*/${subresource}`)
}

function urlHas(url: string, path: string): boolean {
  return url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, '')))
}
