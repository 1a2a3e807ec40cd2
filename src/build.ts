import type { Logger } from 'pino'
import { createAdmit, createRecheck, type Stops } from './admit.ts'
import { claimedKeyId, createApiKeyAuthenticator } from './authenticate/api-key.ts'
import { createClientCertificateAuthenticator } from './authenticate/client-certificate.ts'
import { createFirstOf } from './authenticate/first-of.ts'
import { createJwtAuthenticator } from './authenticate/jwt.ts'
import { createAuthorize } from './authorize/authorize.ts'
import { fromAllowedSource, mayUseCluster } from './authorize/source.ts'
import type { PolicedAudit } from './audit/create.ts'
import type { Sink } from './audit/sinks/sink.ts'
import type { Cluster } from './clusters/cluster.ts'
import type { Config } from './config/config.ts'
import type { HeldSecrets } from './credentials/held-secrets.ts'
import { createForward } from './forward/forward.ts'
import { createLedger, type Ledger } from './limits/ledger.ts'
import { createLimits } from './limits/limits.ts'
import { createPacer } from './limits/pacer.ts'
import { createWrongCredentials } from './limits/wrong-credentials.ts'
import { createAdminServer, type AdminOptions, type AdminServer } from './listen/admin.ts'
import { createDataServer, type DataServer } from './listen/data-server.ts'
import { createParserRefusal } from './listen/parser-refusal.ts'
import { createRequestHandler } from './listen/request.ts'
import { createSourceIPs } from './listen/source.ts'
import { createUpgradeHandler } from './listen/upgrade.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { createOnward } from './onward.ts'
import { createResolve } from './resolve/resolve.ts'
import { scheduleUnreferenced } from './schedule.ts'
import { createStreams } from './streams/open-streams.ts'
import type { Streams } from './streams/streams.ts'
import { createTunnel } from './tunnel/tunnel.ts'
import { wireAudit } from './wiring/audit.ts'
import { wireCallers, type CallersWiring } from './wiring/callers.ts'
import { wireClusters, type ClusterWiring } from './wiring/clusters.ts'
import { drain, type DrainState } from './wiring/drain.ts'
import { wireIdentity, type IdentityWiring } from './wiring/identity.ts'
import { prepareAll } from './wiring/prepared.ts'
import { createReadiness } from './wiring/readiness.ts'
import { Reloads } from './wiring/reloads.ts'
import { readTls } from './wiring/tls.ts'

export interface BuildOptions {
  readonly log: Logger
  /** Told of every secret that is held; what the log and the audit log take them out by. */
  readonly secrets: HeldSecrets
  readonly env?: NodeJS.ProcessEnv
  /** The namespace of the pod that this process runs in, if it does. */
  readonly podNamespace?: string | undefined
  /** Where the kubelet puts what a pod needs. */
  readonly podFolder?: string | undefined
  /** Read credentials though every user of the machine may. */
  readonly allowLoose?: boolean
  /** Node's own metrics; false where several proxies live in one process. */
  readonly nodeMetrics?: boolean
  /** Of one worker of several: what the primary has for all of them. */
  readonly shared?: Shared | undefined
}

/** Stands in for parts that there is one of, however many processes serve. */
export interface Shared {
  readonly sinks: readonly Sink[]
  readonly ledger: Ledger
  readonly admin: (parts: Omit<AdminOptions, 'metrics'> & { readonly metrics: Metrics }) => AdminServer
}

export interface Portcullis {
  readonly port: number
  readonly admin: { readonly url: string, readonly port: number }
  /** Puts another config in force, as far as it can be without a restart. A rejection changes nothing. */
  apply(config: Config): Promise<void>
  /** For the metric and the log: whether the file on disk is the one in force. */
  configReloaded(ok: boolean): void
  /** Ends what is open as its protocol ends, finishes what is under way, closes. Milliseconds, see `drain`. */
  close(options?: { readonly notice?: number, readonly patience?: number }): Promise<void>
}

