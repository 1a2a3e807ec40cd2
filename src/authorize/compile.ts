import { isGlob, matchesGlob } from '../glob.ts'
import type { Attributes } from '../model/attributes.ts'
import type { Rule } from '../model/caller.ts'
import { addBits, Dimension, emptyBits, setBit, SharedBits, type Bits } from './bits.ts'
import { coversAll } from './namespaces.ts'

/** Callers of one scope share its array, and so what is compiled of it. */
const cache = new WeakMap<readonly Rule[], Compiled>()

export function compile(rules: readonly Rule[]): Compiled {
  let compiled = cache.get(rules)
  if (compiled === undefined) cache.set(rules, compiled = build(rules))
  return compiled
}

/**
 * Rules, indexed by every dimension they speak of. What a request matches is the
 * intersection of a few bit sets, so that a verdict costs about the same with ten rules
 * or a thousand. Matching is RBAC's (k8s.io/kubernetes pkg/apis/rbac/v1/evaluation_helpers.go).
 */
export interface Compiled {
  /** In canonical order: the order in the file must not show in any verdict. */
  readonly rules: readonly Rule[]
  readonly reach: Reach
  readonly namespaces: NamespaceIndex
}

function build(source: readonly Rule[]): Compiled {
  const rules = canonical(source)
  const reach = reachOf(rules)
  return { rules, reach, namespaces: new NamespaceIndex(rules, reach) }
}

/** What rules say apart from their namespaces. */
export class Reach {
  readonly words: number
  /** Sets of rules that hold in some namespace: equal ones are one. */
  readonly sets = new SharedBits()
  readonly #verbs: Dimension
  readonly #resources: (asked: Attributes, out: Bits) => boolean
  readonly #urls: (path: string, out: Bits) => boolean
  readonly #out: Bits

  constructor(rules: readonly Rule[]) {
    this.words = (rules.length + 31) >> 5
    this.#verbs = verbIndex(rules, this.words)
    this.#resources = resourceIndex(rules, this.words)
    this.#urls = urlIndex(rules, this.words)
    this.#out = emptyBits(this.words)
  }

  /** Which rules match, where `inNamespace` hold in the namespace of a resource that is asked for; undefined where none does. Valid until the next call of any. */
  match(asked: Attributes, inNamespace: Bits): Bits | undefined {
    const out = this.#out
    const rest = asked.isResourceRequest ? this.#resources(asked, out) && intersect(out, inNamespace) : this.#urls(asked.path, out)
    return rest && intersect(out, this.#verbs.of(asked.verb)) ? out : undefined
  }
}

/**
 * The same for all whose rules differ in their namespaces alone, as ten thousand callers' do: it
 * is what keeps a verdict in the processor's cache, however many there are.
 */
const reaches = new Map<string, Reach>()
const maxReaches = 512

function reachOf(rules: readonly Rule[]): Reach {
  const key = JSON.stringify(rules.map(({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }) => [verbs, apiGroups, resources, resourceNames, nonResourceURLs]))
  let reach = reaches.get(key)
  if (reach !== undefined) return reach
  reach = new Reach(rules)
  // Those that are in use stay with their callers.
  if (reaches.size >= maxReaches) reaches.clear()
  reaches.set(key, reach)
  return reach
}

function verbIndex(rules: readonly Rule[], words: number): Dimension {
  const verbs = new Dimension(words)
  for (const [index, rule] of rules.entries()) indexValues(verbs, rule.verbs, index)
  verbs.seal()
  return verbs
}

/** Rules that say the same in another order of words stand together; which of them is first does not matter. */
function canonical(rules: readonly Rule[]): Rule[] {
  const keyed = rules.map(rule => ({ rule, key: ruleKey(rule) }))
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return keyed.map(({ rule }) => rule)
}

function ruleKey(rule: Rule): string {
  return JSON.stringify([
    rule.verbs, rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs, rule.namespaces, rule.acknowledge,
  ])
}

function indexValues(dimension: Dimension, values: readonly string[], rule: number): void {
  for (const value of values) {
    if (value === '*') dimension.acceptAny(rule)
    else dimension.accept(value, rule)
  }
}

/** Fills `out` with the rules that match in all but the verb and the namespace; false when none does. */
function resourceIndex(rules: readonly Rule[], words: number): (asked: Attributes, out: Bits) => boolean {
  const [groups, resources, names, anySubresource] =
    [new Dimension(words), new Dimension(words), new Dimension(words), new Dimension(words)]
  for (const [index, rule] of rules.entries()) {
    indexValues(groups, rule.apiGroups, index)
    indexValues(resources, rule.resources, index)
    for (const resource of rule.resources) if (resource.startsWith('*/')) anySubresource.accept(resource.slice(2), index)
    if (rule.resourceNames.length === 0) names.acceptAny(index)
    for (const name of rule.resourceNames) names.accept(name, index)
  }
  for (const dimension of [groups, resources, names, anySubresource]) dimension.seal()
  return ({ apiGroup, resource, subresource, name }, out) => {
    // RBAC knows `pods/log`, `*` and `*/log`; `pods/*` is no pattern.
    copy(out, resources.of(subresource === '' ? resource : `${resource}/${subresource}`))
    if (subresource !== '') addBits(out, anySubresource.of(subresource))
    return intersect(out, groups.of(apiGroup)) && intersect(out, names.of(name))
  }
}

/** Globs up to which trying them costs no more than remembering what came of it. */
const fewGlobs = 8
/** Namespaces that a request named and that more globs were tried on; then the memory starts over. */
const maxRemembered = 256

/** Which rules hold in a namespace; '' stands for none. */
export class NamespaceIndex {
  readonly #sets: SharedBits
  readonly #named: Dimension
  readonly #globs: ReadonlyMap<string, Bits>
  #remembered: Map<string, Bits> | undefined

