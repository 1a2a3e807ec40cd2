import { request as httpRequest, type IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import type { Cluster } from '../clusters/cluster.ts'
import { ProxyError } from '../errors.ts'
import { headerValue } from '../headers/read.ts'
import { translateUpstreamError } from '../upstream-errors.ts'

export interface UpgradeRequest {
  readonly method: string
  /** With the cluster's base path, byte for byte. */
  readonly path: string
  readonly headers: readonly string[]
}

/** What upstream made of the request. `upstream` is ours to destroy, in both cases. */
export interface Answer {
  readonly switched: boolean
  readonly response: IncomingMessage
  /** After a 101, its first bytes are whatever came right behind the head. */
  readonly upstream: Socket
}

/**
 * Sends an upgrade on a connection of its own, which is never used for anything else.
 * Rejects with ProxyError, and when `signal` aborts. Nothing is sent before the API
 * server has proved who it is.
 */
export async function dial(cluster: Cluster, request: UpgradeRequest, signal: AbortSignal): Promise<Answer> {
  const upstream = await connect(cluster, signal).catch((error: unknown) => {
    throw translateUpstreamError(error, { sent: false })
  })
  try {
    return await ask(upstream, request, cluster.timeouts.response, signal)
  } catch (error) {
    upstream.destroy()
    throw translateUpstreamError(error, { sent: true })
  }
}

function connect(cluster: Cluster, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(verified(cluster))
    const late = new ProxyError('UpstreamUnreachable', 'the API server could not be reached in time', { retryAfter: 1 })
    const relax = breakOff(socket, late, cluster.timeouts.connect, signal)
    // SPDY writes come in pieces of 1 to 4 bytes.
    socket.setNoDelay(true)
    socket.on('error', reject)
    socket.once('close', relax)
    socket.once('secureConnect', () => {
      relax()
      resolve(socket)
    })
  })
}

function verified(cluster: Cluster): tls.ConnectionOptions & { allowHalfOpen: boolean } {
  const { ca, servername, cert, key } = cluster.tls()
  const { hostname, port } = new URL(cluster.origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const name = servername === '' ? host : servername
  return {
    host,
    port: port === '' ? 443 : Number(port),
    ca,
    cert,
    key,
    // SNI takes no addresses (RFC 6066 §3), but the certificate has to name this one.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(name, certificate),
    // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 cannot turn it off.
    rejectUnauthorized: true,
    // Neither protocol can be switched to from HTTP/2.
    ALPNProtocols: ['http/1.1'],
    // The API server may be done before the caller is.
    allowHalfOpen: true,
  }
}

function ask(socket: Socket, { method, path, headers }: UpgradeRequest, ms: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const late = new ProxyError('UpstreamTimeout', 'the API server did not answer in time')
    const relax = breakOff(socket, late, ms, signal)
    const outgoing = httpRequest({ createConnection: () => socket, method, path, headers: withLength(method, headers), maxHeaderSize })
    outgoing.on('upgrade', (response, _socket, head) => {
      relax()
      if (head.length > 0) socket.unshift(head)
      resolve({ switched: true, response, upstream: socket })
    })
    outgoing.on('response', (response) => {
      relax()
      // node:http takes a 101 that names no protocol for an answer like any other.
      if (response.statusCode === 101) reject(new ProxyError('BadUpstream', 'the API server switched to no protocol'))
      else resolve({ switched: false, response, upstream: socket })
    })
    outgoing.on('error', reject)
    outgoing.on('close', relax)
    outgoing.end()
  })
}

const maxHeaderSize = 65_536

/** Without it node:http would announce a chunked body for a POST. The headers are a copy: node:http wants its own. */
function withLength(method: string, headers: readonly string[]): string[] {
  const framed = headerValue(headers, 'content-length') !== undefined
  return method === 'GET' || framed ? [...headers] : [...headers, 'Content-Length', '0']
}

/** Breaks `socket` off with `late` after `ms`, or when `signal` aborts; returns the way to let it be. */
function breakOff(socket: Socket, late: Error, ms: number, signal: AbortSignal): () => void {
  const timer = setTimeout(() => socket.destroy(late), ms)
  const abort = () => { socket.destroy(new Error('the tunnel was given up while it was being opened')) }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
