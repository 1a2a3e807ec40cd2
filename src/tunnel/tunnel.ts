import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Cluster, Clusters } from '../clusters/cluster.ts'
import { ProxyError } from '../errors.ts'
import { clusterPrefix } from '../headers/prefix.ts'
import { rawHead } from '../headers/raw-head.ts'
import { callerHeaders, callerReason } from '../headers/response.ts'
import type { Admitted } from '../model/admitted.ts'
import type { Trail } from '../model/trail.ts'
import type { Recordings } from '../recordings/recordings.ts'
import type { Streams } from '../streams/streams.ts'
import { protocolEnds } from './ends.ts'
import { OnRecord } from './on-record.ts'
import { open, type Opened } from './open.ts'
import { checkSwitch, protocolNames, requestedUpgrade, type UpgradeKind } from './protocol.ts'
import { relay, type Ended } from './relay.ts'
import { splice } from './splice.ts'
import { whileWaiting } from './waiting.ts'

export interface TunnelOptions {
  readonly clusters: Clusters
  readonly streams: Streams
  readonly recordings: Recordings
}

/** The raw connection of an upgrade, as node:http hands it over. */
export interface Upgrade {
  readonly socket: Duplex
  /** What the caller sent behind its head. */
  readonly head: Buffer
  readonly trail: Trail
}

export type Tunnel = (admitted: Admitted, upgrade: Upgrade) => Promise<void>

/**
 * Takes an admitted upgrade to its cluster and joins the two connections after the
 * 101; any other answer is relayed and both are closed. Resolves when all is over and
 * the trail finished. Rejects with ProxyError only while nothing was written to the
 * caller, whose socket is then paused, and its trail open.
 */
export function createTunnel({ clusters, streams, recordings }: TunnelOptions): Tunnel {
  return async function tunnel(admitted, upgrade) {
    const kind = requestedUpgrade(admitted.arrival)
    const cluster = clusters.find(admitted.cluster)
    if (cluster === undefined) throw new ProxyError('ClusterDenied', 'this cluster is not open to this caller')
    tune(upgrade.socket)
    const stop = new AbortController()
    const record = await OnRecord.open({ admitted, kind, trail: upgrade.trail, recordings, onLost: () => stop.abort('unrecorded') })
    const passage = new Passage({ admitted, upgrade, cluster, kind, stop, record })
    await passage.run(streams.add({ admitted, kind, end: why => stop.abort(why) }))
  }
}

/** A dead peer is found by the kernel: silence alone never ends a tunnel. */
const keepAliveMs = 30_000

interface PassageOptions {
  readonly admitted: Admitted
  readonly upgrade: Upgrade
  readonly cluster: Cluster
  readonly kind: UpgradeKind
  /** The one way to end it early; the reason is an Ending. */
  readonly stop: AbortController
  readonly record: OnRecord
}

interface Passed extends Ended {
  /** 0: the caller left before there was an answer. */
  readonly status: number
}

class Passage {
  readonly #admitted: Admitted
  readonly #upgrade: Upgrade
  readonly #cluster: Cluster
  readonly #kind: UpgradeKind
  readonly #stop: AbortController
  readonly #record: OnRecord

  constructor({ admitted, upgrade, cluster, kind, stop, record }: PassageOptions) {
    this.#admitted = admitted
    this.#upgrade = upgrade
    this.#cluster = cluster
    this.#kind = kind
    this.#stop = stop
    this.#record = record
  }

  /** `release`: called when both connections are over, though their record may not be. */
  async run(release: () => void): Promise<void> {
    let passed: Passed
    try {
      passed = await this.#pass()
    } catch (error) {
      await this.#record.discard()
      throw error
    } finally {
      release()
    }
    await (passed.status === 101 ? this.#record.end() : this.#record.discard())
    this.#upgrade.trail.finish(passed)
  }

  async #pass(): Promise<Passed> {
    const opened = await this.#open()
    if (opened === undefined) return { status: 0, ending: 'caller-left', bytesOut: 0 }
    const status = opened.response.statusCode ?? 0
    try {
      return { status, ...await (opened.switched ? this.#splice(opened) : this.#relay(opened, status)) }
    } finally {
      opened.upstream.destroy()
    }
  }

  /** Undefined when the caller did not wait for it. */
  async #open(): Promise<Opened | undefined> {
    const { socket, head, trail } = this.#upgrade
    const begunAt = performance.now()
    const settle = whileWaiting(socket, head, () => this.#stop.abort('caller-left'))
    let opened: Opened | undefined
    try {
      opened = await open(this.#admitted, this.#cluster, protocolNames[this.#kind], this.#stop.signal)
      trail.note({ upstreamMs: performance.now() - begunAt })
      this.#stop.signal.throwIfAborted()
      if (!opened.switched) return opened
      checkSwitch(this.#kind, this.#admitted.arrival.rawHeaders, opened.response.rawHeaders)
      this.#record.begin(opened.response)
      return opened
    } catch (error) {
      opened?.upstream.destroy()
      if (!this.#stop.signal.aborted) throw error
      if (this.#stop.signal.reason !== 'caller-left') throw endedWhileOpening(this.#stop.signal)
      socket.destroy()
      return undefined
    } finally {
      settle()
    }
  }

  #splice(opened: Opened): Promise<Ended> {
    const { socket, trail } = this.#upgrade
    tune(opened.upstream)
    const headers = [...this.#headers(opened), 'Connection', 'Upgrade', 'Upgrade', protocolNames[this.#kind]]
    socket.write(rawHead(101, 'Switching Protocols', headers))
    trail.started(101)
    return splice({ caller: socket, upstream: opened.upstream, protocolEnd: protocolEnds[this.#kind], tap: this.#record, signal: this.#stop.signal })
  }

  #relay(opened: Opened, status: number): Promise<Ended> {
    const { socket, trail } = this.#upgrade
    if (this.#admitted.resolved.longRunning && status < 300) trail.started(status)
    const { response, authorization } = opened
    const reason = callerReason(response.statusMessage ?? '', authorization)
    return relay({ response, caller: socket, reason, headers: this.#headers(opened), stop: this.#stop })
  }

  #headers({ response, authorization }: Opened): string[] {
    const { arrival, resolved } = this.#admitted
    return callerHeaders(response.rawHeaders, { auditId: arrival.auditId, prefix: clusterPrefix(resolved.cluster), authorization })
  }
}

function tune(socket: Duplex): void {
  // Without a listener an 'error' of a socket would end the process; the 'close' that follows says enough.
  socket.on('error', () => {})
  if (!(socket instanceof Socket)) return
  socket.setTimeout(0)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
}

function endedWhileOpening({ reason }: AbortSignal): ProxyError {
  if (reason === 'drained') return new ProxyError('Draining', 'this server is shutting down')
  if (reason === 'unrecorded') return new ProxyError('AuditUnavailable', 'the recording of this session cannot go on')
  return new ProxyError('RevokedKey', 'the key or the scope that opened this stream is gone')
}