  constructor(rules: readonly Rule[], { words, sets }: Reach) {
    const named = new Dimension(words)
    const globs = new Map<string, Bits>()
    for (const [index, { namespaces }] of rules.entries()) {
      if (coversAll(namespaces)) named.acceptAny(index)
      else for (const entry of namespaces) {
        if (isGlob(entry)) setBit(getOrAdd(globs, entry, words), index)
        // An empty name must not come to mean what only ["*"] means.
        else if (entry !== '') named.accept(entry, index)
      }
    }
    named.seal(sets)
    this.#sets = sets
    this.#named = named
    this.#globs = globs
  }

  of(namespace: string): Bits {
    if (this.#globs.size === 0 || namespace === '') return this.#named.of(namespace)
    if (this.#globs.size <= fewGlobs) return this.#tryGlobs(namespace)
    const remembered = this.#remembered ??= new Map()
    let bits = remembered.get(namespace)
    if (bits !== undefined) return bits
    bits = this.#tryGlobs(namespace)
    // The names come out of requests: there may be any number.
    if (remembered.size >= maxRemembered) remembered.clear()
    remembered.set(namespace, bits)
    return bits
  }

  #tryGlobs(namespace: string): Bits {
    const bits = [...this.#named.of(namespace)]
    for (const [glob, more] of this.#globs) if (matchesGlob(glob, namespace)) addBits(bits, more)
    return this.#sets.share(bits)
  }
}

/** `*`, an exact path, or a prefix before trailing stars: looked up by each length there is. */
function urlIndex(rules: readonly Rule[], words: number): (path: string, out: Bits) => boolean {
  const exact = new Dimension(words)
  const prefixes = new Map<string, Bits>()
  for (const [index, { nonResourceURLs }] of rules.entries()) {
    indexValues(exact, nonResourceURLs, index)
    for (const url of nonResourceURLs) {
      if (url.endsWith('*')) setBit(getOrAdd(prefixes, url.replace(/(?<!\*)\*+$/, ''), words), index)
    }
  }
  exact.seal()
  const lengths = [...new Set([...prefixes.keys()].map(prefix => prefix.length))]

  return (path, out) => {
    copy(out, exact.of(path))
    for (const length of lengths) {
      const more = length <= path.length ? prefixes.get(path.slice(0, length)) : undefined
      if (more !== undefined) addBits(out, more)
    }
    return out.some(word => word !== 0)
  }
}

function getOrAdd(map: Map<string, Bits>, key: string, words: number): Bits {
  let bits = map.get(key)
  if (bits === undefined) map.set(key, bits = emptyBits(words))
  return bits
}

function copy(out: Bits, from: Bits): void {
  for (let word = 0; word < out.length; word++) out[word] = from[word] ?? 0
}

function intersect(out: Bits, other: Bits): boolean {
  let some = 0
  for (let word = 0; word < out.length; word++) some |= out[word] = (out[word] ?? 0) & (other[word] ?? 0)
  return some !== 0
}
