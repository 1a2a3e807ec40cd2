import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { errors } from 'undici'
import type { Schedule } from '../../schedule.ts'
import { idleFor, maxHeaderSize } from '../connector.ts'
import type { Call } from '../sender.ts'
import { http2Headers } from './headers.ts'

export interface ConnectionOptions {
  /** Scheme, host and port. */
  readonly origin: string
  readonly schedule: Schedule
  /** Milliseconds in which the server must have said how many streams it takes. */
  readonly within: number
  /** Whether it is to be closed as soon as it has no stream. */
  readonly closing: () => boolean
  /** There may be room for more streams. */
  readonly onRoom: () => void
  readonly onClosed: (connection: Http2Connection) => void
}

/** Of one connection, however many its server takes: a lost connection loses no more. Go's servers take 250, the API server 100. */
const mostStreams = 250

/** The numbers of streams end at 2^31, and are odd (RFC 9113 §5.1.1). */
const mostSent = 1_000_000_000

/**
 * Bytes that a stream may send before its caller has taken them, which is what a caller that does not read
 * costs: what the API server itself grants (apiserver, secure_serving.go), 25 MB/s at 10 ms of round trip.
 */
const streamWindow = 256 * 1024

/**
 * The same of all streams together. node:http2 gives it back as bytes come in, whether their stream is read or
 * not, so that a slow one holds up itself alone: this bounds only what is on its way.
 */
const connectionWindow = 16 * 1024 * 1024

/** Milliseconds: two of silence, then a PING, one more and it is dead. Go's clients ask after 30 s and wait for 15 s. */
const tick = 15_000
const ticksToPing = 2

/** One HTTP/2 connection, for as many requests as its server takes at a time. */
export class Http2Connection {
  /** It has answered a request. */
  answered = false
  readonly #session: ClientHttp2Session
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #host: string
  #open = 0
  #sent = 0
  /** 0 until the server has said it. */
  #limit = 0
  /** Streams above it were not looked at (RFC 9113 §6.8). */
  #lastStream = Infinity
  #unsay: () => void
  #forgetIdle: () => void = () => {}
  #bytesHeard = 0
  #quiet = 0
  /** A PING waits for its answer. */
  #asked = false

  /** `socket` has negotiated h2. `ready` is called once: with an error where the connection was lost before it could be used. */
  constructor(socket: Socket, options: ConnectionOptions, ready: (error: Error | undefined) => void) {
    this.#socket = socket
    this.#options = options
    this.#host = new URL(options.origin).host
    // An alert after the handshake (TLS 1.3 refuses our certificate so) does not close a TLSSocket, and node:http2 would wait for it for ever.
    socket.once('error', error => socket.destroy(error))
    const session = connectHttp2(options.origin, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindow, maxHeaderListSize: maxHeaderSize },
      // Its bytes are bounded above; as many as they may be.
      maxHeaderListPairs: 2000,
      // Of headers that the listener let in, and ours.
      maxSendHeaderBlockLength: 1024 * 1024,
      // Megabytes. Windows bound it; where node:http2's own 10 are used up it would drop streams.
      maxSessionMemory: 1024,
    })
    this.#session = session
    session.setLocalWindowSize(connectionWindow)
    this.#unsay = options.schedule(options.within, () => session.destroy(new errors.ConnectTimeoutError('the API server sent no HTTP/2 SETTINGS in time')))
    this.#listen(session, ready)
  }

  #listen(session: ClientHttp2Session, ready: (error: Error | undefined) => void): void {
    let failure: Error | undefined
    session.on('remoteSettings', ({ maxConcurrentStreams = Infinity }) => {
      this.#limit = Math.min(maxConcurrentStreams, mostStreams)
      this.#options.onRoom()
    })
    session.once('remoteSettings', () => {
      this.#unsay()
      this.#watchSilence()
      ready(undefined)
      this.#rest()
    })
    session.on('goaway', (_code, lastStream) => { this.#lastStream = lastStream ?? Infinity })
    // What it does to its requests, each request sees for itself.
    session.on('error', (error) => { failure = error })
    session.once('close', () => {
      this.#unsay()
      this.#forgetIdle()
      this.#options.onClosed(this)
      // Does nothing where it was ready before.
      ready(failure ?? new errors.SocketError('the API server closed the HTTP/2 connection'))
    })
  }

  /** How many more streams it takes. */
  get room(): number {
    return this.#session.closed || this.#session.destroyed ? 0 : this.#limit - this.#open
  }

  get limit(): number {
    return this.#limit
  }

  get lost(): boolean {
    return this.#session.destroyed
  }

  /** Throws where the request is no HTTP/2 request, or the connection takes none. */
  request(call: Call, endStream: boolean): ClientHttp2Stream {
    const stream = this.#session.request(http2Headers(call, this.#host), { endStream })
    this.#open += 1
    this.#forgetIdle()
    this.#sent += 1
    if (this.#sent === mostSent) this.#session.close()
    return stream
  }

  /** True where the server has said that it did not look at it (RFC 9113 §8.7). */
  hasRefused({ id = 0, rstCode }: ClientHttp2Stream): boolean {
    return rstCode === constants.NGHTTP2_REFUSED_STREAM || id > this.#lastStream
  }

  /** One of its streams is over. Where that was refused, it takes no more than it has, until it says otherwise. */
  release(refused: boolean): void {
    this.#open -= 1
    if (refused) this.#limit = Math.min(this.#limit, this.#open)
    if (this.#open === 0) this.#rest()
    if (this.room > 0) this.#options.onRoom()
  }

  #rest(): void {
    if (this.#open > 0 || this.#session.closed) return
    if (this.#options.closing() || this.#limit === 0) return this.#session.close()
    this.#forgetIdle()
    this.#forgetIdle = this.#options.schedule(idleFor, () => this.#session.close())
  }

  /** Takes nothing new; its streams come to their end. */
  close(): void {
    if (this.#open === 0 && this.#limit > 0) this.#session.close()
  }

  /** Ends its streams with this error. Resolves when the socket is closed. */
  destroy(error: Error): Promise<void> {
    return new Promise((resolve) => {
      if (this.#session.destroyed) return resolve()
      this.#session.once('close', resolve)
      this.#session.destroy(error, constants.NGHTTP2_CANCEL)
    })
  }

  /** A dead peer says nothing, and neither does a quiet watch: only the answer to a PING tells them apart. */
  #watchSilence(): void {
    this.#unsay = this.#options.schedule(tick, () => {
      if (this.#session.destroyed) return
      this.#watchSilence()
      // What has come in while this process was busy is read first.
      if (this.#asked) return void setImmediate(() => this.#bury())
      const heard = this.#socket.bytesRead
      this.#quiet = heard === this.#bytesHeard ? this.#quiet + 1 : 0
      this.#bytesHeard = heard
      if (this.#quiet >= ticksToPing) this.#ask()
    })
  }

  #ask(): void {
    this.#asked = true
    this.#session.ping((error) => { if (error === null) this.#asked = false })
  }

  #bury(): void {
    if (this.#asked && !this.#session.destroyed) this.#session.destroy(new errors.SocketError('the API server does not answer a PING any more'))
  }
}
