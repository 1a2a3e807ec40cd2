import { isWrite, type Attributes } from '../model/attributes.ts'
import type { GuardRoute } from '../model/caller.ts'
import type { ClusterFacts } from '../model/verdict.ts'
import { guardTable, type GuardEntry } from './guard-table.ts'

const none: readonly GuardRoute[] = []
const intoPods = new Set(['exec', 'attach', 'portforward', 'proxy'])
/** RBAC's virtual verbs have routes of their own: `impersonate users` writes no user. */
const verbRoutes = new Map<string, readonly GuardRoute[]>([
  ['escalate', ['grant-role']], ['bind', ['grant-role']], ['impersonate', ['impersonate']],
  ['approve', ['sign-certificate']], ['sign', ['sign-certificate']],
])

/** Most requests name a resource that no route covers: one look-up tells. */
const byResource = new Map<string, GuardEntry[]>()
for (const entry of guardTable) {
  const entries = byResource.get(entry.resource)
  if (entries === undefined) byResource.set(entry.resource, [entry])
  else entries.push(entry)
}

/**
 * The escalation routes a request would open: what it would yield through our identity
 * beyond what its rule says. RBAC's own checks (`escalate`, `bind`, SCC admission) run
 * against our privileged account, so they stop nobody behind this proxy.
 * `judgedUpstream`: the caller has a configured `impersonate`, and is judged itself.
 */
export function routesOf(asked: Attributes, cluster: ClusterFacts, judgedUpstream: boolean): readonly GuardRoute[] {
  if (!asked.isResourceRequest) return isServerInternal(asked.path) ? ['server-internals'] : none
  // `impersonate:user-info`, `impersonate-on:…` are its constrained forms (Kubernetes 1.35).
  const virtual = verbRoutes.get(asked.verb.replace(/^(impersonate)(?:-on)?:.*/s, '$1'))
  if (virtual !== undefined) return virtual

  const routes = new Set<GuardRoute>()
  for (const entry of byResource.get(asked.resource) ?? []) {
    if (covers(entry, asked) && !fallsAway(entry, asked, cluster, judgedUpstream)) routes.add(entry.route)
  }
  addVerbProxy(asked, routes)
  addOwnNamespaces(asked, cluster, routes)
  return routes.size === 0 ? none : [...routes]
}

function isServerInternal(path: string): boolean {
  return path.startsWith('/logs') || path === '/debug' || path.startsWith('/debug/')
}

function fallsAway(entry: GuardEntry, { namespace }: Attributes, cluster: ClusterFacts, judgedUpstream: boolean): boolean {
  if (entry.judgedUpstream === true && judgedUpstream) return true
  return entry.byConstraints === true && (!cluster.openshift || cluster.restrictedIn.has(namespace))
}

function covers(entry: GuardEntry, asked: Attributes): boolean {
  if (!entry.groups.includes(asked.apiGroup)) return false
  if (entry.subresources !== undefined && !entry.subresources.includes(asked.subresource)) return false
  switch (entry.reach) {
    case 'any': return true
    case 'write': return isWrite(asked.verb)
    case 'create': return asked.verb === 'create'
  }
}

/** The old `/api/v1/proxy/nodes/…`: the verb is in the path, and there is no subresource. */
function addVerbProxy({ verb, apiGroup, resource }: Attributes, routes: Set<GuardRoute>): void {
  if (verb === 'proxy' && apiGroup === '' && resource === 'nodes') routes.add('node-proxy')
}

/**
 * What reaches the credential we hold, and the place where our callers are written down. Where
 * Portcullis runs lie its password, its bootstrap token and its TLS key, so they count as the credential.
 */
function addOwnNamespaces(asked: Attributes, cluster: ClusterFacts, routes: Set<GuardRoute>): void {
  const { account, bootstrapAccount, accountPending, ownNamespaces } = cluster
  const write = isWrite(asked.verb)
  // A request for every namespace includes ours, also where we do not know which one that is.
  const everywhere = asked.namespace === ''
  const inAccounts = !everywhere && (accountPending || asked.namespace === account?.namespace || asked.namespace === bootstrapAccount?.namespace)
  const inOwn = ownNamespaces.includes(asked.namespace)
  if (isSecret(asked) && (everywhere || inAccounts || inOwn)) routes.add('own-credential')
  if (isSecret(asked) && asked.resource === 'secrets' && write && (everywhere || inAccounts)) routes.add('mint-token')
  if (inAccounts && write) routes.add('own-credential')
  if ((inAccounts || inOwn) && (intoPods.has(asked.subresource) || asked.verb === 'proxy')) routes.add('own-credential')
  if (write && (inOwn || isOwnGroup(asked.apiGroup))) routes.add('own-callers')
}

function isSecret({ apiGroup, resource, subresource }: Attributes): boolean {
  if (resource === 'secrets') return apiGroup === ''
  return resource === 'imagestreams' && subresource === 'secrets' && (apiGroup === '' || apiGroup === 'image.openshift.io')
}

function isOwnGroup(group: string): boolean {
  return group === 'portcullis.dev' || group.endsWith('.portcullis.dev')
}
