import { routesOf } from '../../authorize/guard.ts'
import type { Attributes } from '../../model/attributes.ts'
import type { GuardRoute } from '../../model/caller.ts'
import type { ClusterFacts } from '../../model/verdict.ts'
import type { Permission } from '../../rbac/permission.ts'

/** No namespace has this name: it stands for one that is neither ours nor our account's. */
const another = '(another)'

/**
 * The routes that close a permission wherever it holds, as far as the rule that gives it does
 * not acknowledge them: what is never served need not be granted. A permission with a wildcard
 * is not taken apart: something in it may be served. Undefined namespace: everywhere.
 */
export function closedBy(
  permission: Permission, acknowledge: readonly GuardRoute[], cluster: ClusterFacts, namespace: string | undefined,
): readonly GuardRoute[] {
  if (hasWildcard(permission)) return []
  const places = permission.kind === 'url' ? [''] : namespace === undefined ? ['', another] : [namespace]
  const closed = places.map(place => routesOf(requestFor(permission, place), cluster, false).filter(route => !acknowledge.includes(route)))
  return closed.every(routes => routes.length > 0) ? [...new Set(closed.flat())] : []
}

function hasWildcard(permission: Permission): boolean {
  if (permission.verb === '*') return true
  return permission.kind === 'resource' && (permission.group === '*' || permission.resource === '*' || permission.resource.startsWith('*/'))
}

function requestFor(permission: Permission, namespace: string): Attributes {
  const none = { apiPrefix: '', apiVersion: '', path: '', apiGroup: '', resource: '', subresource: '', name: '', namespace }
  if (permission.kind === 'url') {
    // Of a prefix, some longer path: what the guard closes there it closes for every one.
    return { ...none, isResourceRequest: false, verb: permission.verb, path: permission.url.replace(/\*$/, 'x') }
  }
  const [resource = '', ...rest] = permission.resource.split('/')
  const { verb, group, name } = permission
  return { ...none, isResourceRequest: true, verb, apiGroup: group, resource, subresource: rest.join('/'), name: name ?? '' }
}
