import { randomUUID, timingSafeEqual, createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { createSecureServer } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Answer, Call } from './answer.ts'
import { failure } from './answer.ts'
import { drained } from './drained.ts'
import { ApiError } from './status.ts'

export type Upgrade = (call: Call, request: IncomingMessage, socket: Duplex, head: Buffer) => Answer | undefined

export interface ServerOptions {
  readonly token: string
  readonly certificate: { readonly cert: string; readonly key: string }
  readonly seen: (request: IncomingMessage | Http2ServerRequest) => void
  readonly failed: (error: unknown) => void
  readonly answer: (call: Call) => Answer
  /** Takes over the socket, or answers as to any request. */
  readonly upgrade: Upgrade
  readonly signal: AbortSignal
}

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/** As the API server: larger bodies are refused. */
const largestBody = 3 * 1024 * 1024

/** HTTP/1.1 and HTTP/2 over TLS, for whoever has the token. Ends all that is open when the signal aborts. */
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
  try {
    await send(request, response, await answerTo(options, request))
  } catch (error) {
    // The caller went away, or the sample is at fault: either way this exchange is over.
    options.failed(error)
    response.destroy()
  }
}

async function answerTo(options: ServerOptions, request: Request): Promise<Answer> {
  const refused = refusal(options, request)
  if (refused !== undefined) return refused
  const body = await bodyOf(request)
  if (body === undefined) return failure(new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${largestBody}`))
  return options.answer(callOf(request, body))
}

function refusal({ token }: ServerOptions, request: Request): Answer | undefined {
  const digest = (value: string) => createHash('sha256').update(value).digest()
  const given = request.headers.authorization ?? ''
  if (timingSafeEqual(digest(given), digest(`Bearer ${token}`))) return undefined
  return failure(new ApiError(401, 'Unauthorized', 'Unauthorized'))
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

function callOf(request: Request, body: Buffer): Call {
  const target = request.url ?? '/'
  const mark = target.indexOf('?')
  const headers = Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value ?? ''])
  return {
    method: request.method ?? '',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
  }
}

async function send(request: Request, response: Response, { status, headers, body }: Answer): Promise<void> {
  const all: Record<string, string> = { 'audit-id': randomUUID(), ...headers }
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
  const answer = refusal(options, request) ?? options.upgrade(callOf(request, Buffer.alloc(0)), request, socket, head)
  if (answer === undefined) return
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  response.once('finish', () => socket.end())
  send(request, response, answer).catch(options.failed)
}
