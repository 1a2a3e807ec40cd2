import { refuseCluster, refuseSource } from './authorize/source.ts'
import type { Cluster, Clusters } from './clusters/cluster.ts'
import { ProxyError } from './errors.ts'
import { readImpersonation } from './headers/impersonation.ts'
import { checkInbound } from './headers/inbound.ts'
import { headerValue } from './headers/read.ts'
import type { Admitted } from './model/admitted.ts'
import type { Arrival } from './model/arrival.ts'
import type { Resolved } from './model/attributes.ts'
import type { Caller, CallerDefinition } from './model/caller.ts'
import type { Trail } from './model/trail.ts'
import type { ClusterFacts, Question, Verdict } from './model/verdict.ts'

export interface Stops {
  readonly resolve: (arrival: Arrival) => Resolved
  /** Undefined: nothing was presented. Throws ProxyError for a credential that is bad. */
  readonly authenticate: (arrival: Arrival) => Promise<Caller | undefined> | Caller | undefined
  /** The public id in a key that was presented, good or bad. */
  readonly claimedKeyId: (arrival: Arrival) => string | undefined
  readonly fromAllowedSource: (caller: CallerDefinition, source: string) => boolean
  readonly mayUseCluster: (caller: CallerDefinition, cluster: string) => boolean
  /** Counts the request against its caller's limits until the returned function is called; throws ProxyError RateLimited or TooManyInFlight. */
  readonly limit: (caller: Caller, longRunning: boolean) => () => void
  readonly authorize: (caller: Caller, question: Question) => Verdict
  readonly clusters: Clusters
}

export type Admit = (arrival: Arrival, trail: Trail) => Promise<Admitted>

/**
 * Decides whether an arrival may go upstream. Requests and upgrades both pass here,
 * so no tunnel opens where a plain request would be refused. Resolving comes first,
 * as in the API server: it needs no trust, and a 401 is then recorded with its target.
 */
export function createAdmit(stops: Stops): Admit {
  return async function admit(arrival, trail) {
    checkInbound(arrival)
    const resolved = stops.resolve(arrival)
    trail.note({ resolved })

    const caller = await authenticated(stops, arrival, trail)
    if (caller === undefined) throw nobody(arrival)
    trail.note({ caller })

    const cluster = place(stops, caller, arrival, resolved)
    trail.note({ cluster: cluster.name })
    trail.onFinish(stops.limit(caller, resolved.longRunning || arrival.upgrade))

    const question = toQuestion(arrival, resolved, cluster)
    const verdict = stops.authorize(caller, question)
    trail.note({ verdict })
    if (!verdict.allowed) throw new ProxyError(verdict.code, verdict.reason)

    return { arrival, resolved, caller, cluster: cluster.name, question, verdict } as Admitted
  }
}

function nobody({ certificate }: Arrival): ProxyError {
  return new ProxyError('MissingKey', certificate === undefined
    ? 'no API key was presented'
    : 'the client certificate is no caller\'s, and no API key was presented')
}

/** A key that is refused is still named in the record, by its public id. */
async function authenticated(stops: Stops, arrival: Arrival, trail: Trail): Promise<Caller | undefined> {
  try {
    return await stops.authenticate(arrival)
  } catch (error) {
    const claimedKeyId = stops.claimedKeyId(arrival)
    if (claimedKeyId !== undefined) trail.note({ claimedKeyId })
    throw error
  }
}

/** Where from and where to: what is refused before any rule is looked at. */
function place(stops: Stops, caller: Caller, arrival: Arrival, resolved: Resolved): Cluster {
  const source = arrival.sourceIPs[0] ?? ''
  if (!stops.fromAllowedSource(caller.definition, source)) {
    throw new ProxyError('SourceDenied', refuseSource(caller.definition, source))
  }
  const cluster = stops.clusters.find(resolved.cluster)
  if (cluster === undefined || !stops.mayUseCluster(caller.definition, cluster.name)) {
    throw new ProxyError('ClusterDenied', refuseCluster(caller.definition, resolved.cluster))
  }
  return cluster
}

function toQuestion({ rawHeaders, upgrade }: Arrival, { attributes }: Resolved, cluster: Cluster): Question {
  return {
    attributes,
    upgrade,
    contentType: headerValue(rawHeaders, 'content-type'),
    impersonation: readImpersonation(rawHeaders),
    cluster: cluster.facts(),
  }
}

/**
 * Asks anew about something that was admitted and is still open: after a reload, or
 * when a key ends. `refresh` finds the caller as it is now. Undefined: no longer allowed.
 */
export function createRecheck({ clusters, authorize, mayUseCluster }: Pick<Stops, 'clusters' | 'authorize' | 'mayUseCluster'>, refresh: (caller: Caller) => Caller | undefined) {
  return function recheck(admitted: Admitted): Caller | undefined {
    const caller = refresh(admitted.caller)
    const cluster = clusters.find(admitted.resolved.cluster)
    if (caller === undefined || cluster?.name !== admitted.cluster) return undefined
    if (!mayUseCluster(caller.definition, cluster.name)) return undefined
    const { question } = admitted
    return authorize(caller, { ...question, cluster: factsFor(cluster.facts(), question.cluster) }).allowed ? caller : undefined
  }
}

/**
 * What the clusters of a new config were not told yet is as it was when the stream was opened: it
 * does not end for want of an answer.
 */
function factsFor(now: ClusterFacts, then: ClusterFacts): ClusterFacts {
  if (now.settled) return now
  const { openshift, restrictedIn, account, bootstrapAccount, accountPending } = then
  return { ...now, openshift, restrictedIn, ...now.accountPending ? { account, bootstrapAccount, accountPending } : {} }
}
