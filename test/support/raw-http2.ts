import { once } from 'node:events'
import tls, { type TLSSocket } from 'node:tls'
import { Queue } from './queue.ts'
import type { Scope } from './scope.ts'

/** RFC 9113, 6. */
export const type = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 } as const
export const flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const

/** What came of a stream: its DATA joined, and whether it ended well, was reset, or the connection went first. */
export interface RawHttp2Outcome {
  readonly end: 'complete' | 'reset' | 'connection closed'
  /** 0 where there was no head. Right for the first request of a connection alone: later ones may refer to its table. */
  readonly status: number
  readonly errorCode: number
  readonly body: Buffer
  /** The body as JSON: a refusal's Status holds its HTTP status too. */
  json(): unknown
}

/**
 * HTTP/2 in hand-made frames, so that headers can be sent that no client library
 * lets through: doubled, upper-case, connection-specific. Of an answer's header block only the status is decoded.
 */
export interface RawHttp2 {
  readonly socket: TLSSocket
  /** Sends HEADERS, every field a literal, and waits for what comes of it. Pseudo-headers are not added. */
  request(headers: readonly string[], body?: string | Uint8Array): Promise<RawHttp2Outcome>
  /** HEADERS with END_STREAM and RST_STREAM right behind, in one write. */
  resetBurst(count: number, headers: readonly string[]): void
}

export async function connectRawHttp2(t: Scope, { port, ca }: { readonly port: number, readonly ca: string }): Promise<RawHttp2> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca, servername: 'localhost', ALPNProtocols: ['h2'] })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(type.SETTINGS, 0, 0))
  return new Connection(socket)
}

interface Stream { readonly pieces: Buffer[], readonly done: Queue<RawHttp2Outcome>, status: number }

class Connection implements RawHttp2 {
  readonly socket: TLSSocket
  readonly #streams = new Map<number, Stream>()
  #next = 1
  #held = Buffer.alloc(0)

  constructor(socket: TLSSocket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.#data(bytes))
    socket.on('error', () => { /* the close tells */ })
    socket.on('close', () => { for (const id of this.#streams.keys()) this.#finish(id, 'connection closed', 0) })
  }

  request(headers: readonly string[], body?: string | Uint8Array): Promise<RawHttp2Outcome> {
    const id = this.#take()
    const stream = { pieces: [], done: new Queue<RawHttp2Outcome>(), status: 0 }
    this.#streams.set(id, stream)
    const last = body === undefined ? flag.END_STREAM : 0
    this.socket.write(frame(type.HEADERS, flag.END_HEADERS | last, id, literals(headers)))
    if (body !== undefined) this.socket.write(frame(type.DATA, flag.END_STREAM, id, Buffer.from(body as Uint8Array)))
    return stream.done.take()
  }

  resetBurst(count: number, headers: readonly string[]): void {
    const block = literals(headers)
    const cancel = Buffer.from([0, 0, 0, 8])
    const frames = Array.from({ length: count }, () => {
      const id = this.#take()
      return Buffer.concat([frame(type.HEADERS, flag.END_HEADERS | flag.END_STREAM, id, block), frame(type.RST_STREAM, 0, id, cancel)])
    })
    this.socket.write(Buffer.concat(frames))
  }

  #take(): number {
    const id = this.#next
    this.#next += 2
    return id
  }

  #data(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes])
    while (this.#held.length >= 9) {
      const size = this.#held.readUIntBE(0, 3)
      if (this.#held.length < 9 + size) return
      this.#frame(this.#held[3] ?? 0, this.#held[4] ?? 0, this.#held.readUInt32BE(5), this.#held.subarray(9, 9 + size))
      this.#held = this.#held.subarray(9 + size)
    }
  }

  #frame(kind: number, flags: number, id: number, payload: Buffer): void {
    if (kind === type.SETTINGS && (flags & flag.ACK) === 0) this.socket.write(frame(type.SETTINGS, flag.ACK, 0))
    if (kind === type.PING && (flags & flag.ACK) === 0) this.socket.write(frame(type.PING, flag.ACK, 0, payload))
    const stream = this.#streams.get(id)
    if (kind === type.DATA) stream?.pieces.push(payload)
    if (kind === type.HEADERS && stream !== undefined && stream.status < 200) stream.status = statusOf(payload)
    if (kind === type.RST_STREAM) this.#finish(id, 'reset', payload.readUInt32BE(0))
    if ((kind === type.DATA || kind === type.HEADERS) && (flags & flag.END_STREAM) !== 0) this.#finish(id, 'complete', 0)
  }

  #finish(id: number, end: RawHttp2Outcome['end'], errorCode: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const body = Buffer.concat(stream.pieces)
    stream.done.put({ end, errorCode, status: stream.status, body, json: () => JSON.parse(body.toString()) as unknown })
    this.#streams.delete(id)
  }
}

export function frame(kind: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(kind, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

/** RFC 7541, 6.2.2: literal fields without indexing, names and values as plain bytes. */
export function literals(headers: readonly string[]): Buffer {
  return Buffer.concat(headers.flatMap((text, at) => at % 2 === 0 ? [Buffer.from([0]), literal(text)] : [literal(text)]))
}

/** RFC 7541, 5.1 and 5.2, with a 7 bit prefix. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const size = [127]
  let left = bytes.length - 127
  for (; left >= 128; left = Math.floor(left / 128)) size.push((left % 128) | 128)
  return Buffer.concat([Buffer.from([...size, left]), bytes])
}

const indexedStatus = [200, 204, 206, 304, 400, 404, 500]

/** RFC 7541: `:status` comes first, from the static table (8 to 14) or as a literal of that name. */
function statusOf(block: Buffer): number {
  let at = 0
  // Changes of the table's size, 6.3.
  while (((block[at] ?? 0) & 0xe0) === 0x20) at += 1
  const first = block[at] ?? 0
  if (first >= 0x88 && first <= 0x8e) return indexedStatus[first - 0x88] ?? 0
  const size = block[at + 1] ?? 0
  const value = block.subarray(at + 2, at + 2 + (size & 0x7f))
  return Number((size & 0x80) === 0 ? value.toString('latin1') : huffmanDigits(value))
}

/** RFC 7541, Appendix B: 0 to 2 are five bits long, 3 to 9 six; the rest is padding. */
function huffmanDigits(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  let digits = ''
  while (digits.length < 3 && bits.length >= 5) {
    const short = parseInt(bits.slice(0, 5), 2)
    digits += short <= 2 ? short : parseInt(bits.slice(0, 6), 2) - 0b011001 + 3
    bits = bits.slice(short <= 2 ? 5 : 6)
  }
  return digits
}