/** What the way of a request draws on: made first, closed last. */
interface Rooms {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly audit: PolicedAudit
  readonly callers: CallersWiring
  readonly identity: IdentityWiring
  readonly wired: ClusterWiring
  readonly drain: DrainState
  readonly live: { config: Config }
  readonly configReloaded: (ok: boolean) => void
  readonly shared: Shared | undefined
}

/** Chooses the parts and wires them: the one place that does. Rejects where one of them cannot be, and then leaves nothing open. */
export async function build(config: Config, options: BuildOptions): Promise<Portcullis> {
  const undo: (() => unknown)[] = []
  try {
    return await assemble(config, options, undo)
  } catch (error) {
    for (const close of undo.reverse()) await close()
    throw error
  }
}

async function assemble(config: Config, options: BuildOptions, undo: (() => unknown)[]): Promise<Portcullis> {
  const rooms = await makeRooms(config, options, undo)
  const { streams, stops } = makeStops(rooms)
  undo.push(() => streams.close())
  const server = await makeDataServer(rooms, stops, streams)
  undo.push(() => server.close())
  const reloads = new Reloads({ ...rooms, files: rooms.wired.files, put: (next, signal) => putInForce(next, rooms, { server, streams, signal }) })
  undo.push(() => reloads.close())
  await reloads.follow()
  const admin = makeAdmin(rooms)
  return {
    port: server.port,
    admin: await admin.listen(),
    apply: next => reloads.apply(() => next),
    configReloaded: rooms.configReloaded,
    async close({ notice = 0, patience = 25_000 } = {}) {
      const reloaded = reloads.close()
      await drain({ state: rooms.drain, server, streams, notice, patience })
      await reloaded
      streams.close()
      rooms.callers.close()
      rooms.identity.close()
      await rooms.wired.close()
      // After all that is cut, which has its last event yet to write.
      await rooms.audit.close()
      await admin.close()
    },
  }
}

function makeAdmin({ config, wired, callers, audit, metrics, drain, log, shared }: Rooms): AdminServer {
  const checks = createReadiness({ clusters: wired.clusters, audit, callers: callers.check, now: Date.now })
  return (shared?.admin ?? createAdminServer)({ ...config.admin, checks, metrics, draining: () => drain.closing, log })
}

async function makeRooms(config: Config, { log, secrets, env = process.env, podNamespace, podFolder, allowLoose = false, nodeMetrics = true, shared }: BuildOptions, undo: (() => unknown)[]): Promise<Rooms> {
  const metrics = createMetrics({ now: Date.now, nodeMetrics })
  const inForce = { config: true, callers: true }
  const reloaded = (what: keyof typeof inForce) => (ok: boolean) => {
    inForce[what] = ok
    metrics.configReload(inForce.config && inForce.callers)
  }
  const wired = await wireClusters(config, { log, secrets, metrics, env, podNamespace, podFolder, allowLoose })
  undo.push(() => wired.close())
  const callers = await wireCallers(config, { log, onReload: reloaded('callers'), findCluster: name => wired.clusters.find(name) })
  undo.push(() => callers.close())
  const identity = wireIdentity(config, callers, log)
  undo.push(() => identity.close())
  const audit = wireAudit(config, { log, metrics, secrets, sinks: shared?.sinks, onUsed: callers.used })
  undo.push(() => audit.close())
  return {
    config, log, metrics, audit, callers, identity, wired, shared,
    drain: { closing: false, refusing: false },
    live: { config },
    configReloaded: reloaded('config'),
  }
}

