import cluster from 'node:cluster'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createSecureServer, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Http2Head } from './arrival.ts'
import type { Http2Sessions } from './http2-sessions.ts'
import { waiting, type Http1Handler, type RequestHandler } from './request.ts'
import type { UpgradeHandler } from './upgrade.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Callers may present certificates of this CA; one that does not verify ends the connection. */
  readonly clientCa: string | undefined
}

export interface ServerLimits {
  readonly http2: boolean
  /** Milliseconds. */
  readonly keepAlive: number
  readonly headerTimeout: number
  /** Bytes. */
  readonly maxHeaderSize: number
  readonly maxConnections: number
}

export type DataPlaneServer = Server | Http2SecureServer

/** node's own server and parsers, HTTP/1.1 and over TLS also HTTP/2, with the limits of the config. */
export function makeServer(tls: TlsFiles | undefined, limits: ServerLimits): DataPlaneServer {
  const { http2, maxHeaderSize, headerTimeout, keepAlive } = limits
  const server = tls === undefined
    ? createServer()
    : createSecureServer({
      ...secureContext(tls),
      allowHTTP1: true,
      ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      handshakeTimeout: headerTimeout,
      unknownProtocolTimeout: headerTimeout,
      settings: { maxHeaderListSize: maxHeaderSize, maxConcurrentStreams: 250 },
    })
  applyLimits(server, limits)
  return Object.assign(server, {
    // Bodies are timed by forward, which knows what is long-running.
    requestTimeout: 0,
    keepAliveTimeout: keepAlive,
    // A missing Host is refused behind the parser, with a Status and an audit event.
    requireHostHeader: false,
    // Node drops headers beyond a number, silently: then one that must be refused would go unseen. Their size is limited all the same.
    maxHeadersCount: 0,
  })
}

/** The HTTP/1.1 side of an HTTP/2 server reads the same properties. */
export function applyLimits(server: DataPlaneServer, limits: Omit<ServerLimits, 'http2' | 'keepAlive'>): void {
  const { maxHeaderSize, headerTimeout, maxConnections } = limits
  Object.assign(server, {
    maxHeaderSize,
    headersTimeout: headerTimeout,
    // How often node looks for heads that are late; by default every 30 s.
    connectionsCheckingInterval: Math.min(1000, headerTimeout),
    ...cluster.isWorker ? {} : { maxConnections },
  })
  mostSockets.set(server, maxConnections)
}

/**
 * A worker closes what is beyond its limit itself: node would hand it on to the next worker, and where all are
 * full it goes round between them for as long as its caller waits (until `dropMaxConnection` of Node 22.12).
 */
const mostSockets = new WeakMap<DataPlaneServer, number>()

export function secureContext({ cert, key, clientCa }: TlsFiles) {
  return {
    cert,
    key,
    minVersion: 'TLSv1.2' as const,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  }
}

export interface Handlers {
  /** Fastify's, which leads to the data plane: for HTTP/1.1. */
  readonly request: Http1Handler
  /** For HTTP/2, whose methods may be any, and whose streams fastify would keep objects of its own for. */
  readonly stream: RequestHandler
  readonly upgrade: UpgradeHandler
}

/** Everything node emits for a request ends at the same door. */
export function connect(server: DataPlaneServer, handlers: Handlers, sessions: Http2Sessions): void {
  server.on('secureConnection', refuseBadCertificate)
  server.on('session', (session: ServerHttp2Session) => sessions.add(session))
  // Not node's: for whoever listens to 'request' it makes a request and a response of every stream.
  server.removeAllListeners('stream')
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: readonly string[]) => {
    handlers.stream(new Http2Head(stream, headers, rawHeaders), stream)
  })
  server.on('upgrade', handlers.upgrade)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    handlers.request(request, response)
  })
  // Another expectation than 100-continue is no reason to refuse (RFC 9110 §10.1.1 allows to ignore it).
  server.on('checkExpectation', handlers.request)
  server.on('connect', handlers.upgrade)
}

/** A caller without a certificate may come; one with a bad certificate may not. */
function refuseBadCertificate(socket: TLSSocket): void {
  if (!socket.authorized && Object.keys(socket.getPeerCertificate() ?? {}).length > 0) socket.destroy()
}

/** Every socket of the server, for the end of a drain. */
export function trackSockets(server: DataPlaneServer): Set<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    if (cluster.isWorker && sockets.size >= (mostSockets.get(server) ?? Infinity)) return socket.destroy()
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}
