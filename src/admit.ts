import { refuseCluster, refuseSource } from './authorize/source.ts'
import type { Cluster, Clusters } from './clusters/cluster.ts'
import { ProxyError } from './errors.ts'
import { readImpersonation } from './headers/impersonation.ts'
import { checkInbound } from './headers/inbound.ts'
import { headerValue } from './headers/read.ts'
import type { Admitted } from './model/admitted.ts'
import type { Arrival } from './model/arrival.ts'
import type { Resolved } from './model/attributes.ts'
import type { Caller, CallerDefinition, GuardRoute } from './model/caller.ts'
import type { Trail } from './model/trail.ts'
import type { ClusterFacts, Question, ShadowDenial, Verdict } from './model/verdict.ts'

export interface Stops {
  readonly resolve: (arrival: Arrival) => Resolved
  /** Undefined: nothing was presented. Throws ProxyError for a credential that is bad. */
  readonly authenticate: (arrival: Arrival) => Promise<Caller | undefined> | Caller | undefined
  /** What to answer in place of a refusal of a credential that came from there; mostly that refusal. */
  readonly weighRefusal: (refusal: unknown, source: string) => unknown
  /** The public id in a key that was presented, good or bad. */
  readonly claimedKeyId: (arrival: Arrival) => string | undefined
  readonly fromAllowedSource: (caller: CallerDefinition, source: string) => boolean
  readonly mayUseCluster: (caller: CallerDefinition, cluster: string) => boolean
  /** Counts the request against its caller's limits until the returned function is called; throws or rejects with ProxyError RateLimited or TooManyInFlight. */
  readonly limit: (caller: Caller, longRunning: boolean) => (() => void) | Promise<() => void>
  readonly authorize: (caller: Caller, question: Question) => Verdict
  /** For the record: which guarded routes that opens, or would. */
  readonly guarded: (caller: Caller, question: Question, verdict: Verdict) => readonly GuardRoute[]
  /** Of what was allowed: what the caller's shadow scopes would have said. It lets nothing through and stops nothing. */
  readonly shadow: (caller: Caller, question: Question) => ShadowDenial | undefined
  readonly clusters: Clusters
}

/** A promise only where something has to be waited for: mostly nothing has. Throws, or rejects with, ProxyError. */
export type Admit = (arrival: Arrival, trail: Trail) => Admitted | Promise<Admitted>

/**
 * Decides whether an arrival may go upstream. Requests and upgrades both pass here,
 * so no tunnel opens where a plain request would be refused. Resolving comes first,
 * as in the API server: it needs no trust, and a 401 is then recorded with its target.
 */
export function createAdmit(stops: Stops): Admit {
  return function admit(arrival, trail) {
    checkInbound(arrival)
    const resolved = stops.resolve(arrival)
    trail.note({ resolved })
    const entry = { arrival, resolved, trail }
    const caller = authenticated(stops, entry)
    return caller instanceof Promise ? caller.then(known => count(stops, entry, known)) : count(stops, entry, caller)
  }
}

/** One request on its way in. */
interface Entry {
  readonly arrival: Arrival
  readonly resolved: Resolved
  readonly trail: Trail
}

function count(stops: Stops, entry: Entry, caller: Caller): Admitted | Promise<Admitted> {
  const { arrival, resolved, trail } = entry
  const cluster = place(stops, entry, caller)
  const counted = stops.limit(caller, resolved.longRunning || arrival.upgrade)
  if (counted instanceof Promise) return recount(stops, entry, counted)
  trail.onFinish(counted)
  return judge(stops, entry, { caller, cluster })
}

/** Counted from afar: the key may have been revoked while that took its time. */
async function recount(stops: Stops, entry: Entry, counted: Promise<() => void>): Promise<Admitted> {
  // Where the request has gone meanwhile, the trail gives it back at once.
  entry.trail.onFinish(await counted)
  const caller = await authenticated(stops, entry)
  return judge(stops, entry, { caller, cluster: place(stops, entry, caller) })
}

function judge(stops: Stops, { arrival, resolved, trail }: Entry, { caller, cluster }: { readonly caller: Caller, readonly cluster: Cluster }): Admitted {
  const question = toQuestion(arrival, resolved, cluster)
  const verdict = stops.authorize(caller, question)
  const guarded = stops.guarded(caller, question, verdict)
  trail.note(guarded.length === 0 ? { verdict } : { verdict, guarded })
  if (!verdict.allowed) throw new ProxyError(verdict.code, verdict.reason)
  const shadow = stops.shadow(caller, question)
  if (shadow !== undefined) trail.note({ shadow })
  return { arrival, resolved, caller, cluster: cluster.name, question, verdict } as Admitted
}

function nobody({ certificate }: Arrival): ProxyError {
  return new ProxyError('MissingKey', certificate === undefined
    ? 'no API key was presented'
    : 'the client certificate is no caller\'s, and no API key was presented')
}

function authenticated(stops: Stops, entry: Entry): Caller | Promise<Caller> {
  let caller
  try {
    caller = stops.authenticate(entry.arrival)
  } catch (error) {
    return refused(stops, entry, error)
  }
  if (!(caller instanceof Promise)) return known(caller, entry)
  return caller.then(caller => known(caller, entry), (error: unknown) => refused(stops, entry, error))
}

function known(caller: Caller | undefined, { arrival, trail }: Entry): Caller {
  if (caller === undefined) throw nobody(arrival)
  trail.note({ caller })
  return caller
}

/** A key that is refused is still named in the record, by its public id. */
function refused(stops: Stops, { arrival, trail }: Entry, error: unknown): never {
  const claimedKeyId = stops.claimedKeyId(arrival)
  if (claimedKeyId !== undefined) trail.note({ claimedKeyId })
  throw stops.weighRefusal(error, sourceOf(arrival))
}

/** Where from and where to: what is refused before any rule is looked at. */
function place(stops: Stops, { arrival, resolved, trail }: Entry, caller: Caller): Cluster {
  const source = sourceOf(arrival)
  if (!stops.fromAllowedSource(caller.definition, source)) {
    throw new ProxyError('SourceDenied', refuseSource(caller.definition, source))
  }
  const cluster = stops.clusters.find(resolved.cluster)
  if (cluster === undefined || !stops.mayUseCluster(caller.definition, cluster.name)) {
    throw new ProxyError('ClusterDenied', refuseCluster(caller.definition, resolved.cluster))
  }
  trail.note({ cluster: cluster.name })
  return cluster
}

function sourceOf({ sourceIPs }: Arrival): string {
  return sourceIPs[0] ?? ''
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
export function createRecheck({ clusters, authorize, fromAllowedSource, mayUseCluster }: Pick<Stops, 'clusters' | 'authorize' | 'fromAllowedSource' | 'mayUseCluster'>, refresh: (caller: Caller) => Caller | undefined) {
  return function recheck(admitted: Admitted): Caller | undefined {
    const caller = refresh(admitted.caller)
    const cluster = clusters.find(admitted.resolved.cluster)
    if (caller === undefined || cluster?.name !== admitted.cluster) return undefined
    if (!fromAllowedSource(caller.definition, sourceOf(admitted.arrival)) || !mayUseCluster(caller.definition, cluster.name)) return undefined
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
