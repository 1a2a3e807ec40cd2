import type { Attributes } from '../model/attributes.ts'
import type { Grant, Rule } from '../model/caller.ts'
import { describeRequest, describeRule } from './describe.ts'
import { namespaceSet } from './namespaces.ts'
import { quoted, quotedWhereOdd } from './quoted.ts'

/** What a rule would have to say in addition, in RBAC's words, with how far off that makes it. */
interface Lack {
  readonly words: string
  readonly weight: number
}

interface Candidate {
  readonly lacks: readonly Lack[]
  readonly text: string
}

/**
 * Why no rule allows a request: names the caller's nearest rule and what it lacks, in one
 * sentence fit for kubectl's error line. Only a refusal pays for this; it says nothing
 * of other callers.
 */
export function explainRefusal(caller: string, grants: readonly Grant[], asked: Attributes): string {
  const may = `caller "${caller}" may not ${describeRequest(asked)}`
  const nearest = findNearest(grants, asked)
  if (nearest === undefined) return `${may}: it has no rule ${asked.isResourceRequest ? 'for resources' : 'for paths'}`
  return `${may}: nearest rule (${nearest.text}) lacks ${joined(nearest.lacks.map(lack => lack.words))}`
}

function findNearest(grants: readonly Grant[], asked: Attributes): Candidate | undefined {
  let best: Candidate | undefined
  let bestDistance = Infinity
  for (const grant of grants) {
    for (const rule of grant.rules) {
      const lacks = asked.isResourceRequest ? resourceLacks(rule, grant, asked) : pathLacks(rule, grant, asked)
      if (lacks.length === 0) continue
      const distance = lacks.reduce((sum, lack) => sum + lack.weight, 0)
      if (distance > bestDistance) continue
      const text = describeRule(rule, grant)
      // Of two as near as each other the text decides: the order in the file must not show.
      if (distance < bestDistance || best === undefined || text < best.text) best = { lacks, text }
      bestDistance = distance
    }
  }
  return best
}

/** None for a rule that speaks of paths alone. A rule for another resource is farther off than one that lacks a verb, a namespace and a name. */
function resourceLacks(rule: Rule, grant: Grant, asked: Attributes): Lack[] {
  const { verb, apiGroup, resource, subresource, namespace, name } = asked
  if (rule.resources.length === 0 && rule.nonResourceURLs.length > 0) return []
  const combined = subresource === '' ? resource : `${resource}/${subresource}`
  const namesResource = rule.resources.some(entry =>
    entry === '*' || entry === combined || (subresource !== '' && entry === `*/${subresource}`))
  const covered = namespaceSet(rule.namespaces).covers(namespace)
  const narrowed = grant.namespaces === undefined || namespaceSet(grant.namespaces).covers(namespace)
  return present([
    !accepts(rule.verbs, verb) && { words: `verb ${verb === '' ? '""' : verb}`, weight: 2 },
    !accepts(rule.apiGroups, apiGroup) && { words: `apiGroup ${quoted(apiGroup)}`, weight: 5 },
    !namesResource && { words: `resource ${quotedWhereOdd(combined)}`, weight: rule.resources.includes(resource) ? 6 : 10 },
    !covered && { words: namespaceWords(namespace), weight: 2 },
    !narrowed && { words: `${namespaceWords(namespace)} in what it is narrowed to`, weight: 2 },
    rule.resourceNames.length > 0 && !rule.resourceNames.includes(name)
    && { words: name === '' ? 'requests without a name' : `resourceName ${quoted(name)}`, weight: 3 },
  ])
}

function pathLacks(rule: Rule, grant: Grant, { verb, path }: Attributes): Lack[] {
  if (rule.nonResourceURLs.length === 0) return []
  const named = rule.nonResourceURLs.some(url =>
    url === path || (url.endsWith('*') && path.startsWith(url.replace(/(?<!\*)\*+$/, ''))))
  const narrowed = grant.namespaces === undefined || namespaceSet(grant.namespaces).all
  return present([
    !accepts(rule.verbs, verb) && { words: `verb ${verb}`, weight: 2 },
    !named && { words: `nonResourceURL ${quotedWhereOdd(path)}`, weight: 10 },
    !narrowed && { words: 'a narrowing of exactly ["*"]', weight: 2 },
  ])
}

function present(lacks: readonly (Lack | false)[]): Lack[] {
  return lacks.filter(lack => lack !== false)
}

function accepts(values: readonly string[], value: string): boolean {
  return values.includes('*') || values.includes(value)
}

function namespaceWords(namespace: string): string {
  return namespace === '' ? 'namespaces ["*"]' : `namespace ${quoted(namespace)}`
}

function joined(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
