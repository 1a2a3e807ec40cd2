import { coversAll } from '../../authorize/namespaces.ts'
import { mayUseCluster } from '../../authorize/source.ts'
import { accountOfUser } from '../../credentials/claims.ts'
import type { CallerDefinition, Grant, GuardRoute, Impersonate, Rule } from '../../model/caller.ts'
import type { ClusterFacts } from '../../model/verdict.ts'
import { permissionsOf, type Permission } from '../../rbac/permission.ts'
import { matchAll, reachOf } from './reach.ts'
import { closedBy } from './servable.ts'

/** A permission, and where our account needs it. */
export interface Need {
  readonly permission: Permission
  readonly at:
    | { readonly kind: 'everywhere' }
    | { readonly kind: 'namespace', readonly name: string }
    /** All of these globs, and no names were given to try them on. */
    | { readonly kind: 'globs', readonly globs: readonly string[] }
}

/** What a rule says and the guard never lets through. */
export interface Refused {
  /** The scope's name; null for a caller's own rules. */
  readonly scope: string | null
  readonly permission: Permission
  readonly routes: readonly GuardRoute[]
}

export interface Needs {
  readonly needs: readonly Need[]
  readonly refused: readonly Refused[]
  /** Globs that none of the given names match. */
  readonly unmatched: readonly string[]
  /** Users that the API server judges itself. */
  readonly impersonated: readonly string[]
  readonly callers: number
}

/** What our own account needs on a cluster to serve its callers. `namespaces`: those that globs are tried on; empty: none are known. */
export function needsOf(callers: readonly CallerDefinition[], cluster: ClusterFacts, namespaces: readonly string[]): Needs {
  const users = callers.filter(caller => mayUseCluster(caller, cluster.name))
  const collector = new Collector(cluster, namespaces)
  const seen = new Set<string>()
  for (const { grants, impersonate } of users) {
    if (impersonate !== undefined) collector.needs.push(...impersonationNeeds(impersonate))
    // Callers of one scope hold the same grant, and need the same.
    else for (const grant of grants) if (isNew(seen, JSON.stringify([grant.scope, grant.namespaces, grant.scope === null ? grant.rules : null]))) collector.addGrant(grant)
  }
  return {
    needs: collector.needs, refused: collector.refused, unmatched: [...collector.unmatched].sort(), callers: users.length,
    impersonated: [...new Set(users.flatMap(({ impersonate }) => impersonate?.user ?? []))].sort(),
  }
}

function isNew(seen: Set<string>, key: string): boolean {
  return seen.size !== seen.add(key).size
}

/** The API server asks for each name by itself (pkg/endpoints/filters/impersonation); a service account's own groups it adds unasked. */
function impersonationNeeds({ user, groups }: Impersonate): Need[] {
  const account = accountOfUser(user)
  const impersonate = (resource: string, name: string): Permission => ({ kind: 'resource', verb: 'impersonate', group: '', resource, name })
  const whom: Need = account === undefined
    ? { permission: impersonate('users', user), at: { kind: 'everywhere' } }
    : { permission: impersonate('serviceaccounts', account.name), at: { kind: 'namespace', name: account.namespace } }
  return [whom, ...groups.map((group): Need => ({ permission: impersonate('groups', group), at: { kind: 'everywhere' } }))]
}

class Collector {
  readonly needs: Need[] = []
  readonly refused: Refused[] = []
  readonly unmatched = new Set<string>()
  readonly #cluster: ClusterFacts
  readonly #namespaces: readonly string[]

  constructor(cluster: ClusterFacts, namespaces: readonly string[]) {
    this.#cluster = cluster
    this.#namespaces = namespaces
  }

  addGrant(grant: Grant): void {
    for (const rule of grant.rules) {
      const reach = reachOf(rule, grant)
      const permissions = permissionsOf(rule)
      // What has no namespace is within a narrowing only if that is ["*"].
      if (grant.namespaces === undefined || coversAll(grant.namespaces)) this.#add(permissions.filter(({ kind }) => kind === 'url'), { kind: 'everywhere' }, rule, grant)
      const resources = permissions.filter(({ kind }) => kind === 'resource')
      if (reach.all) this.#add(resources, { kind: 'everywhere' }, rule, grant)
      for (const name of reach.names) this.#add(resources, { kind: 'namespace', name }, rule, grant)
      for (const globs of reach.globs) this.#addGlobs(resources, globs, rule, grant)
    }
  }

  #addGlobs(permissions: readonly Permission[], globs: readonly string[], rule: Rule, grant: Grant): void {
    if (this.#namespaces.length === 0) return this.#add(permissions, { kind: 'globs', globs }, rule, grant)
    const names = this.#namespaces.filter(name => matchAll(globs, name))
    if (names.length === 0) this.unmatched.add(globs.join(' and '))
    for (const name of names) this.#add(permissions, { kind: 'namespace', name }, rule, grant)
  }

  #add(permissions: readonly Permission[], at: Need['at'], rule: Rule, { scope }: Grant): void {
    const namespace = at.kind === 'namespace' ? at.name : undefined
    const closing = (permission: Permission) => closedBy(permission, rule.acknowledge, this.#cluster, namespace)
    for (const permission of permissions) {
      const routes = closing(permission)
      if (routes.length > 0) this.refused.push({ scope, permission, routes })
      else for (const needed of [permission, ...itsGets(permission).filter(get => closing(get).length === 0)]) this.needs.push({ permission: needed, at })
    }
  }
}

const upgrades = ['pods/exec', 'pods/attach', 'pods/portforward', 'nodes/proxy']

/**
 * An upgrade is judged here as `create` alone, by whichever protocol. By WebSocket it is a GET:
 * an API server takes it for `get`, newer ones ask for both.
 */
function itsGets(permission: Permission): Permission[] {
  if (permission.kind === 'url' || permission.verb !== 'create' || (permission.group !== '' && permission.group !== '*')) return []
  const { resource, name } = permission
  const reached = upgrades.filter(upgrade => resource === '*' || resource === upgrade || resource === `*${upgrade.slice(upgrade.indexOf('/'))}`)
  return reached.map((resource): Permission => ({ kind: 'resource', verb: 'get', group: '', resource, name }))
}
