import type { Audit } from '../../src/audit/audit.ts'
import { createClusters } from '../../src/clusters/clusters.ts'
import { createForward } from '../../src/forward/forward.ts'
import { checkInbound } from '../../src/headers/inbound.ts'
import { createDataServer } from '../../src/listen/data-server.ts'
import { createParserRefusal } from '../../src/listen/parser-refusal.ts'
import { createRequestHandler } from '../../src/listen/request.ts'
import { createSourceIPs } from '../../src/listen/source.ts'
import { createUpgradeHandler } from '../../src/listen/upgrade.ts'
import type { Arrival } from '../../src/model/arrival.ts'
import { createResolve } from '../../src/resolve/resolve.ts'
import { createStreams } from '../../src/streams/open-streams.ts'
import { admitted, callerWith, trailOf, type RecordedTrail } from './builders.ts'
import { makeAuthority } from './certificates.ts'
import { clusterFor, credentialOf, type TestCredential } from './cluster-builders.ts'
import { watchLeaks } from './leak-watch.ts'
import type { Scope } from './scope.ts'

export interface ForwarderOptions {
  readonly upstream: { readonly url: string, readonly ca: string }
  /** Plain HTTP towards the caller. */
  readonly plain?: boolean
  readonly maxRequestBody?: number
  readonly responseTimeout?: number
}

export interface Forwarder {
  readonly port: number
  /** PEM to trust; undefined over plain HTTP. */
  readonly ca: string | undefined
  readonly records: { readonly arrival: Arrival, readonly trail: RecordedTrail }[]
  readonly credential: TestCredential
  /** Whether open streams may go on; ask with `recheck`. */
  readonly streams: ReturnType<typeof createStreams>
  allowed: boolean
}

const silent = { warn() {}, error() {}, debug() {}, info() {}, trace() {}, fatal() {}, silent() {}, level: 'silent', child: () => silent } as never

/** The real listener, resolver and forwarder behind a door that lets everything in. */
export async function startForwarder(t: Scope, options: ForwarderOptions): Promise<Forwarder> {
  const { plain = false, maxRequestBody = 3 * 1024 * 1024, responseTimeout = 30_000 } = options
  const credential = credentialOf('upstream-token')
  const leaks = watchLeaks(t, [credential.token])
  const cluster = clusterFor(t, options.upstream, { credential, timeouts: { connect: 5000, response: responseTimeout } })
  const clusters = createClusters([cluster])
  const streams = createStreams({ recheck: () => forwarder.allowed ? callerWith() : undefined, now: Date.now })
  const records: Forwarder['records'] = []
  const audit: Audit = {
    open: (arrival) => {
      const trail = trailOf()
      records.push({ arrival, trail })
      return trail
    },
    healthy: () => true,
    close: async () => {},
  }
  const resolve = createResolve()
  const door = {
    audit, sourceIPs: createSourceIPs([]), now: Date.now, log: silent, drain: { closing: false, refusing: false }, takeTurn: () => undefined,
    admit: async (arrival: Arrival) => {
      checkInbound(arrival)
      return admitted({ arrival, resolved: resolve(arrival) })
    },
  }
  const authority = makeAuthority()
  const server = await createDataServer({
    host: '127.0.0.1', port: 0, http2: true, keepAlive: 120_000, headerTimeout: 10_000, maxHeaderSize: 65_536,
    maxConnections: 20_000, log: silent,
    tls: plain ? undefined : { ...authority.issue(), clientCa: undefined },
    onRequest: createRequestHandler({ ...door, onward: createForward({ clusters, streams, maxRequestBody: () => maxRequestBody }) }),
    onUpgrade: createUpgradeHandler({ ...door, tunnel: async () => { throw new Error('no tunnels in this test') } }),
    onUnreadable: createParserRefusal(door),
  })
  t.teardown(async () => {
    streams.close()
    server.destroy()
    await server.close()
  })
  await leaks.port(server.port, 'the data listener')
  const forwarder: Forwarder = {
    port: server.port, ca: plain ? undefined : authority.ca, records, credential, streams, allowed: true,
  }
  return forwarder
}
