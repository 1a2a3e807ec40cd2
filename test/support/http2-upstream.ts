import { once } from 'node:events'
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream, type Settings } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { errors, type Dispatcher } from 'undici'
import { createAgents } from '../../src/clusters/agents.ts'
import type { Call } from '../../src/clusters/sender.ts'
import { makeAuthority, type Issued } from './certificates.ts'
import { Queue } from './queue.ts'
import type { Scope } from './scope.ts'

export interface Http2Arrival {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  /** Flat, as they came. */
  readonly raw: readonly string[]
  readonly session: ServerHttp2Session
}

/** An API server that speaks HTTP/2, by ALPN, and answers as told: nothing until then. */
export interface Http2Upstream {
  /** `https://127.0.0.1:<port>`. */
  readonly url: string
  readonly port: number
  /** PEM. */
  readonly ca: string
  /** Oldest first, those that are closed too. */
  readonly sessions: readonly ServerHttp2Session[]
  readonly arrivals: readonly Http2Arrival[]
  /** Decrypted bytes received on all connections. */
  readonly bytes: number
  /** The oldest request not yet taken here, or the next to come. */
  next(): Promise<Http2Arrival>
  answer(handler: (arrival: Http2Arrival) => void): void
}

export interface Http2UpstreamOptions {
  readonly settings?: Settings
  readonly tls?: Issued
  readonly ca?: string
  /** Asks for a certificate of this authority (PEM). */
  readonly clientCa?: string
  /** Answers `{}` to whatever comes by HTTP/1.1. */
  readonly alsoHttp1?: boolean
}

export async function startHttp2Upstream(t: Scope, { settings = {}, tls, ca, clientCa, alsoHttp1 = false }: Http2UpstreamOptions = {}): Promise<Http2Upstream> {
  const authority = makeAuthority()
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true }
  const server = createSecureServer({ ...tls ?? authority.issue(), ...clients, settings, allowHTTP1: alsoHttp1 })
  if (alsoHttp1) server.on('request', (request, response) => { if (request.httpVersionMajor === 1) response.end('{}') })
  const sessions: ServerHttp2Session[] = []
  const arrivals: Http2Arrival[] = []
  const queue = new Queue<Http2Arrival>()
  const sockets: { readonly bytesRead: number, destroy(): void }[] = []
  let handler: ((arrival: Http2Arrival) => void) | undefined
  server.on('secureConnection', socket => sockets.push(socket))
  server.on('tlsClientError', () => { /* the tests of bad certificates mean this */ })
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => { /* likewise */ })
  })
  server.on('stream', (stream, headers, _flags, ...rest: unknown[]) => {
    // The proxy's own watches for API changes, where it is one that asks.
    if (alsoHttp1 && /^\/apis\/api(extensions|registration)/.test(String(headers[':path']))) return
    stream.on('error', () => { /* each test looks for itself */ })
    const arrival = { stream, headers, raw: rest[0] as readonly string[], session: stream.session as ServerHttp2Session }
    arrivals.push(arrival)
    queue.put(arrival)
    handler?.(arrival)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`, port, ca: ca ?? authority.ca, sessions, arrivals,
    get bytes() { return sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0) },
    next: () => queue.take(),
    answer: (next) => { handler = next },
  }
}

/** What a handler was told, in order. */
export class Told implements Dispatcher.DispatchHandler {
  controller: Dispatcher.DispatchController | undefined
  status = 0
  headers: readonly string[] = []
  body = Buffer.alloc(0)
  error: Error | undefined
  /** `start`, `head`, `data`, `end`, `error`. */
  readonly calls: string[] = []
  readonly over: Promise<'end' | 'error'>
  readonly head: Promise<number>
  onHead: (controller: Dispatcher.DispatchController) => void = () => {}
  onChunk: () => void = () => {}
  #end: (how: 'end' | 'error') => void = () => {}
  #head: (status: number) => void = () => {}
  #heard: () => void = () => {}

  constructor() {
    this.over = new Promise((resolve) => { this.#end = resolve })
    this.head = new Promise((resolve) => { this.#head = resolve })
  }

  /** Resolves when so many bytes of the body are there. */
  async has(bytes: number): Promise<void> {
    while (this.body.length < bytes) await new Promise<void>((resolve) => { this.#heard = resolve })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    this.calls.push('start')
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.calls.push('head')
    this.status = status
    this.headers = controller.rawHeaders as string[]
    this.onHead(controller)
    this.#head(status)
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.calls.at(-1) !== 'data') this.calls.push('data')
    this.body = Buffer.concat([this.body, chunk])
    this.onChunk()
    this.#heard()
  }

  onResponseEnd(): void {
    this.calls.push('end')
    this.#end('end')
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.calls.push('error')
    this.error = error
    this.#end('error')
    this.#head(0)
    this.#heard()
  }
}

/** The agents of one API server, `long` over HTTP/2; closed for good with the test. */
export function http2Agents(t: Scope, { url, ca }: { readonly url: string, readonly ca: string }, more: Partial<Parameters<typeof createAgents>[0]> = {}) {
  const agents = createAgents({ origin: url, ca, servername: '', timeouts: { connect: 25_000, response: 30_000 }, http2: true, ...more })
  t.teardown(async () => {
    await agents.destroy()
    await agents.short.close().catch((error: unknown) => { if (!(error instanceof errors.ClientDestroyedError)) throw error })
  })
  const ask = (path: string, more: Partial<Call> = {}): Told => {
    const told = new Told()
    agents.long.send({ target: path, method: 'GET', headers: ['Host', new URL(url).host, 'Authorization', 'Bearer upstream-token'], body: undefined, patience: 0, ...more }, told)
    return told
  }
  return { ...agents, ask }
}
