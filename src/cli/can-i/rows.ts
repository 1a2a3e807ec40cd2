import type { Permission } from '../../rbac/permission.ts'
import type { Column } from '../table.ts'

/** A line of the list: one resource or one path, and the verbs on it. */
export interface Row {
  readonly resource: string
  readonly apiGroup: string
  readonly resourceNames: readonly string[]
  readonly nonResourceURLs: readonly string[]
  readonly verbs: readonly string[]
}

/**
 * Rows as `kubectl auth can-i --list` has them: rules taken apart, and what is about the same resource
 * and name put together again, in the order of their protobuf text (k8s.io/kubectl pkg/cmd/auth/cani.go,
 * k8s.io/component-helpers auth/rbac/validation and pkg/util/rbac).
 */
export function rowsOf(permissions: readonly Permission[]): Row[] {
  const rows = new Map<string, Row>()
  for (const permission of permissions) {
    const row = rowOf(permission)
    // Paths it leaves taken apart.
    const key = JSON.stringify([row, permission.kind === 'url' && permission.verb])
    const verbs = rows.get(key)?.verbs ?? []
    rows.set(key, { ...row, verbs: [...new Set([...verbs, permission.verb])] })
  }
  return [...rows.values()].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
}

function rowOf(permission: Permission): Row {
  if (permission.kind === 'url') return { resource: '', apiGroup: '', resourceNames: [], nonResourceURLs: [permission.url], verbs: [] }
  const { group, resource, name } = permission
  return { resource, apiGroup: group, resourceNames: name === null ? [] : [name], nonResourceURLs: [], verbs: [] }
}

function sortKey({ verbs, apiGroup, resource, resourceNames, nonResourceURLs }: Row): string {
  const groups = resource === '' ? [] : [apiGroup]
  const resources = resource === '' ? [] : [resource]
  return `&PolicyRule{Verbs:${listed(verbs)},APIGroups:${listed(groups)},Resources:${listed(resources)},ResourceNames:${listed(resourceNames)},NonResourceURLs:${listed(nonResourceURLs)},}`
}

/** A list as Go prints it. */
function listed(values: readonly string[]): string {
  return `[${values.join(' ')}]`
}

/** `deployments.apps/scale`. */
export function resourceOf({ resource, apiGroup }: Pick<Row, 'resource' | 'apiGroup'>): string {
  const [type = '', ...rest] = resource.split('/')
  return [`${type}${apiGroup === '' ? '' : `.${apiGroup}`}`, ...rest].join('/')
}

export const columns: readonly Column<Row>[] = [
  { head: 'Resources', cell: resourceOf },
  { head: 'Non-Resource URLs', cell: row => listed(row.nonResourceURLs) },
  { head: 'Resource Names', cell: row => listed(row.resourceNames) },
  { head: 'Verbs', cell: row => listed(row.verbs) },
]
