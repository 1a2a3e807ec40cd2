import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { noSchemas } from './no-schemas.ts'

/** Whether one part of the proxy can do its work; `message` says why not, or why not for long. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly message?: string
}

export interface AdminOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Asked for every readiness probe. */
  readonly checks: () => Promise<readonly Check[]> | readonly Check[]
  readonly metrics: Pick<Metrics, 'render'>
  /** True from the begin of a shutdown: no new requests should come, those under way still finish. */
  readonly draining: () => boolean
  readonly log: { error(facts: object, message: string): void }
  /** Milliseconds for all checks together; kubelet itself waits a second by default. */
  readonly patience?: number
}

export interface AdminServer {
  /** Resolves with where it listens. */
  listen(): Promise<{ readonly url: string, readonly port: number }>
  close(): Promise<void>
}

/**
 * Health and metrics, for kubelet and Prometheus, on a port of their own. Nothing of
 * the data plane is here, and nothing here needs a key: keep it off public networks.
 */
export function createAdminServer(options: AdminOptions): AdminServer {
  const app = createApp(options)
  routes(app, options)
  return {
    async listen() {
      await app.listen({ host: options.host, port: options.port })
      const { address, port } = app.server.address() as AddressInfo
      return { url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`, port }
    },
    close: () => app.close(),
  }
}

function createApp({ log }: AdminOptions): FastifyInstance {
  const app = fastify({
    schemaController: noSchemas,
    bodyLimit: 1,
    connectionTimeout: 30_000,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    // What the router itself refuses, a bad escape say, is not there either.
    frameworkErrors: (_error, request, reply) => { refuse(request, reply) },
  })
  app.server.maxConnections = 100
  app.addHook('onSend', async (_request, reply) => {
    reply.header('X-Content-Type-Options', 'nosniff').header('Cache-Control', 'no-store')
  })
  app.setNotFoundHandler((request, reply) => refuse(request, reply))
  app.setErrorHandler((err, request, reply) => {
    const status = (err as { statusCode?: number }).statusCode ?? 500
    if (status < 500) return refuse(request, reply)
    log.error({ err, url: request.url }, 'admin request failed')
    return reply.code(500).send(status500)
  })
  return app
}

function routes(app: FastifyInstance, { checks, metrics, draining, log, patience = 2_000 }: AdminOptions): void {
  // Alive is whoever answers: a part that fails is mended by waiting, not by a restart.
  app.get('/livez', (_request, reply) => text(reply, 200, 'ok'))
  app.get('/readyz', async (request, reply) => {
    const results = draining() ? [...await ask(checks, patience, log), shutdown] : await ask(checks, patience, log)
    const ready = results.every(check => check.ok)
    const verbose = Object.hasOwn(request.query as object, 'verbose')
    return text(reply, ready ? 200 : 503, ready && !verbose ? 'ok' : report(results, ready))
  })
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await metrics.render()
    return reply.header('Content-Type', contentType).send(body)
  })
}

const shutdown: Check = { name: 'shutdown', ok: false, message: 'process is shutting down' }

/** A check that throws or hangs is a check that failed. */
async function ask(checks: AdminOptions['checks'], patience: number, log: AdminOptions['log']): Promise<readonly Check[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly Check[]>((resolve) => {
    timer = setTimeout(() => resolve([{ name: 'checks', ok: false, message: 'did not answer in time' }]), patience)
  })
  try {
    return await Promise.race([(async () => checks())(), late])
  } catch (err) {
    log.error({ err }, 'readiness check failed')
    return [{ name: 'checks', ok: false, message: 'could not be made; the log says why' }]
  } finally {
    clearTimeout(timer)
  }
}

/** The API server's own form (k8s.io/apiserver pkg/server/healthz), with the reason, which it withholds. */
function report(checks: readonly Check[], ready: boolean): string {
  const lines = checks.map(({ name, ok, message }) => {
    const why = message?.replace(/\s+/g, ' ')
    if (ok) return why === undefined ? `[+]${name} ok` : `[+]${name} ok (${why})`
    return `[-]${name} failed: ${why ?? 'no reason given'}`
  })
  return [...lines, `readyz check ${ready ? 'passed' : 'failed'}`, ''].join('\n')
}

function text(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(body)
}

function refuse({ method }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const allowed = method === 'GET' || method === 'HEAD'
  if (allowed) return reply.code(404).send(toStatus(404, 'NotFound', 'nothing is here; try /livez, /readyz or /metrics'))
  return reply.code(405).header('Allow', 'GET, HEAD').send(toStatus(405, 'MethodNotAllowed', 'only GET and HEAD are answered here'))
}

/** As errors.ts has it for the data plane, whose codes are none of this listener's. */
function toStatus(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `portcullis: ${message}`, reason, code }
}

const status500 = toStatus(500, 'InternalError', 'an internal error occurred; the log has it')
