import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'
import { makeAuthority, type Issued } from './certificates.ts'
import { Queue } from './queue.ts'
import { RecordedConnection, type Handler, type RecordedRequest } from './recorded-connection.ts'
import type { Scope } from './scope.ts'

export type { Answer, Handler, RecordedRequest, Reply, Tunnel } from './recorded-connection.ts'
export type { RecordedConnection } from './recorded-connection.ts'

export interface UpstreamOptions {
  /** Default: a fresh authority's certificate for localhost and 127.0.0.1. False: plain TCP. */
  readonly tls?: Issued | false
  /** What the caller should trust; needed with a certificate of one's own. */
  readonly ca?: string
  /** Asks the client for a certificate of this authority (PEM). */
  readonly clientCa?: string
  /** Requests that are no part of the test (the proxy's own watches): held, never counted, never handed on. */
  readonly aside?: (target: string) => boolean
}

/**
 * An API server that writes down what reaches it, byte by byte after decryption,
 * and answers as told. Unanswered so far: `{}` with 200.
 */
export interface Upstream {
  /** `https://127.0.0.1:<port>`. */
  readonly url: string
  readonly port: number
  /** PEM; empty without TLS. */
  readonly ca: string
  readonly connections: readonly RecordedConnection[]
  /** Every request whose head arrived, oldest first. */
  readonly requests: readonly RecordedRequest[]
  /** Decrypted bytes received on all connections: 0 says that nothing at all was sent. */
  readonly bytes: number
  /** Bytes that were no unambiguous HTTP/1.1. */
  readonly faults: readonly string[]
  answer(handler: Handler): void
  /** The oldest request not yet taken here, or the next to come. */
  nextRequest(): Promise<RecordedRequest>
  nextConnection(): Promise<RecordedConnection>
  /** Stops listening and cuts every connection; `listenAgain` comes back on the same port. */
  close(): Promise<void>
  listenAgain(): Promise<void>
}

export async function startUpstream(t: Scope, options: UpstreamOptions = {}): Promise<Upstream> {
  const authority = options.tls === undefined ? makeAuthority() : undefined
  const issued = options.tls ?? authority?.issue()
  const recording = new Recording(options.aside ?? (() => false))
  const accept = (socket: Socket) => recording.accept(socket)
  const clients = options.clientCa === undefined ? {} : { ca: options.clientCa, requestCert: true }
  const server = issued ? tls.createServer({ ...issued, ...clients }, accept) : net.createServer(accept)
  server.on('tlsClientError', () => { /* the tests of bad certificates mean this */ })
  const port = await listen(server, 0)
  const close = async () => {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    recording.cutAll()
    await closed
  }
  t.teardown(close)
  return Object.assign(recording, {
    url: `${issued ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    ca: options.ca ?? authority?.ca ?? '',
    close,
    listenAgain: async () => { await listen(server, port) },
  })
}

async function listen(server: net.Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

class Recording {
  readonly connections: RecordedConnection[] = []
  readonly requests: RecordedRequest[] = []
  readonly #newRequests = new Queue<RecordedRequest>()
  readonly #newConnections = new Queue<RecordedConnection>()
  readonly #aside: (target: string) => boolean
  #bytesAside = 0
  #handler: Handler = () => ({ status: 200, headers: ['Content-Type', 'application/json'], body: '{}' })

  constructor(aside: (target: string) => boolean) {
    this.#aside = aside
  }

  accept(socket: Socket): void {
    const connection = new RecordedConnection(socket, this.connections.length, (request, reply) => {
      if (this.#aside(request.target)) {
        this.#bytesAside += request.raw.length
        return 'hold'
      }
      this.requests.push(request)
      this.#newRequests.put(request)
      return this.#handler(request, reply)
    })
    this.connections.push(connection)
    this.#newConnections.put(connection)
  }

  get bytes(): number {
    return this.connections.reduce((sum, connection) => sum + connection.bytes, 0) - this.#bytesAside
  }

  get faults(): string[] {
    return this.connections.flatMap((connection) => connection.faults)
  }

  answer(handler: Handler): void {
    this.#handler = handler
  }

  nextRequest(): Promise<RecordedRequest> {
    return this.#newRequests.take()
  }

  nextConnection(): Promise<RecordedConnection> {
    return this.#newConnections.take()
  }

  cutAll(): void {
    for (const connection of this.connections) connection.cut()
  }
}
