/** Resources of an API group; `*`: of every group. */
export interface GroupResources {
  readonly group: string
  // `pods` (not its subresources), `pods/log`, `pods/*`, `*/scale`, `*`; none: all of the group.
  readonly resources: readonly string[]
  /** Missing or empty: every object, and requests that name none. */
  readonly resourceNames?: readonly string[]
}

interface Named {
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
}

/** As ruleMatchesResource in k8s.io/apiserver pkg/audit/policy/checker.go. */
export function matchesResource({ group, resources, resourceNames = [] }: GroupResources, object: Named): boolean {
  if (group !== '*' && group !== object.group) return false
  if (resources.length === 0) return true
  if (resourceNames.length > 0 && !resourceNames.includes(object.name)) return false
  return resources.some(resource => matchesOne(resource, object))
}

function matchesOne(rule: string, { resource, subresource }: Named): boolean {
  if (rule === '*' || rule === (subresource === '' ? resource : `${resource}/${subresource}`)) return true
  if (subresource !== '' && rule === `*/${subresource}`) return true
  // There, pods/* matches pods as well.
  return rule === `${resource}/*`
}

/** As pathMatches there: `*` is everything, a `*` at the end whatever goes on. */
export function matchesUrl(rule: string, path: string): boolean {
  if (rule === '*' || rule === path) return true
  return rule.endsWith('*') && path.startsWith(rule.replace(/\*+$/, ''))
}
