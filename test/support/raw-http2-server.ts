import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { makeAuthority } from './certificates.ts'
import { Queue } from './queue.ts'
import { flag, frame, literals, type } from './raw-http2.ts'
import type { Scope } from './scope.ts'

export interface RawArrival {
  readonly connection: RawHttp2Connection
  readonly id: number
}

export interface RawHttp2ServerOptions {
  /** SETTINGS_MAX_CONCURRENT_STREAMS; default: none is said. */
  readonly streams?: number
  /** Default: true. */
  readonly answersPings?: boolean
  /** Sends no SETTINGS. */
  readonly mute?: boolean
}

/**
 * An HTTP/2 server in hand-made frames, for what none from a library sends when told to: a GOAWAY in the same
 * packet as an answer, a reset in mid-answer without an END_STREAM before it, no answer to a PING.
 */
export interface RawHttp2Server {
  readonly url: string
  readonly ca: string
  readonly connections: readonly RawHttp2Connection[]
  readonly arrivals: readonly RawArrival[]
  /** The oldest request not yet taken here, or the next to come. */
  next(): Promise<RawArrival>
}

export class RawHttp2Connection {
  readonly socket: TLSSocket
  /** Of RST_STREAM frames received, by stream. */
  readonly resets = new Map<number, number>()
  pings = 0
  goaways = 0
  readonly #tcp: Socket
  readonly #options: RawHttp2ServerOptions
  readonly #onHeaders: (id: number) => void
  #held = Buffer.alloc(0)
  #begun = false

  constructor(socket: TLSSocket, tcp: Socket, options: RawHttp2ServerOptions, onHeaders: (id: number) => void) {
    this.socket = socket
    this.#tcp = tcp
    this.#options = options
    this.#onHeaders = onHeaders
    socket.on('error', () => { /* the tests mean it */ })
    socket.on('data', (bytes: Buffer) => this.#data(bytes))
    if (options.mute !== true) this.settings(options.streams)
  }

  settings(streams: number | undefined): void {
    const payload = Buffer.alloc(streams === undefined ? 0 : 6)
    if (streams !== undefined) { payload.writeUInt16BE(3); payload.writeUInt32BE(streams, 2) }
    this.write(frame(type.SETTINGS, 0, 0, payload))
  }

  headers(id: number, status: number, end = false): void {
    this.write(frame(type.HEADERS, flag.END_HEADERS | (end ? flag.END_STREAM : 0), id, literals([':status', String(status)])))
  }

  data(id: number, text: string, end = false): void {
    this.write(frame(type.DATA, end ? flag.END_STREAM : 0, id, Buffer.from(text)))
  }

  reset(id: number, code: number): void {
    this.write(frame(type.RST_STREAM, 0, id, numbers(code)))
  }

  goaway(last: number, code: number): void {
    this.write(frame(type.GOAWAY, 0, 0, numbers(last, code)))
  }

  /** A TCP reset. */
  break(): void {
    this.#tcp.resetAndDestroy()
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  #data(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes])
    if (!this.#begun && this.#held.length >= preface) {
      this.#begun = true
      this.#held = this.#held.subarray(preface)
    }
    while (this.#begun && this.#held.length >= 9) {
      const size = this.#held.readUIntBE(0, 3)
      if (this.#held.length < 9 + size) return
      this.#frame(this.#held[3] ?? 0, this.#held[4] ?? 0, this.#held.readUInt32BE(5), this.#held.subarray(9, 9 + size))
      this.#held = this.#held.subarray(9 + size)
    }
  }

  #frame(kind: number, flags: number, id: number, payload: Buffer): void {
    const isAck = (flags & flag.ACK) !== 0
    if (kind === type.SETTINGS && !isAck && this.#options.mute !== true) this.write(frame(type.SETTINGS, flag.ACK, 0))
    if (kind === type.PING && !isAck) this.pings += 1
    if (kind === type.PING && !isAck && this.#options.answersPings !== false) this.write(frame(type.PING, flag.ACK, 0, payload))
    if (kind === type.RST_STREAM) this.resets.set(id, payload.readUInt32BE(0))
    if (kind === type.GOAWAY) this.goaways += 1
    // As every server does with a client that calls the connection broken.
    if (kind === type.GOAWAY && payload.readUInt32BE(4) !== 0) this.socket.end()
    if (kind === type.HEADERS) this.#onHeaders(id)
  }
}

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'.length

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, at) => bytes.writeUInt32BE(value, 4 * at))
  return bytes
}

export async function startRawHttp2Server(t: Scope, options: RawHttp2ServerOptions = {}): Promise<RawHttp2Server> {
  const authority = makeAuthority()
  const connections: RawHttp2Connection[] = []
  const arrivals: RawArrival[] = []
  const queue = new Queue<RawArrival>()
  const sockets = new Map<number, Socket>()
  const server = tls.createServer({ ...authority.issue(), ALPNProtocols: ['h2'] }, (socket) => {
    const connection: RawHttp2Connection = new RawHttp2Connection(socket, sockets.get(socket.remotePort ?? 0) as Socket, options, (id) => {
      const arrival = { connection, id }
      arrivals.push(arrival)
      queue.put(arrival)
    })
    connections.push(connection)
  })
  server.on('connection', (socket: Socket) => sockets.set(socket.remotePort ?? 0, socket))
  server.on('tlsClientError', () => { /* likewise */ })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const { socket } of connections) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return { url: `https://127.0.0.1:${port}`, ca: authority.ca, connections, arrivals, next: () => queue.take() }
}
