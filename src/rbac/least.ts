import { keyOf, Permissions } from './permission.ts'
import type { Permission, PolicyRule } from './permission.ts'

/** Without what is there twice, and without what another one, or `beside`, allows already. */
export function least(permissions: readonly Permission[], beside: readonly Permission[] = []): Permission[] {
  const unique = [...new Map(permissions.map(permission => [keyOf(permission), permission])).values()]
  const all = new Permissions(unique)
  const others = new Permissions(beside)
  return unique.filter(permission => !all.coverByAnother(permission) && !others.cover(permission))
}

type Words = Readonly<Record<'verbs' | 'apiGroups' | 'resources' | 'resourceNames' | 'nonResourceURLs', readonly string[]>>

const fields = ['apiGroups', 'resources', 'resourceNames', 'nonResourceURLs', 'verbs'] as const

/**
 * Rules that allow these permissions and nothing else, in one order whatever theirs is. Two
 * rules become one only where they differ in a single list: then it says what the two said.
 */
export function toRules(permissions: readonly Permission[]): PolicyRule[] {
  let rules = permissions.map(toWords)
  for (const field of ['verbs', 'resources', 'nonResourceURLs', 'resourceNames', 'apiGroups'] as const) rules = mergedBy(field, rules)
  return rules.map(toRule).sort((a, b) => compare(sortKey(a), sortKey(b)))
}

function toWords(permission: Permission): Words {
  const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] }
  if (permission.kind === 'url') return { ...none, verbs: [permission.verb], nonResourceURLs: [permission.url] }
  const { verb, group, resource, name } = permission
  return { ...none, verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: name === null ? [] : [name] }
}

function mergedBy(field: keyof Words, rules: readonly Words[]): Words[] {
  const merged = new Map<string, Words>()
  for (const rule of rules) {
    // An empty list is not "nothing": no names are all names.
    const key = JSON.stringify({ ...rule, [field]: rule[field].length > 0 })
    const before = merged.get(key)?.[field] ?? []
    merged.set(key, { ...rule, [field]: [...new Set([...before, ...rule[field]])].sort(compare) })
  }
  return [...merged.values()]
}

function toRule(words: Words): PolicyRule {
  const filled = fields.filter(field => words[field].length > 0).map(field => [field, words[field]])
  return { ...Object.fromEntries(filled), verbs: words.verbs }
}

/** Resources first, then paths. */
function sortKey(rule: PolicyRule): string {
  return JSON.stringify([rule.nonResourceURLs === undefined ? 0 : 1, ...fields.map(field => rule[field] ?? [])])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
