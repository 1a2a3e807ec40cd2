import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { PassThrough } from 'node:stream'
import type { Answer } from './answer.ts'
import { failure } from './answer.ts'
import { drained } from './drained.ts'
import type { Asked, Carrier } from './exec.ts'
import type { JsonObject } from './json.ts'
import type { Frame } from '../protocols/spdy-frames.ts'
import { cancelFrame, dataFrame, FrameReader, goAwayFrame, pingFrame, replyFrame } from '../protocols/spdy-frames.ts'
import { EmptyHeaderWriter, HeaderReader } from '../protocols/spdy-headers.ts'
import { ApiError } from './status.ts'

const protocol = 'v4.channel.k8s.io'

/** Begins an exec over SPDY/3.1, as kubectl before 1.31 wants it, or returns why not. */
export function acceptSpdy(
  request: IncomingMessage, socket: Duplex, head: Buffer, asked: Asked, start: (carrier: Carrier) => void,
): Answer | undefined {
  const offered = request.headersDistinct['x-stream-protocol-version']?.flatMap((each) => each.split(/, */)) ?? []
  if (!offered.includes(protocol)) {
    const message = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${protocol}]`
    return failure(new ApiError(403, 'Forbidden', message))
  }
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`)
  if (head.length > 0) socket.unshift(head)
  void new SpdySession(socket, asked, start).serve()
  return undefined
}

/** One connection: the client opens a stream for each of error, stdin, stdout and stderr, then the command runs. */
class SpdySession implements Carrier {
  readonly stdin = new PassThrough()
  readonly #gone = new AbortController()
  readonly #socket: Duplex
  readonly #expected: ReadonlySet<string>
  readonly #start: (carrier: Carrier) => void
  readonly #streams = new Map<string, number>()
  readonly #headers = new HeaderReader()
  readonly #replies = new EmptyHeaderWriter()

  constructor(socket: Duplex, { stdin, stdout, stderr }: Asked, start: (carrier: Carrier) => void) {
    this.#socket = socket
    this.#start = start
    this.#expected = new Set(['error', ...(stdin ? ['stdin'] : []), ...(stdout ? ['stdout'] : []), ...(stderr ? ['stderr'] : [])])
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** Reads the connection to its end; a client that goes or errs ends the command. */
  async serve(): Promise<void> {
    try {
      const reader = new FrameReader()
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        for (const frame of reader.push(chunk)) await this.#receive(frame)
      }
    } catch {
      this.#socket.destroy()
    } finally {
      this.#gone.abort()
      this.#headers.close()
      this.stdin.destroy()
    }
  }

  async write(stream: 'stdout' | 'stderr', chunk: string | Buffer): Promise<void> {
    const id = this.#streams.get(stream)
    if (id === undefined || this.#socket.destroyed) return
    if (this.#socket.write(dataFrame(id, Buffer.from(chunk)))) return
    await drained(this.#socket)
  }

  finish(status: JsonObject): void {
    const last = Math.max(0, ...this.#streams.values())
    for (const [type, id] of this.#streams) {
      if (type === 'stdout' || type === 'stderr') this.#send(dataFrame(id, Buffer.alloc(0), true))
      if (type === 'error') this.#send(dataFrame(id, Buffer.from(JSON.stringify(status)), true))
      if (type === 'stdin' || type === 'resize') this.#send(cancelFrame(id))
    }
    this.#send(goAwayFrame(last))
    if (!this.#socket.destroyed) this.#socket.end()
  }

  #send(frame: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(frame)
  }

  async #receive(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'open':
        return this.#open(frame.stream, await this.#headers.read(frame.headers))
      case 'headers':
        // Read although unused: the header blocks of a connection are one compressed stream.
        await this.#headers.read(frame.headers)
        return
      case 'data':
        if (frame.stream === this.#streams.get('stdin')) await this.#feed(frame.data, frame.last)
        return
      case 'reset':
        if (frame.stream === this.#streams.get('stdin')) this.stdin.end()
        return
      case 'ping':
        return this.#send(pingFrame(frame.id))
      case 'other':
    }
  }

  #open(stream: number, headers: ReadonlyMap<string, string>): void {
    const type = headers.get('streamtype') ?? ''
    if (this.#streams.has(type) || !(this.#expected.has(type) || type === 'resize')) throw new RangeError(`a stream of type ${type} is not expected`)
    this.#streams.set(type, stream)
    this.#send(replyFrame(stream, this.#replies.next()))
    if (type !== 'resize' && [...this.#expected].every((each) => this.#streams.has(each))) this.#start(this)
  }

  async #feed(data: Buffer, last: boolean): Promise<void> {
    if (this.stdin.writableEnded || this.stdin.destroyed) return
    if (!this.stdin.write(data)) await drained(this.stdin)
    if (last) this.stdin.end()
  }
}
