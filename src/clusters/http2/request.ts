import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { constants } from 'node:http2'
import { Readable } from 'node:stream'
import { errors, type Dispatcher } from 'undici'
import { resetStream } from '../../http2-reset.ts'
import { noteStaleSocket } from '../../upstream-errors.ts'
import type { Call, Sender } from '../sender.ts'
import type { Http2Connection } from './connection.ts'
import { withoutPseudo } from './headers.ts'

/** Where a request goes when it is over, or has to be sent anew. */
export interface Resender {
  /** The server has not looked at it (RFC 9113 §8.7): to be sent on another connection. */
  again(request: Http2Request): void
  over(request: Http2Request): void
}

/** Sendings of one request that a server may refuse. */
const mostRefusals = 3

/**
 * One request on its way over HTTP/2, and the controller that its handler has of it. All streams
 * share the listeners below: an idle watch has no closure, timer or listener of its own.
 */
export class Http2Request implements Dispatcher.DispatchController {
  rawHeaders: string[] | null = null
  paused = false
  reason: Error | null = null
  /** END_STREAM came. */
  ended = false
  /** Of no use once there is an answer. */
  #call: Call | undefined
  readonly #body: Readable | undefined
  readonly #handler: Dispatcher.DispatchHandler
  readonly #sender: Resender
  #stream: TakenStream | undefined
  #connection: Http2Connection | undefined
  #refusals = 0
  #begun = false
  #answered = false
  #over = false
  #clock: NodeJS.Timeout | undefined

  constructor(call: Call, handler: Dispatcher.DispatchHandler, sender: Resender) {
    this.#call = call
    this.#body = call.body
    this.#handler = handler
    this.#sender = sender
  }

  get aborted(): boolean {
    return this.reason !== null
  }

  /** For whoever takes it instead of a connection, while it has not begun. */
  handOver(to: Sender): void {
    const call = this.#call
    if (this.#over || call === undefined) return
    this.#over = true
    this.#sender.over(this)
    to.send(call, this.#handler)
  }

  send(connection: Http2Connection): void {
    if (!this.#begun) this.#handler.onRequestStart?.(this, null)
    this.#begun = true
    const call = this.#call
    if (this.#over || call === undefined) return
    const body = this.#body
    try {
      const stream = connection.request(call, body === undefined) as TakenStream
      this.#connection = connection
      this.#stream = stream
      listen(stream, this)
    } catch (error) {
      return this.fail(error as Error)
    }
    this.#within(call.patience, () => new errors.HeadersTimeoutError())
    if (body !== undefined) sendBody(this.#stream, body, this)
  }

  /** Milliseconds; 0 or nothing: for ever. */
  #within(ms: number | undefined, late: () => Error): void {
    clearTimeout(this.#clock)
    this.#clock = ms !== undefined && ms > 0 ? setTimeout(() => this.abort(late()), ms) : undefined
  }

  pause(): void {
    this.paused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.paused = false
    this.#stream?.resume()
  }

  abort(reason: Error): void {
    if (this.#over) return
    this.reason = reason
    if (this.#stream !== undefined) resetStream(this.#stream, constants.NGHTTP2_CANCEL)
    this.fail(reason)
  }

  /** Ends it with this error, once. */
  fail(error: Error): void {
    if (!this.#finish()) return
    this.#handler.onResponseError?.(this, error)
  }

  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    clearTimeout(this.#clock)
    const body = this.#body
    if (body?.destroyed === false) body.on('error', () => {}).destroy()
    this.#sender.over(this)
    return true
  }

  answer(status: number, raw: readonly string[]): void {
    if (this.#over) return
    this.#answered = true
    if (this.#connection !== undefined) this.#connection.answered = true
    this.#within(this.#call?.patience, () => new errors.BodyTimeoutError())
    this.#call = undefined
    this.rawHeaders = withoutPseudo(raw)
    this.#handler.onResponseStarted?.()
    this.#handler.onResponseStart?.(this, status, {})
  }

  data(chunk: Buffer): void {
    if (this.#over) return
    this.#clock?.refresh()
    this.#handler.onResponseData?.(this, chunk)
  }

  complete(stream: TakenStream): void {
    // Whatever of the request was not read is not wanted (RFC 9113 §8.1).
    if (!stream.writableEnded) resetStream(stream, constants.NGHTTP2_CANCEL)
    if (this.#finish()) this.#handler.onResponseEnd?.(this, {})
  }

  /** The stream is gone; what came of it is known. */
  closed(stream: TakenStream): void {
    const connection = this.#connection
    if (connection === undefined) return
    const refused = !this.#over && !this.#answered && connection.hasRefused(stream)
    connection.release(refused)
    if (this.#over) return
    this.#refusals += 1
    if (refused && this.#body === undefined && this.#refusals < mostRefusals) return this.#sender.again(this)
    this.fail(this.#whyLost(stream, connection))
  }

  #whyLost(stream: TakenStream, connection: Http2Connection): Error {
    const { errored } = stream
    if (errored !== null && isReset(errored)) return errored
    if (errored === null && !connection.lost) return reset(stream.rstCode)
    const loss = errored ?? new errors.SocketError('the API server closed the HTTP/2 connection')
    if (connection.answered) noteStaleSocket(loss)
    return loss
  }
}

function sendBody(stream: TakenStream, body: Readable, owner: Http2Request): void {
  body.on('error', (error: Error) => owner.abort(error))
  body.pipe(stream)
}

function reset(code: number): Error {
  return Object.assign(new Error(`the API server reset the stream with error code ${code}`), { code: 'ERR_HTTP2_STREAM_ERROR' })
}

/** Of a stream alone; every other error is that of its connection. */
function isReset(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_HTTP2_STREAM_ERROR'
}

const request = Symbol('request')

/** The symbol spares every stream a set of closures. */
interface TakenStream extends ClientHttp2Stream {
  [request]: Http2Request
}

function listen(stream: TakenStream, owner: Http2Request): void {
  stream[request] = owner
  stream.push = pushNotingEnd
  stream.on('response', onResponse as never)
  stream.on('error', ignore)
  stream.on('close', onClose)
}

/**
 * node:http2 ends the readable side of a stream that was cut too, by a reset with NO_ERROR or by the
 * end of its connection, but closes it before: only an end that comes while it is open is END_STREAM.
 */
function pushNotingEnd(this: TakenStream, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null && !this.closed) this[request].ended = true
  return Readable.prototype.push.call(this, chunk, encoding)
}

function onResponse(this: TakenStream, headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]): void {
  this[request].answer(Number(headers[':status']), raw)
  this.on('end', onEnd)
  // Which lets it flow, unless the handler has said to pause.
  this.on('data', onData)
}

function onData(this: TakenStream, chunk: Buffer): void {
  this[request].data(chunk)
}

function onEnd(this: TakenStream): void {
  if (this[request].ended) this[request].complete(this)
}

function onClose(this: TakenStream): void {
  this[request].closed(this)
}

/** Told of the close that follows, by `errored`. */
function ignore(): void {}
