// Every byte that servers of this process write to whoever called them, as it was before TLS and HTTP/2 framing.
import { once } from 'node:events'
import http2, { type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Socket, type AddressInfo } from 'node:net'
import type { Writable } from 'node:stream'

/** `stream` is an object of its own for each sequence of bytes: a connection, a body, one head. */
export type Hear = (stream: object, bytes: Uint8Array | string, what: string) => void

const ears = new Map<number, Hear>()
let installing: Promise<void> | undefined

/** Hears what is written on connections to this port from now on. Returns the way to stop. */
export async function tapPort(port: number, hear: Hear): Promise<() => void> {
  await (installing ??= install())
  ears.set(port, hear)
  return () => {
    if (ears.get(port) === hear) ears.delete(port)
  }
}

async function install(): Promise<void> {
  // TLS sockets write through the same two; the frames of HTTP/2 pass neither.
  tapWrites(Socket.prototype, (socket) => socket.localPort, 'an HTTP/1.1 connection')
  const stream = Object.getPrototypeOf(await someHttp2Stream()) as Http2Prototype
  tapWrites(Object.getPrototypeOf(stream) as ServerHttp2Stream, portOf, 'an HTTP/2 body')
  tapHeads(stream, ['respond', 'additionalHeaders', 'sendTrailers', 'pushStream'])
}

function portOf(stream: ServerHttp2Stream): number | undefined {
  return stream.session?.socket.localPort
}

type Chunk = { readonly chunk: Uint8Array | string, readonly encoding: BufferEncoding }
type Writes = Required<Pick<Writable, '_write' | '_writev'>>

function tapWrites<Stream extends Writable>(prototype: Stream, port: (stream: Stream) => number | undefined, what: string): void {
  const { _write, _writev } = prototype as unknown as Writes
  const tell = (stream: Stream, chunk: Uint8Array | string, encoding: BufferEncoding) => {
    ears.get(port(stream) ?? 0)?.(stream, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, what)
  }
  Object.assign(prototype, {
    _write(this: Stream, chunk: Uint8Array | string, encoding: BufferEncoding, done: () => void) {
      tell(this, chunk, encoding)
      return _write.call(this, chunk, encoding, done)
    },
    _writev(this: Stream, chunks: Chunk[], done: () => void) {
      // A list of buffers may come bare.
      for (const one of chunks) tell(this, one.chunk ?? one, one.encoding)
      return _writev.call(this, chunks, done)
    },
  })
}

type Http2Method = 'respond' | 'additionalHeaders' | 'sendTrailers' | 'pushStream'
type Http2Prototype = Record<Http2Method, (headers: OutgoingHttpHeaders, ...rest: unknown[]) => unknown>

function tapHeads(prototype: Http2Prototype, methods: readonly Http2Method[]): void {
  for (const method of methods) {
    const original = prototype[method]
    prototype[method] = function tapped(this: ServerHttp2Stream, headers: OutgoingHttpHeaders, ...rest: unknown[]) {
      const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${String(value)}`)
      ears.get(portOf(this) ?? 0)?.({}, lines.join('\n'), method === 'sendTrailers' ? 'an HTTP/2 trailer' : 'an HTTP/2 head')
      return original.call(this, headers, ...rest)
    }
  }
}

/** Its class is exported nowhere. */
async function someHttp2Stream(): Promise<ServerHttp2Stream> {
  const server = http2.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const request = session.request({ ':path': '/' })
  const [stream] = await once(server, 'stream') as [ServerHttp2Stream]
  stream.respond({ ':status': 204 }, { endStream: true })
  request.resume()
  await once(request, 'close')
  session.close()
  server.close()
  return stream
}
