import { isWrite } from '../model/attributes.ts'
import { least, toRules } from '../rbac/least.ts'
import { keyOf, type Permission, type PolicyRule } from '../rbac/permission.ts'

const mostRules = 4
const mostWords = 6

/** Permissions by namespace as one line: the widest first, and no more than a few of them. Undefined for none. */
export function describeBeyond(found: readonly (readonly [namespace: string, permissions: readonly Permission[]])[]): string | undefined {
  const places = new Map<string, { permission: Permission, namespaces: string[] }>()
  for (const [namespace, permissions] of found) {
    for (const permission of least(permissions)) {
      const key = keyOf(permission)
      const place = places.get(key) ?? { permission, namespaces: [] }
      place.namespaces.push(namespace)
      places.set(key, place)
    }
  }
  const rules = [...groupByNamespaces([...places.values()])].flatMap(([namespaces, permissions]) =>
    toRules(permissions).map(rule => ({ width: widthOf(rule), text: wordsOf(rule, namespaces) })))
  if (rules.length === 0) return undefined
  const texts = rules.sort((a, b) => b.width - a.width || (a.text < b.text ? -1 : 1)).map(({ text }) => text)
  const more = texts.length > mostRules ? [`and ${texts.length - mostRules} more`] : []
  return [...texts.slice(0, mostRules), ...more].join('; ')
}

function groupByNamespaces(places: readonly { permission: Permission, namespaces: readonly string[] }[]): Map<string, Permission[]> {
  const groups = new Map<string, Permission[]>()
  for (const { permission, namespaces } of places) {
    // Paths are in no namespace.
    const key = permission.kind === 'url' ? '' : namespaces.join(', ')
    groups.set(key, [...groups.get(key) ?? [], permission])
  }
  return groups
}

/** Wildcards before words, and writes before reads. */
function widthOf({ verbs, resources = [] }: PolicyRule): number {
  return Number(verbs.includes('*')) * 4 + Number(resources.includes('*')) * 2 + Number(verbs.some(isWrite))
}

function wordsOf({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule, namespaces: string): string {
  if (nonResourceURLs.length > 0) return `${listed(verbs)} ${nonResourceURLs.includes('*') ? 'every path' : listed(nonResourceURLs)}`
  const all = [verbs, apiGroups, resources].every(list => list.includes('*')) && resourceNames.length === 0
  const plain = all || apiGroups.join() === ''
  const groups = plain ? '' : ` of ${listed(apiGroups.map(group => group === '' ? '""' : group))}`
  const names = resourceNames.length === 0 ? '' : ` named ${listed(resourceNames)}`
  return `${listed(verbs)} ${listed(resources)}${groups}${names} in ${namespaces}${all ? ' (cluster-admin?)' : ''}`
}

function listed(words: readonly string[]): string {
  const more = words.length > mostWords ? `,… (${words.length - mostWords} more)` : ''
  return `${words.slice(0, mostWords).join(',')}${more}`
}
