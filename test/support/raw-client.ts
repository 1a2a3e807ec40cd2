import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { declaredFraming, MessageReader, valuesOf, type Framing, type Head } from './http-reader.ts'
import { Queue } from './queue.ts'
import type { Scope } from './scope.ts'

export interface RawResponse {
  readonly status: number
  readonly message: string
  /** Name, value, name, value …, in order and case. */
  readonly headers: readonly string[]
  all(name: string): string[]
  readonly body: Buffer
  /** The body as JSON. */
  json(): unknown
  /** False: the body's end is not known, for it ended with the connection. */
  readonly complete: boolean
}

/** An answer whose body is still coming. */
export interface StreamedResponse extends Omit<RawResponse, 'body' | 'json' | 'complete'> {
  /** The next piece of the body; undefined at its proper end; rejects when it was cut. */
  next(): Promise<Buffer | undefined>
}

export interface RawClientOptions {
  readonly port: number
  readonly host?: string
  /** TLS, verified against this authority. */
  readonly ca?: string
  readonly servername?: string
  readonly localAddress?: string
}

/** A socket and a strict reader of what comes back on it. Nothing is sent but what `send` is given. */
export interface RawClient {
  readonly socket: Socket
  send(bytes: string | Uint8Array): void
  /** Sends a request made of these parts; the lines go out as they are. */
  request(method: string, target: string, headers?: readonly string[], body?: string | Uint8Array): void
  /** The next whole answer, 1xx included; 101 without a body. Rejects when the connection closes first. */
  response(options?: { readonly headOnly?: boolean }): Promise<RawResponse>
  /** The next answer as soon as its head is there. */
  streamed(): Promise<StreamedResponse>
  /** After a 101: all that comes now, piece by piece; undefined when the other side is done. */
  tunnelled(): Promise<Buffer | undefined>
  /** Resolves when the other side has closed, with every byte it ever sent. */
  closed(): Promise<Buffer>
  close(): void
}

export async function connectRaw(t: Scope, options: RawClientOptions): Promise<RawClient> {
  const { port, host = '127.0.0.1', ca, servername = 'localhost' } = options
  const local = options.localAddress === undefined ? {} : { localAddress: options.localAddress }
  const socket = ca === undefined
    ? net.connect({ port, host, ...local })
    : tls.connect({ port, host, ca, servername, ALPNProtocols: ['http/1.1'], ...local })
  const client = new Client(socket)
  t.teardown(() => socket.destroy())
  await once(socket, ca === undefined ? 'connect' : 'secureConnect')
  socket.setNoDelay(true)
  return client
}

type Event = { readonly head: Head } | { readonly bytes: Buffer } | { readonly end: boolean } | { readonly fault: string }

class Client implements RawClient {
  readonly socket: Socket
  readonly #events = new Queue<Event>()
  readonly #received: Buffer[] = []
  readonly #tunnel = new Queue<Buffer | undefined>()
  readonly #reader: MessageReader
  readonly #closed: Promise<Buffer>
  #headOnly: boolean[] = []
  #tunnelled = false

  constructor(socket: Socket) {
    this.socket = socket
    this.#reader = new MessageReader({
      head: (head) => this.#head(head),
      body: (bytes) => this.#tunnelled ? this.#tunnel.put(bytes) : this.#events.put({ bytes }),
      end: (complete) => { if (!this.#tunnelled) this.#events.put({ end: complete }) },
      fault: (fault) => this.#events.put({ fault: fault.message }),
    })
    socket.on('data', (bytes: Buffer) => {
      this.#received.push(bytes)
      if (this.#tunnelled) this.#tunnel.put(bytes)
      else this.#reader.push(bytes)
    })
    socket.on('end', () => this.#over())
    socket.on('error', () => { /* the close that follows says enough */ })
    this.#closed = new Promise((resolve) => socket.once('close', () => {
      this.#over()
      resolve(Buffer.concat(this.#received))
    }))
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  request(method: string, target: string, headers: readonly string[] = [], body?: string | Uint8Array): void {
    this.#headOnly.push(method === 'HEAD')
    const host = valuesOf(headers, 'host').length === 0 ? ['Host: localhost'] : []
    const framed = valuesOf(headers, 'content-length').length + valuesOf(headers, 'transfer-encoding').length > 0
    const length = body === undefined || framed ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
    const lines = headers.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${headers[at + 1] ?? ''}`] : [])
    this.send([`${method} ${target} HTTP/1.1`, ...host, ...lines, ...length, '', ''].join('\r\n'))
    if (body !== undefined) this.send(body)
  }

  async response({ headOnly }: { readonly headOnly?: boolean } = {}): Promise<RawResponse> {
    if (headOnly === true) this.#headOnly.push(true)
    const head = parseHead(await this.#nextHead())
    const pieces: Buffer[] = []
    for (;;) {
      const event = await this.#events.take()
      if ('bytes' in event) pieces.push(event.bytes)
      else if ('end' in event) {
        const body = Buffer.concat(pieces)
        return { ...head, body, complete: event.end, json: () => JSON.parse(body.toString()) as unknown }
      } else throw new Error(`within an answer: ${'fault' in event ? event.fault : 'another head'}`)
    }
  }

  async streamed(): Promise<StreamedResponse> {
    const head = parseHead(await this.#nextHead())
    return {
      ...head,
      next: async () => {
        const event = await this.#events.take()
        if ('bytes' in event) return event.bytes
        if ('end' in event && event.end) return undefined
        throw new Error(`cut: ${'fault' in event ? event.fault : 'no proper end'}`)
      },
    }
  }

  tunnelled(): Promise<Buffer | undefined> {
    return this.#tunnel.take()
  }

  closed(): Promise<Buffer> {
    return this.#closed
  }

  close(): void {
    this.socket.destroy()
  }

  async #nextHead(): Promise<Head> {
    const event = await this.#events.take()
    if ('head' in event) return event.head
    throw new Error(`no answer: ${'fault' in event ? event.fault : JSON.stringify(event)}`)
  }

  #head(head: Head): Framing {
    const { status } = parseHead(head)
    this.#events.put({ head })
    if (status === 101) {
      this.#tunnelled = true
      this.#events.put({ end: true })
      return { kind: 'rest' }
    }
    if (status >= 200 && this.#headOnly.shift() === true) return { kind: 'none' }
    if (status < 200 || status === 204 || status === 304) return { kind: 'none' }
    return declaredFraming(head.headers) ?? { kind: 'rest' }
  }

  #over(): void {
    if (!this.#tunnelled) this.#reader.close()
    this.#tunnel.finish(undefined)
    this.#events.finish({ fault: 'the connection closed' })
  }
}

function parseHead({ startLine, headers }: Head): Pick<RawResponse, 'status' | 'message' | 'headers' | 'all'> {
  const match = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(startLine)
  if (match === null) throw new Error(`status line ${JSON.stringify(startLine)}`)
  return { status: Number(match[1]), message: match[2] ?? '', headers, all: (name) => valuesOf(headers, name) }
}
