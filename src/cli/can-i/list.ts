import { coversAll, namespaceSet } from '../../authorize/namespaces.ts'
import { routesOf } from '../../authorize/guard.ts'
import type { Attributes } from '../../model/attributes.ts'
import { guardRoutes, type CallerDefinition, type Grant, type GuardRoute, type Rule } from '../../model/caller.ts'
import type { ClusterFacts } from '../../model/verdict.ts'
import { Permissions, permissionsOf, type Permission } from '../../rbac/permission.ts'
import { judgeIn } from '../judge.ts'
import { reachOf } from '../rbac/reach.ts'

/** What a rule says, and is refused all the same. */
export interface Closed {
  readonly permission: Permission
  /** The guard's; none: it would need `create` beside it. */
  readonly routes: readonly GuardRoute[]
}

export interface Listing {
  /** In the order in which they stand in the file. */
  readonly allowed: readonly Permission[]
  readonly closed: readonly Closed[]
  /** Routes that keep closed a part of what a wildcard in `allowed` says. */
  readonly closedWithin: readonly GuardRoute[]
  /** Namespaces and globs in which other rules hold. */
  readonly elsewhere: readonly string[]
}

/** What every caller may read; the paths of authorize/discovery.ts. */
const discovery: readonly Permission[] = ['/api', '/api/*', '/apis', '/apis/*', '/oapi', '/oapi/*', '/openapi', '/openapi/v2', '/openapi/v3', '/openapi/v3/*', '/version']
  .map(url => ({ kind: 'url', verb: 'get', url }))

/** All that a caller may do in a namespace, or, with `''`, at the cluster scope and over all namespaces. */
export function listFor(caller: CallerDefinition, cluster: ClusterFacts, namespace: string): Listing {
  const allowed: Permission[] = caller.discovery ? [...discovery] : []
  const closed: Closed[] = []
  const within = new Set<GuardRoute>()
  for (const { rule, grant } of rulesOf(caller)) {
    for (const permission of permissionsOf(rule).filter(permission => holdsIn(permission, rule, grant, namespace))) {
      if (isPattern(permission)) {
        allowed.push(permission)
        if (permission.verb === '*' || permission.kind === 'url' || permission.resource.includes('*')) addRoutes(within, rule)
        continue
      }
      const judge = (asked: Permission) => judgeIn(caller, cluster, { attributes: requestFor(asked, namespace), upgrade: false, contentType: undefined })
      const verdict = judge(permission)
      if (verdict.allowed) allowed.push(permission)
      else closed.push({ permission, routes: verdict.code === 'EscalationDenied' ? routesOf(requestFor(permission, namespace), cluster, caller.impersonate !== undefined) : [] })
      // What it needs beside it may be there for some names alone: an update that creates, say.
      if (!verdict.allowed) allowed.push(...named(permission, caller).filter(one => judge(one).allowed))
    }
  }
  const granted = new Permissions(allowed)
  return { allowed, closed: closed.filter(({ permission }) => !granted.cover(permission)), closedWithin: [...within], elsewhere: namespacesBeside(caller, namespace) }
}

/** The same of each name that a rule speaks of. */
function named(permission: Permission, caller: CallerDefinition): Permission[] {
  if (permission.kind === 'url' || permission.name !== null) return []
  const names = new Set(rulesOf(caller).flatMap(({ rule }) => rule.resourceNames))
  return [...names].map(name => ({ ...permission, name }))
}

function rulesOf({ grants }: CallerDefinition): { rule: Rule, grant: Grant }[] {
  return grants.flatMap(grant => grant.rules.map(rule => ({ rule, grant })))
}

/** What has no namespace is within a narrowing only if that is `["*"]`. */
function holdsIn({ kind }: Permission, rule: Rule, { namespaces = ['*'] }: Grant, namespace: string): boolean {
  if (kind === 'url') return coversAll(namespaces)
  return namespaceSet(rule.namespaces).covers(namespace) && namespaceSet(namespaces).covers(namespace)
}

/** Stands for many requests, of which the guard may let through some. */
function isPattern(permission: Permission): boolean {
  const { verb } = permission
  return permission.kind === 'url' ? [verb, permission.url].some(word => word.includes('*')) : [verb, permission.group, permission.resource].some(word => word.includes('*'))
}

function addRoutes(routes: Set<GuardRoute>, { acknowledge }: Rule): void {
  for (const route of guardRoutes) if (!acknowledge.includes(route)) routes.add(route)
}

function requestFor(permission: Permission, namespace: string): Attributes {
  const none = { apiPrefix: '', apiVersion: '', path: '', apiGroup: '', namespace: '', resource: '', subresource: '', name: '' }
  if (permission.kind === 'url') return { ...none, isResourceRequest: false, verb: permission.verb, path: permission.url }
  const [resource = '', ...rest] = permission.resource.split('/')
  return { ...none, isResourceRequest: true, verb: permission.verb, apiGroup: permission.group, namespace, resource, subresource: rest.join('/'), name: permission.name ?? '' }
}

function namespacesBeside(caller: CallerDefinition, namespace: string): string[] {
  const others = rulesOf(caller).filter(({ rule }) => rule.resources.length > 0).flatMap(({ rule, grant }) => {
    const { names, globs } = reachOf(rule, grant)
    return [...names, ...globs.map(all => all.join(' and '))]
  })
  return [...new Set(others)].filter(name => name !== namespace).sort()
}
