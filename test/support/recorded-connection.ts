import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { learnAuthorization } from './leak-watch.ts'
import { declaredFraming, MessageReader, valuesOf, type Framing, type Head, type WireFault } from './http-reader.ts'

export interface RecordedBody {
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
  /** The first 64 KiB. */
  readonly start: Buffer
  readonly trailers: readonly string[]
  /** How many DATA-bearing reads it came in; more than one proves streaming. */
  readonly pieces: number
}

export interface RecordedRequest {
  readonly connection: RecordedConnection
  readonly method: string
  readonly target: string
  /** Name, value, name, value …, in order and case. */
  readonly headers: readonly string[]
  /** The head byte for byte, with the empty line. */
  readonly raw: Buffer
  /** Every value of a header, by any case. */
  all(name: string): string[]
  /** Rejects when the connection broke first. */
  readonly body: Promise<RecordedBody>
}

export interface WholeAnswer {
  readonly status: number
  readonly message?: string
  /** A `Content-Length` is added where they frame nothing; under a `Transfer-Encoding` the body is sent as it is. */
  readonly headers?: readonly string[]
  /** A stream goes out chunked, unless the headers give its length, at the pace of the reader. */
  readonly body?: string | Uint8Array | Readable
  /** Do not wait for the request's body. */
  readonly early?: boolean
}

/** What a handler returns. It is sent once the request's body was read, or at once with `early`. */
export type Answer =
  | WholeAnswer
  /** Bytes as they are. */
  | string | Uint8Array
  /** Never answered. */
  | 'hold'
  /** The connection is destroyed. */
  | 'cut'
  /** The handler spoke, or will, through its second argument. */
  | undefined

export type Handler = (request: RecordedRequest, reply: Reply) => Answer | void | Promise<Answer | void>

/** An answer in the hands of a test. */
export interface Reply {
  raw(bytes: string | Uint8Array): void
  /** Any head; the caller frames the body. */
  head(status: number, headers?: readonly string[], message?: string): void
  /** Opens a chunked answer: then `chunk`, then `end` or `cut`. */
  stream(status?: number, headers?: readonly string[]): void
  chunk(bytes: string | Uint8Array): void
  end(): void
  cut(): void
  /** Sends the 101; from here on both directions are raw bytes. Before the handler's first await, where the client sends early. */
  upgrade(headers: readonly string[]): Tunnel
}

export interface Tunnel {
  /** What the client sends after its upgrade request, ended when it half-closes. */
  readonly incoming: Readable
  write(bytes: string | Uint8Array): void
  end(): void
  cut(): void
  /** Sends every byte back. */
  echo(): void
}

/** One connection, as a server sees it. */
export class RecordedConnection {
  readonly socket: Socket
  readonly index: number
  /** Decrypted bytes received. */
  bytes = 0
  readonly faults: string[] = []
  /** The first MiB received. */
  readonly received: Buffer[] = []
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>
  readonly #handler: Handler
  readonly #reader: MessageReader
  #recording: BodyRecording | undefined
  #tunnel: PassThrough | undefined
  /** Answers leave in the order of their requests. */
  #turn: Promise<void> = Promise.resolve()

