import { EventEmitter, once } from 'node:events'
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Scope } from './scope.ts'

/** A POST that reached the collector. */
export interface Posted {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly list: { readonly kind: string, readonly apiVersion: string, readonly items: readonly Readonly<Record<string, unknown>>[] }
  /** Of the client's certificate; undefined without one. */
  readonly subject: string | undefined
  /** Whether its connection had brought another one before. */
  readonly again: boolean
}

/** How it answers: a status, with headers, `reset` (the connection), or nothing at all. */
export type CollectorAnswer = number | { readonly status: number, readonly headers: Readonly<Record<string, string>> } | 'reset' | 'nothing'

/** Takes audit events as an API server's webhook is meant to. */
export interface Collector {
  readonly url: string
  readonly port: number
  /** Everything posted, answered well or not. */
  readonly posts: readonly Posted[]
  /** Items of POSTs that were answered well, in order. */
  taken(): readonly Readonly<Record<string, unknown>>[]
  /** From the next POST on. */
  answer(how: (posted: Posted) => CollectorAnswer | Promise<CollectorAnswer>): void
  /** Resolves when that is so, which is looked at with each POST. */
  until(wanted: () => boolean): Promise<void>
  /** Nobody listens there any more. */
  stop(): Promise<void>
  /** Listens there again. */
  restart(): Promise<void>
}

export interface CollectorOptions {
  /** PEM; without it, plain HTTP. */
  readonly tls?: { readonly cert: string, readonly key: string, readonly clientCa?: string }
}

export async function startCollector(t: Scope, { tls }: CollectorOptions = {}): Promise<Collector> {
  const posts: Posted[] = []
  const taken: Readonly<Record<string, unknown>>[] = []
  const heard = new EventEmitter<{ posted: [] }>()
  heard.setMaxListeners(0)
  let how: (posted: Posted) => CollectorAnswer | Promise<CollectorAnswer> = () => 200
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const read = await readPost(request)
    if (read === undefined) return
    const posted = { ...read, again: used.has(request.socket) }
    used.add(request.socket)
    posts.push(posted)
    const answer = await how(posted)
    if (answer === 'reset') request.socket.resetAndDestroy()
    else if (answer !== 'nothing') {
      const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer
      // Before it is answered: whoever reads the answer may look at once.
      if (status < 300) taken.push(...posted.list.items)
      response.writeHead(status, headers).end('{}')
    }
    heard.emit('posted')
  }
  const listener = (request: IncomingMessage, response: ServerResponse) => void handle(request, response)
  const make = () => tls === undefined ? http.createServer(listener)
    : https.createServer({ cert: tls.cert, key: tls.key, ...tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true } }, listener)
  const sockets = new Set<Socket>()
  const used = new WeakSet<Socket>()
  let server = make()
  const listen = async (port: number) => {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const port = await listen(0)
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.teardown(stop)
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, port, posts, stop,
    taken: () => taken,
    answer: (next) => { how = next },
    async until(wanted) {
      while (!wanted()) await once(heard, 'posted')
    },
    async restart() {
      server = make()
      await listen(port)
    },
  }
}

/** Undefined where the client left in the middle. */
async function readPost(request: IncomingMessage): Promise<Omit<Posted, 'again'> | undefined> {
  let text = ''
  try {
    for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
  } catch {
    return undefined
  }
  const { socket } = request
  const subject = 'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerCertificate().subject?.CN : undefined
  return { url: request.url ?? '', headers: request.headers, text, list: JSON.parse(text) as Posted['list'], subject: [subject].flat()[0] }
}
