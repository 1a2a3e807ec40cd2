import { isGlob, matchesGlob } from '../../glob.ts'
import type { Rule } from '../../model/caller.ts'
import type { Done } from './tally.ts'

/** A rule, and what it is for. */
export interface SuggestedRule {
  readonly rule: Rule
  /** Requests that it is for. */
  readonly count: number
  /** When the last of them was; milliseconds since the epoch. */
  readonly last: number
  /** Why it says more than was done, where it does. */
  readonly wider: readonly ('many' | 'generated' | 'asked' | 'create' | 'glob')[]
}

const lists = ['verbs', 'apiGroups', 'resources', 'resourceNames', 'nonResourceURLs', 'namespaces', 'acknowledge'] as const
type List = (typeof lists)[number]

/**
 * The rules for what was done, in one order whatever the log's. Two become one only where they differ in a
 * single list, so that they allow what was done and nothing else, but for what is `wider`: names that were left out, and
 * namespaces taken together by one of `globs`. What is about no namespace, or about all, takes `["*"]`, which has each namespace in it.
 */
export function rulesFor(done: readonly Done[], globs: readonly string[]): SuggestedRule[] {
  let rules = withoutCovered(joined(done.filter(isSayable).map(one => ruleOf(one, globs)), 'resourceNames'))
  for (const list of ['verbs', 'resources', 'namespaces', 'resourceNames', 'apiGroups', 'nonResourceURLs'] as const) rules = joined(rules, list)
  return rules.map(inOrder).sort((a, b) => compare(sortKey(a), sortKey(b)))
}

/** Without a name that is worth saying no rule may stand for it: one without names is for all of them. */
function isSayable({ asked, names, nameless }: Done): boolean {
  return !asked.isResourceRequest || nameless !== undefined || names.size > 0
}

function ruleOf({ verbs, asked, acknowledge, names, nameless, count, last }: Done, globs: readonly string[]): SuggestedRule {
  const { apiGroup, resource, subresource, namespace, path } = asked
  if (!asked.isResourceRequest) {
    return { rule: { verbs, apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [path], namespaces: [], acknowledge }, count, last, wider: [] }
  }
  const glob = namespace === '' ? undefined : globs.find(glob => matchesGlob(glob, namespace))
  return {
    rule: {
      verbs, apiGroups: [apiGroup], resources: [subresource === '' ? resource : `${resource}/${subresource}`],
      resourceNames: nameless === undefined ? [...names] : [], nonResourceURLs: [], namespaces: [glob ?? (namespace === '' ? '*' : namespace)], acknowledge,
    },
    count, last, wider: [...nameless === undefined || nameless === 'all' ? [] : [nameless], ...glob === undefined ? [] : ['glob' as const]],
  }
}

/** Those that differ in that list alone, as one. An empty list is not "nothing": no names are all names. */
function joined(rules: readonly SuggestedRule[], list: List): SuggestedRule[] {
  const found = new Map<string, SuggestedRule>()
  for (const one of rules) {
    const key = JSON.stringify(lists.map(other => other === list ? one.rule[other].length > 0 : [...one.rule[other]].sort(compare)))
    const before = found.get(key)
    found.set(key, before === undefined ? one : { ...together(before, one), rule: { ...one.rule, [list]: union(before.rule[list], one.rule[list], list) } })
  }
  return [...found.values()]
}

function together(a: SuggestedRule, b: SuggestedRule): SuggestedRule {
  return { rule: a.rule, count: a.count + b.count, last: Math.max(a.last, b.last), wider: [...new Set([...a.wider, ...b.wider])] }
}

/** Each of these is about one resource; what another one of it allows already goes, and counts there. */
function withoutCovered(rules: readonly SuggestedRule[]): SuggestedRule[] {
  const byResource = new Map<string, SuggestedRule[]>()
  for (const one of rules) {
    const key = JSON.stringify([one.rule.apiGroups, one.rule.resources, one.rule.nonResourceURLs])
    byResource.set(key, [...byResource.get(key) ?? [], one])
  }
  return [...byResource.values()].flatMap(withoutCoveredIn)
}

