import { METHODS, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { Agent } from 'undici'
import { Http2Sessions } from './http2-sessions.ts'
import { noSchemas } from './no-schemas.ts'
import type { ParserRefusal } from './parser-refusal.ts'
import type { Http1Handler, RequestHandler } from './request.ts'
import { applyLimits, connect, makeServer, secureContext, trackSockets, type DataPlaneServer, type ServerLimits, type TlsFiles } from './server.ts'
import type { UpgradeHandler } from './upgrade.ts'

export interface DataServerOptions extends ServerLimits {
  readonly host: string
  readonly port: number
  /** Undefined: plain HTTP. */
  readonly tls: TlsFiles | undefined
  readonly onRequest: RequestHandler
  readonly onUpgrade: UpgradeHandler
  readonly onUnreadable: ParserRefusal
  readonly log: FastifyBaseLogger
}

export interface DataServer {
  readonly port: number
  /** New connections get these; open ones keep theirs. */
  setTls(files: TlsFiles): void
  /** For new connections and requests. */
  setLimits(limits: Omit<ServerLimits, 'http2' | 'keepAlive'>): void
  /** Takes no new connections, ends idle ones, says GOAWAY on HTTP/2. Resolves when the last one is gone. */
  close(): Promise<void>
  /** Cuts whatever is left. */
  destroy(): void
}

/**
 * The data plane: node's servers and parsers, fastify, and `@fastify/http-proxy`, whose
 * requests are taken over as soon as its route is found. The router sees `/` for every
 * target, so that nothing but resolve ever reads one; bodies pass fastify unread.
 */
export async function createDataServer(options: DataServerOptions): Promise<DataServer> {
  const server = makeServer(options.tls, options)
  const sessions = new Http2Sessions(options.keepAlive)
  const sockets = trackSockets(server)
  let routed: Http1Handler = options.onRequest
  const app = fastify({
    schemaController: noSchemas,
    serverFactory: (handler) => {
      routed = handler
      server.on('request', routed as never)
      return server as Server
    },
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    // Of whom nobody asks anything: the log's own would be one a request.
    childLoggerFactory: logger => logger,
    exposeHeadRoutes: false,
    rewriteUrl: () => '/',
    clientErrorHandler: (error, socket) => options.onUnreadable(error, socket),
  })
  await mount(app, options.onRequest)
  await app.ready()
  connect(server, { request: routed, stream: options.onRequest, upgrade: options.onUpgrade }, sessions)
  await listening(server, options)
  return {
    port: (server.address() as AddressInfo).port,
    setTls: files => { if ('setSecureContext' in server) server.setSecureContext(secureContext(files)) },
    setLimits: limits => applyLimits(server, limits),
    close: async () => {
      const closed = new Promise<void>((resolve) => { server.close(() => resolve()) })
      sessions.closeAll()
      await closed
      await app.close()
    },
    destroy: () => { for (const socket of sockets) socket.destroy() },
  }
}

const methods = METHODS.filter(method => method !== 'CONNECT')

async function mount(app: FastifyInstance, onRequest: RequestHandler): Promise<void> {
  // Called bodyless, a method's body is left to us, whatever its Content-Type.
  for (const method of methods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true } as object)
  // Before all that fastify does for handlers of its own: a third of what it costs.
  app.addHook('onRequest', (request, reply) => {
    reply.hijack()
    onRequest(request.raw, reply.raw)
  })
  const never = () => { throw new Error('the request was taken over already') }
  await app.register(httpProxy, {
    upstream: 'https://upstream.invalid',
    // The plugin's own sending (unverified TLS, retries, timeouts) is not used, and could reach nothing.
    undici: new Agent({ connect: (_options, done) => done(new Error('only forward sends'), null) }),
    httpMethods: methods,
    handler: never,
  } as unknown as Parameters<typeof httpProxy>[1])
  app.setNotFoundHandler(never)
}

function listening(server: DataPlaneServer, { host, port }: DataServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
