import { Batch } from '../batch.ts'
import type { Cluster, Clusters } from '../clusters/cluster.ts'
import { ProxyError } from '../errors.ts'
import { headerValue } from '../headers/read.ts'
import { admittedHeaders } from '../headers/request.ts'
import { callerHeaders, callerReason } from '../headers/response.ts'
import { clusterPrefix } from '../headers/prefix.ts'
import type { Admitted } from '../model/admitted.ts'
import { has401sOfItsOwn, isProxied, type Attributes } from '../model/attributes.ts'
import type { Exchange, Reply } from '../model/exchange.ts'
import type { BodyCopies, EarlyEnd } from '../model/trail.ts'
import type { Presented } from '../credentials/credential.ts'
import type { OpenStream, StreamKind, Streams } from '../streams/streams.ts'
import { isStaleSocket, translateUpstreamError } from '../upstream-errors.ts'
import { GuardedBody, tooLarge, type BodyLimits } from './body.ts'
import { Relay, type RelayEnd, type RelayOptions } from './relay.ts'

export interface ForwardOptions {
  readonly clusters: Clusters
  readonly streams: Streams
  /** Bytes; does not hold for long-running requests. */
  readonly maxRequestBody: () => number
}

export type Forward = (admitted: Admitted, exchange: Exchange) => Promise<void>

/**
 * Sends an admitted request to its cluster and its answer back, both streaming.
 * Throws or rejects with ProxyError while nothing of an answer was sent; afterwards a failure
 * cuts the caller's connection. Sent once, but for a bodyless request whose pooled
 * connection had died, and after a 401 once more with a renewed credential.
 */
export function createForward({ clusters, streams, maxRequestBody }: ForwardOptions): Forward {
  return function forward(admitted, exchange) {
    const cluster = clusters.find(admitted.cluster)
    if (cluster === undefined) throw new ProxyError('ClusterDenied', 'this cluster is not open to this caller')
    const { longRunning } = admitted.resolved
    const copies = exchange.trail.bodies()
    const limits = longRunning ? endless : { maxSize: maxRequestBody(), timeout: cluster.timeouts.response }
    const body = guard(exchange, { ...limits, copy: copies?.request })
    if (longRunning && body !== undefined) exchange.trail.note({ received: body })
    const sending = new Sending(admitted, exchange, cluster, { body, copies })
    const release = longRunning ? streams.add(sending.asStream()) : undefined
    exchange.reply.onClose(() => {
      // Not before: what the caller has still to take is as open as what the API server has still to say.
      release?.()
      sending.callerIsGone()
    })
    exchange.invite()
    return body === undefined ? sending.run() : sending.run().finally(() => body.destroy())
  }
}

const endless = { maxSize: undefined, timeout: undefined }

function guard(exchange: Exchange, limits: BodyLimits): GuardedBody | undefined {
  if (exchange.body === undefined) return undefined
  const { maxSize } = limits
  const length = headerValue(exchange.arrival.rawHeaders, 'content-length')
  if (maxSize !== undefined && Number(length ?? 0) > maxSize) throw tooLarge(maxSize)
  return new GuardedBody(exchange.body, limits)
}

interface BodyOnItsWay {
  readonly body: GuardedBody | undefined
  readonly copies: BodyCopies | undefined
}

interface Dispatch {
  readonly sending: Sending
  readonly relay: Relay
  readonly headers: readonly string[]
}

/** What goes up with the requests that were admitted in the same turn. */
const dispatches = new Batch<Dispatch>(dispatch => dispatch.sending.dispatch(dispatch), process.nextTick)

/** One request on its way: at most two dispatches, and whatever may end it early. */
class Sending implements RelayOptions {
  readonly #admitted: Admitted
  readonly #exchange: Exchange
  readonly #cluster: Cluster
  readonly #body: GuardedBody | undefined
  readonly #copies: BodyCopies | undefined
  #relay: Relay | undefined
  #aborted: Error | undefined
  /** Of the sending under way. */
  #presented: Presented | undefined
  #sentAt = 0

  constructor(admitted: Admitted, exchange: Exchange, cluster: Cluster, { body, copies }: BodyOnItsWay) {
    this.#admitted = admitted
    this.#exchange = exchange
    this.#cluster = cluster
    this.#body = body
    this.#copies = copies
  }