function withoutCoveredIn(rules: readonly SuggestedRule[]): SuggestedRule[] {
  const kept: SuggestedRule[] = []
  /** Places in `kept`, by the namespace they hold in; those of several by ''. */
  const places = new Map<string, number[]>()
  // The widest first, so that what goes counts with one that stays.
  for (const one of [...rules].sort((a, b) => byWidth(a, b))) {
    const where = one.rule.namespaces.find(name => !isGlob(name)) ?? ''
    const at = [...places.get('') ?? [], ...where === '' ? [] : places.get(where) ?? []].find(index => covers(kept[index]?.rule, one.rule))
    const by = at === undefined ? undefined : kept[at]
    if (at !== undefined && by !== undefined) kept[at] = { ...together(by, one), wider: by.wider }
    else {
      places.set(where, [...places.get(where) ?? [], kept.length])
      kept.push(one)
    }
  }
  return kept
}

function byWidth(a: SuggestedRule, b: SuggestedRule): number {
  const [left, right] = [widthOf(a), widthOf(b)]
  const at = left.findIndex((number, index) => number !== right[index])
  return at === -1 ? compare(JSON.stringify(a.rule), JSON.stringify(b.rule)) : (left[at] ?? 0) - (right[at] ?? 0)
}

/** The wider a rule, the smaller its first numbers. */
function widthOf({ rule }: SuggestedRule): number[] {
  const place = rule.namespaces[0] === '*' ? 0 : rule.namespaces.some(isGlob) ? 1 : 2
  return [place, rule.resourceNames.length === 0 ? 0 : 1, -rule.acknowledge.length, -rule.verbs.length]
}

function covers(wide: Rule | undefined, rule: Rule): boolean {
  if (wide === undefined) return false
  return rule.verbs.every(verb => wide.verbs.includes(verb))
    && rule.acknowledge.every(route => wide.acknowledge.includes(route))
    && rule.namespaces.every(name => wide.namespaces.some(other => other === name || (isGlob(other) && matchesGlob(other, name))))
    && (wide.resourceNames.length === 0 || (rule.resourceNames.length > 0 && rule.resourceNames.every(name => wide.resourceNames.includes(name))))
}

const verbOrder = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

/** Verbs as people write them, everything else by its letters. */
function inOrder(one: SuggestedRule): SuggestedRule {
  return { ...one, rule: canonical(one.rule) }
}

/** The same rule, its lists in one order and each word once. */
export function canonical(rule: Rule): Rule {
  const place = (verb: string) => (verbOrder.includes(verb) ? verbOrder.indexOf(verb) : verbOrder.length)
  return {
    verbs: sortedSet(rule.verbs).sort((a, b) => place(a) - place(b)),
    apiGroups: sortedSet(rule.apiGroups),
    resources: sortedSet(rule.resources),
    resourceNames: sortedSet(rule.resourceNames),
    nonResourceURLs: sortedSet(rule.nonResourceURLs),
    namespaces: sortedSet(rule.namespaces),
    acknowledge: sortedSet(rule.acknowledge),
  }
}

function sortedSet<T extends string>(words: readonly T[]): T[] {
  return [...new Set(words)].sort(compare)
}

/** Resources first, then paths. */
function sortKey({ rule }: SuggestedRule): string {
  return JSON.stringify([rule.nonResourceURLs.length === 0 ? 0 : 1, rule.apiGroups, rule.resources, rule.nonResourceURLs, rule.namespaces, rule.resourceNames, rule.verbs, rule.acknowledge])
}

/** Of namespaces `*` has all others in it, and stands alone. */
function union(a: readonly string[], b: readonly string[], list: List): string[] {
  if (list === 'namespaces' && (a.includes('*') || b.includes('*'))) return ['*']
  return [...new Set([...a, ...b])].sort(compare)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
