import { createAdmit, createRecheck, type Stops } from './admit.ts'
import { claimedKeyId, createApiKeyAuthenticator } from './authenticate/api-key.ts'
import { createClientCertificateAuthenticator } from './authenticate/client-certificate.ts'
import { createFirstOf } from './authenticate/first-of.ts'
import { createJwtAuthenticator } from './authenticate/jwt.ts'
import { createAuthorize } from './authorize/authorize.ts'
import { guardedRoutes } from './authorize/guarded.ts'
import { createShadow } from './authorize/shadow.ts'
import { fromAllowedSource, mayUseCluster } from './authorize/source.ts'
import type { Cluster } from './clusters/cluster.ts'
import type { Config } from './config/config.ts'
import { createForward } from './forward/forward.ts'
import { createLedger } from './limits/ledger.ts'
import { createLimits } from './limits/limits.ts'
import { createPacer } from './limits/pacer.ts'
import { createWrongCredentials } from './limits/wrong-credentials.ts'
import { createAdminServer, type AdminServer } from './listen/admin.ts'
import { createDataServer, type DataServer } from './listen/data-server.ts'
import { createParserRefusal } from './listen/parser-refusal.ts'
import { createRequestHandler } from './listen/request.ts'
import { createSourceIPs } from './listen/source.ts'
import { createUpgradeHandler } from './listen/upgrade.ts'
import { createOnward } from './onward.ts'
import { createResolve } from './resolve/resolve.ts'
import { scheduleUnreferenced } from './schedule.ts'
import { createStreams } from './streams/open-streams.ts'
import type { Streams } from './streams/streams.ts'
import { createTunnel } from './tunnel/tunnel.ts'
import { policyFiles, readPolicy } from './wiring/audit-policy.ts'
import { drain } from './wiring/drain.ts'
import { prepareAll } from './wiring/prepared.ts'
import { createReadiness } from './wiring/readiness.ts'
import { Reloads } from './wiring/reloads.ts'
import { makeRooms, type BuildOptions, type Rooms } from './wiring/rooms.ts'
import { readTls } from './wiring/tls.ts'

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
  const reloads = new Reloads({ ...rooms, files: () => [...rooms.wired.files(), ...policyFiles(rooms.live.config)], put: (next, signal) => putInForce(next, rooms, { server, streams, signal }) })
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
      // After all that is cut, which has its last event yet to write; of a session that says what became of its recording.
      await rooms.recordings.close()
      await rooms.audit.close()
      await admin.close()
    },
  }
}

function makeAdmin({ config, wired, callers, audit, metrics, drain, log, shared }: Rooms): AdminServer {
  const checks = createReadiness({ clusters: wired.clusters, audit, callers: callers.check, now: Date.now })
  return (shared?.admin ?? createAdminServer)({ ...config.admin, checks, metrics, draining: () => drain.closing, log })
}

function makeStops({ callers, identity: { issuers, authorities }, wired: { clusters }, metrics, log, shared }: Rooms): { streams: Streams, stops: Stops } {
  const authenticator = createFirstOf([
    createClientCertificateAuthenticator({ callers, trusts: authorities.trusts, now: Date.now, log }),
    createApiKeyAuthenticator({ callers, now: Date.now }),
    createJwtAuthenticator({ callers, issuers, now: Date.now, log }),
  ])
  const authorize = createAuthorize()
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
    authorize,
    guarded: guardedRoutes,
    shadow: createShadow(authorize),
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
      onUpgrade: createUpgradeHandler({ ...door, tunnel: createTunnel({ clusters, streams, recordings: rooms.recordings }) }),
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
  const policy = await readPolicy(next)
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
  rooms.recordings.configure(next.audit.recordings)
  rooms.audit.setPolicy(policy)
  rooms.log.level = next.log.level
  rooms.live.config = next
  streams.recheck()
  // Until then those are judged by what was known before.
  void rooms.wired.told().then(() => streams.recheck())
}