function makeStops({ callers, identity: { issuers, authorities }, wired: { clusters }, metrics, log, shared }: Rooms): { streams: Streams, stops: Stops } {
  const authenticator = createFirstOf([
    createClientCertificateAuthenticator({ callers, trusts: authorities.trusts, now: Date.now, log }),
    createApiKeyAuthenticator({ callers, now: Date.now }),
    createJwtAuthenticator({ callers, issuers, now: Date.now, log }),
  ])
  const stops: Stops = {
    resolve: createResolve(),
    authenticate: (arrival) => {
      callers.requireLoaded()
      return authenticator.authenticate(arrival)
    },
    weighRefusal: createWrongCredentials({ now: () => performance.now() }),
    claimedKeyId,
    fromAllowedSource,
    mayUseCluster,
    limit: createLimits({ ledger: shared?.ledger ?? createLedger({ now: () => performance.now() }) }),
    authorize: createAuthorize(),
    clusters,
  }
  const refresh = (caller: Parameters<typeof authenticator.recheck>[0]) => {
    const found = authenticator.recheck(caller)
    return found instanceof Error ? undefined : found
  }
  const streams = createStreams({ recheck: createRecheck(stops, refresh), now: Date.now, onRevoked: metrics.revoked })
  callers.onChange(since => streams.recheck(since))
  issuers.onChange(() => streams.recheck())
  metrics.countStreams(kind => streams.count(kind))
  return { streams, stops }
}

function makeDataServer(rooms: Rooms, stops: Stops, streams: Streams): Promise<DataServer> {
  const { config: { listen, limits }, wired: { clusters, cacheOf }, audit, log, live } = rooms
  const sourceIPs = createSourceIPs(listen.trustedProxies)
  const takeTurn = createPacer({ now: () => performance.now(), schedule: scheduleUnreferenced, draining: () => rooms.drain.refusing })
  const door = { audit, admit: createAdmit(stops), sourceIPs, now: Date.now, log, drain: rooms.drain, takeTurn }
  const onward = createOnward({
    discovery: admitted => cacheOf(admitted.cluster)?.answer(admitted),
    forward: createForward({ clusters, streams, maxRequestBody: () => live.config.limits.maxRequestBody }),
    onApiChanged: cluster => cacheOf(cluster)?.markChanged(),
    authorization: cluster => presentedTo(clusters.find(cluster)),
  })
  const { host, port, http2, keepAlive } = listen
  const { maxHeaderSize, headerTimeout, maxConnections } = limits
  return readTls(rooms.config).then((tls) => {
    rooms.identity.authorities.replace(tls?.clientCa)
    return createDataServer({
      host, port, http2, keepAlive, maxHeaderSize, headerTimeout, maxConnections, tls, log,
      onRequest: createRequestHandler({ ...door, onward }),
      onUpgrade: createUpgradeHandler({ ...door, tunnel: createTunnel({ clusters, streams }) }),
      onUnreadable: createParserRefusal(door),
    })
  })
}

/** Where there is no credential at present none can come back, and what is cached is still served. */
function presentedTo(cluster: Cluster | undefined): string | undefined {
  try {
    return cluster?.credential.present().authorization
  } catch {
    return undefined
  }
}

interface InForce {
  readonly server: DataServer
  readonly streams: Streams
  /** Aborted when the process is about to end. */
  readonly signal: AbortSignal
}

async function putInForce(next: Config, rooms: Rooms, { server, streams, signal }: InForce): Promise<void> {
  // What can fail comes first, so that a bad file changes nothing. Other files for the listener need a restart.
  const tls = await readTls(rooms.config)
  const prepared = await prepareAll([rooms.wired, rooms.callers], next, signal)
  try {
    signal.throwIfAborted()
    if (tls !== undefined) server.setTls(tls)
  } catch (error) {
    prepared.discard()
    throw error
  }
  prepared.commit()
  rooms.identity.authorities.replace(tls?.clientCa)
  server.setLimits(next.limits)
  rooms.audit.setPolicy(next.audit.policy)
  rooms.log.level = next.log.level
  rooms.live.config = next
  streams.recheck()
  // Until then those are judged by what was known before.
  void rooms.wired.told().then(() => streams.recheck())
}