  constructor(socket: Socket, index: number, handler: Handler) {
    this.socket = socket
    this.index = index
    this.#handler = handler
    this.#reader = new MessageReader({
      head: (head) => this.#head(head),
      body: (bytes) => this.#tunnel === undefined ? this.#recording?.add(bytes) : void this.#tunnel.write(bytes),
      end: (_, trailers) => this.#recording?.finish(trailers),
      fault: (fault) => this.#fault(fault),
    })
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => this.#data(bytes))
    socket.on('end', () => this.#tunnel === undefined ? this.#reader.close() : this.#tunnel.end())
    socket.on('error', () => this.#tunnel?.destroy())
    socket.on('close', () => {
      this.#recording?.fail('the connection closed within the body')
      this.#tunnel?.destroy()
    })
  }

  cut(): void {
    this.socket.destroy()
  }

  #data(bytes: Buffer): void {
    if (this.bytes < 1 << 20) this.received.push(bytes)
    this.bytes += bytes.length
    if (this.#tunnel === undefined) this.#reader.push(bytes)
    else this.#tunnel.write(bytes)
  }

  #head(head: Head): Framing {
    const [method = '', target = '', version] = head.startLine.split(' ')
    if (version !== 'HTTP/1.1' || head.startLine.split(' ').length !== 3) throw new Error(`request line ${head.startLine}`)
    for (const credential of valuesOf(head.headers, 'authorization')) learnAuthorization(credential)
    const recording = new BodyRecording()
    this.#recording = recording
    const request: RecordedRequest = {
      connection: this, method, target, headers: head.headers, raw: head.raw,
      all: (name) => valuesOf(head.headers, name),
      body: recording.done,
    }
    const framing = declaredFraming(head.headers) ?? { kind: 'none' }
    const answer = this.#handler(request, this.#reply())
    this.#turn = this.#turn.then(async () => this.#answer(request, await answer))
    return this.#tunnel === undefined ? framing : { kind: 'rest' }
  }

  async #answer(request: RecordedRequest, answer: Answer | void): Promise<void> {
    if (answer === undefined || answer === 'hold') return
    if (answer === 'cut') return this.cut()
    const raw = typeof answer === 'string' || answer instanceof Uint8Array
    if (raw || answer.early !== true) await request.body.catch(() => undefined)
    if (raw) this.#send(answer)
    else await this.#sendWhole(answer, request.method === 'HEAD')
  }

  async #sendWhole(answer: WholeAnswer, headOnly: boolean): Promise<void> {
    const body = answer.body instanceof Readable ? answer.body : Buffer.from(answer.body ?? '')
    const headers = answer.headers ?? []
    const framed = valuesOf(headers, 'content-length').length + valuesOf(headers, 'transfer-encoding').length > 0
    const bodyless = answer.status === 204 || answer.status === 304
    const framing = body instanceof Readable ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(body.length)]
    this.#send(headOf(answer.status, framed || bodyless ? headers : [...headers, ...framing], answer.message))
    if (headOnly || bodyless) return
    if (body instanceof Readable) await this.#sendStream(body, !framed)
    else this.#send(body)
  }

  async #sendStream(body: Readable, chunked: boolean): Promise<void> {
    body.on('error', () => { /* it is left unfinished where the connection closes first */ })
    for await (const piece of body) {
      if (!this.socket.writable) break
      this.#send(chunked ? chunkOf(piece as Buffer) : piece as Buffer)
      if (this.socket.writableNeedDrain) await Promise.race([once(this.socket, 'drain').catch(() => undefined), this.closed])
    }
    if (chunked) this.#send('0\r\n\r\n')
  }

  #reply(): Reply {
    return {
      raw: (bytes) => this.#send(bytes),
      head: (status, headers = [], message) => this.#send(headOf(status, headers, message)),
      stream: (status = 200, headers = ['Content-Type', 'application/json']) =>
        this.#send(headOf(status, [...headers, 'Transfer-Encoding', 'chunked'])),
      chunk: (bytes) => this.#send(chunkOf(Buffer.from(bytes as Uint8Array))),
      end: () => this.#send('0\r\n\r\n'),
      cut: () => this.cut(),
      upgrade: (headers) => this.#upgrade(headers),
    }
  }

  #upgrade(headers: readonly string[]): Tunnel {
    const incoming = new PassThrough()
    this.#tunnel = incoming
    this.#send(headOf(101, headers, 'Switching Protocols'))
    return {
      incoming,
      write: (bytes) => this.#send(bytes),
      end: () => this.socket.end(),
      cut: () => this.cut(),
      echo: () => incoming.pipe(this.socket),
    }
  }

  #send(bytes: string | Uint8Array): void {
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(bytes)
  }

  #fault(fault: WireFault): void {
    this.faults.push(fault.message)
    this.#recording?.fail(fault.message)
    this.cut()
  }
}

class BodyRecording {
  readonly done: Promise<RecordedBody>
  readonly #hash = createHash('sha256')
  readonly #start: Buffer[] = []
  #bytes = 0
  #pieces = 0
  #settle: { resolve(body: RecordedBody): void, reject(reason: Error): void } | undefined

  constructor() {
    this.done = new Promise((resolve, reject) => { this.#settle = { resolve, reject } })
    this.done.catch(() => { /* few tests read bodies; none has to handle that one broke */ })
  }

  add(bytes: Buffer): void {
    this.#hash.update(bytes)
    if (this.#bytes < 65_536) this.#start.push(bytes)
    this.#bytes += bytes.length
    this.#pieces += 1
  }

  finish(trailers: readonly string[]): void {
    const start = Buffer.concat(this.#start).subarray(0, 65_536)
    this.#settle?.resolve({ bytes: this.#bytes, sha256: this.#hash.digest('hex'), start, trailers, pieces: this.#pieces })
    this.#settle = undefined
  }

  fail(reason: string): void {
    this.#settle?.reject(new Error(reason))
    this.#settle = undefined
  }
}

function headOf(status: number, headers: readonly string[], message = 'OK'): string {
  const lines = headers.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${headers[at + 1] ?? ''}`] : [])
  return [`HTTP/1.1 ${status} ${message}`, ...lines, '', ''].join('\r\n')
}

function chunkOf(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
}
