import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { createSecureServer } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Answer, Call } from './answer.ts'
import type { Audited } from './audit.ts'
import { failure } from './answer.ts'
import { drained } from './drained.ts'
import { ApiError } from './status.ts'

export type Upgrade = (call: Call, request: IncomingMessage, socket: Duplex, head: Buffer) => Answer | undefined

export interface ServerOptions {
  /** The user of an `Authorization`; undefined: nobody's. */
  readonly authenticate: (authorization: string) => string | undefined
  readonly authorize: (user: string, method: string, path: string) => boolean
  readonly certificate: { readonly cert: string; readonly key: string }
  readonly seen: (request: IncomingMessage | Http2ServerRequest) => void
  /** Told when an exchange is over, or has become a connection of another protocol. */
  readonly audit: ((audited: Omit<Audited, 'endedAt'>) => void) | undefined
  readonly failed: (error: unknown) => void
  readonly answer: (call: Call) => Answer | Promise<Answer>
  /** Takes over the socket, or answers as to any request. */
  readonly upgrade: Upgrade
  readonly signal: AbortSignal
}

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/** As the API server: larger bodies are refused. */
const largestBody = 3 * 1024 * 1024

/** HTTP/1.1 and HTTP/2 over TLS, for whoever is let in. Ends all that is open when the signal aborts. */
export function createServer(options: ServerOptions): Http2SecureServer {
  const server = createSecureServer({ ...options.certificate, allowHTTP1: true })
  const sockets = new Set<Socket>()
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.once('close', () => sockets.delete(socket))
    // A caller that resets its connection is no fault of the sample.
    socket.on('error', () => {})
  })
  server.on('sessionError', () => {})
  server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => void respond(options, request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => takeUpgrade(options, request, socket, head))
  options.signal.addEventListener('abort', () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return server
}

async function respond(options: ServerOptions, request: Request, response: Response): Promise<void> {
  options.seen(request)
  auditWhenOver(options, request, response)
  try {
    await send(request, response, await answerTo(options, request))
  } catch (error) {
    // The caller went away, or the sample is at fault: either way this exchange is over.
    options.failed(error)
    response.destroy()
  }
}

async function answerTo(options: ServerOptions, request: Request): Promise<Answer> {
  const user = admit(options, request)
  if (typeof user !== 'string') return user
  const body = await bodyOf(request)
  if (body === undefined) return failure(new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${largestBody}`))
  return options.answer(callOf(request, user, body))
}

/** The user, or the refusal. */
function admit({ authenticate, authorize }: ServerOptions, request: Request): string | Answer {
  const user = authenticate(request.headers.authorization ?? '')
  if (user === undefined) return failure(new ApiError(401, 'Unauthorized', 'Unauthorized'))
  const { method = '', url = '/' } = request
  const [path = ''] = url.split('?')
  if (authorize(user, method, path)) return user
  return failure(new ApiError(403, 'Forbidden', `forbidden: User "${user}" cannot ${method.toLowerCase()} path "${path}"`, {}))
}

function auditWhenOver({ audit, authenticate }: ServerOptions, request: Request, response: Response): void {
  if (audit === undefined) return
  const [receivedAt, auditId, user] = [Date.now(), auditIdOf(request), authenticate(request.headers.authorization ?? '')]
  response.once('close', () => audit({ auditId, request, user, code: response.statusCode, receivedAt }))
}

const auditIds = new WeakMap<Request, string>()

/** The one that it came with, else one of our own: the same for all that is said of a request. */
function auditIdOf(request: Request): string {
  const sent = request.headers['audit-id']
  const id = typeof sent === 'string' && sent !== '' ? sent : auditIds.get(request) ?? randomUUID()
  auditIds.set(request, id)
  return id
}

/** Read to its end even when it is too large: to stop reading would cut the connection before the answer. */
async function bodyOf(request: Request): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= largestBody) chunks.push(chunk)
  }
  return size <= largestBody ? Buffer.concat(chunks) : undefined
}

function callOf(request: Request, user: string, body: Buffer): Call {
  const target = request.url ?? '/'
  const mark = target.indexOf('?')
  const headers = Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value ?? ''])
  return {
    user,
    method: request.method ?? '',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
  }
}

async function send(request: Request, response: Response, { status, headers, body }: Answer): Promise<void> {
  const all: Record<string, string> = { 'audit-id': auditIdOf(request), ...headers }
  if (typeof body !== 'function') {
    if (status !== 304) all['content-length'] = String(Buffer.byteLength(body))
    begin(response, status, all)
    response.end(request.method === 'HEAD' ? '' : body)
    return
  }
  begin(response, status, all)
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  for await (const chunk of body(gone.signal)) {
    if (gone.signal.aborted) return
    if (!writeTo(response, chunk)) await drained(response)
  }
  response.end()
}

/** The two kinds of response have the same methods, but types that cannot be called as one. */
function begin(response: Response, status: number, headers: Record<string, string>): void {
  if (!(response instanceof ServerResponse)) {
    response.writeHead(status, headers)
    return
  }
  response.writeHead(status, headers)
  response.flushHeaders()
}

function writeTo(response: Response, chunk: string | Buffer): boolean {
  return response instanceof ServerResponse ? response.write(chunk) : response.write(chunk)
}

/** What is not taken over is answered as any request, and the connection ends with it. */
function takeUpgrade(options: ServerOptions, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  options.seen(request)
  const user = admit(options, request)
  const answer = typeof user === 'string' ? options.upgrade(callOf(request, user, Buffer.alloc(0)), request, socket, head) : user
  if (answer === undefined) {
    options.audit?.({ auditId: auditIdOf(request), request, user: typeof user === 'string' ? user : undefined, code: 101, receivedAt: Date.now() })
    return
  }
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  auditWhenOver(options, request, response)
  response.assignSocket(socket as Socket)
  response.once('finish', () => socket.end())
  send(request, response, answer).catch(options.failed)
}