  async run(): Promise<void> {
    const presented = this.#cluster.credential.present()
    const first = await this.#send(presented)
    if (first.kind === 'answered') return
    if (first.kind === 'failed' && !this.#mayRepeat(first.error)) return this.#fail(first.error)
    if (first.kind === 'unauthorized') await this.#renew(presented, first.alert)

    const second = await this.#send(this.#cluster.credential.present())
    if (second.kind === 'unauthorized') throw this.#cluster.rejected(second.alert)
    if (second.kind === 'failed') this.#fail(second.error)
  }

  /** A body cannot be sent twice, for it was never kept. */
  #mayRepeat(error: Error): boolean {
    if (this.#body !== undefined || this.#aborted !== undefined || this.#relay?.answerBegun !== false) return false
    return isStaleSocket(error)
  }

  async #renew(rejected: Presented, alert: Error | undefined): Promise<void> {
    const renewed = await this.#cluster.credential.renew(rejected)
    if (!renewed) throw this.#cluster.rejected(alert)
    // What is known of the one in force says nothing of the one that was rejected.
    if (this.#body !== undefined) throw sendAgain()
  }

  #send(presented: Presented): Promise<RelayEnd> {
    this.#presented = presented
    // Before there is a relay: what may not be sent throws here.
    const headers = admittedHeaders(this.#admitted, { origin: this.#cluster.origin, authorization: presented.authorization })
    this.#sentAt = performance.now()
    const relay = this.#relay = new Relay(this)
    if (this.#aborted !== undefined) relay.abort(this.#aborted)
    dispatches.add({ sending: this, relay, headers })
    return relay.ended
  }

  dispatch({ relay, headers }: Dispatch): void {
    // Called off already, or refused for what came with it: nothing of it goes up, and no connection is made for it.
    if (relay.over || this.reply.started || this.reply.closed) return
    const { resolved: { longRunning, target }, arrival: { method } } = this.#admitted
    const { long, short, basePath, timeouts } = this.#cluster
    try {
      // A quiet watch is none the worse for it; anything else the API server itself ends after 60 s.
      const patience = longRunning ? 0 : timeouts.response
      ;(longRunning ? long : short).send({ method, target: basePath + target, headers, body: this.#body, patience }, relay)
      relay.waitForConnection()
    } catch (error) {
      relay.abort(error as Error)
    }
  }

  get reply(): Reply {
    return this.#exchange.reply
  }

  get flush(): boolean {
    return this.#admitted.resolved.longRunning
  }

  get endsWithHead(): boolean {
    return this.flush && this.#body === undefined
  }

  get patience(): number | undefined {
    return this.#admitted.resolved.longRunning ? undefined : this.#cluster.timeouts.response
  }

  get isOurs401(): (() => Promise<boolean>) | undefined {
    const presented = this.#presented
    if (presented === undefined || !has401sOfItsOwn(this.#admitted.resolved.attributes)) return undefined
    return async () => !await this.#cluster.accepts(presented)
  }

  headers(upstream: readonly string[]): readonly string[] {
    const { arrival: { auditId }, resolved } = this.#admitted
    return callerHeaders(upstream, { auditId, prefix: clusterPrefix(resolved.cluster), authorization: this.#presented?.authorization })
  }

  reason(upstream: string): string {
    return callerReason(upstream, this.#presented?.authorization)
  }

  onHead(status: number, upstream: readonly string[]): ((chunk: Uint8Array) => void) | undefined {
    const { trail } = this.#exchange
    trail.note({ upstreamMs: performance.now() - this.#sentAt })
    const copy = this.#copies?.response(status, upstream)
    if (this.flush) trail.started(status)
    return copy
  }

  /** Before the head: a refusal. After it: a broken answer, never one that looks whole. */
  #fail(error: Error): void {
    if (this.#exchange.reply.closed) return
    if (this.#exchange.reply.started) return this.#exchange.reply.cut('upstream-failed')
    throw translateUpstreamError(error, { sent: this.#relay?.begun ?? false })
  }

  /** Mostly because it has been answered; an error with its stack costs more than most of a request. */
  callerIsGone(): void {
    if (this.#relay?.over !== true) this.#abort(new Error('the caller left'))
  }

  #abort(reason: Error): void {
    this.#aborted = reason
    this.#relay?.abort(reason)
  }

  asStream(): OpenStream {
    return { admitted: this.#admitted, kind: kindOf(this.#admitted.resolved.attributes), end: why => this.#end(why) }
  }

  #end(why: EarlyEnd): void {
    const { reply } = this.#exchange
    if (reply.started && !reply.closed) {
      if (this.#relay?.canEndEarly === true) reply.end(undefined, why)
      else reply.cut(why)
    }
    if (reply.started && why === 'revoked') cutLater(reply)
    this.#abort(why === 'revoked'
      ? new ProxyError('RevokedKey', 'the key or the scope that opened this stream is gone')
      : new ProxyError('Draining', 'this server is shutting down'))
  }
}

/** Milliseconds that a caller gets to take the end of what was revoked. */
const takeWithin = 300

function cutLater(reply: Exchange['reply']): void {
  const timer = setTimeout(() => reply.cut('revoked'), takeWithin)
  reply.onClose(() => clearTimeout(timer))
}

function kindOf(attributes: Attributes): StreamKind {
  if (attributes.verb === 'watch') return 'watch'
  if (attributes.subresource === 'log') return 'log'
  return isProxied(attributes) ? 'proxy' : 'other'
}

function sendAgain(): ProxyError {
  return new ProxyError('CredentialRejected',
    'the API server rejected the credential of Portcullis itself; it has been renewed, but a request with a body is never sent twice: send it again')
}
