import { once } from 'node:events'
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2'
import type { Scope } from './scope.ts'

export interface Http2Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  json(): unknown
}

export interface Http2Client {
  readonly session: ClientHttp2Session
  /** A whole request. `headers` may hold pseudo-headers, which win over `method` and `target`. */
  request(method: string, target: string, headers?: OutgoingHttpHeaders, body?: string | Uint8Array): Promise<Http2Response>
  /** An open stream; the request's side is left open with `endStream: false`. */
  open(method: string, target: string, headers?: OutgoingHttpHeaders, options?: { readonly endStream?: boolean }): ClientHttp2Stream
  /** HEADERS and RST_STREAM at once, so many times (CVE-2023-44487). Resolves when all are closed or the session is. */
  resetBurst(count: number, target: string, headers?: OutgoingHttpHeaders): Promise<void>
  readonly closed: Promise<void>
}

export interface Http2ClientOptions {
  readonly port: number
  readonly ca: string
  /** Bytes of an answer that may come unasked; 0: none at all. */
  readonly window?: number
}

/** An HTTP/2 connection over verified TLS. Node's client refuses to send some bad headers: use raw frames for those. */
export async function connectHttp2(t: Scope, options: Http2ClientOptions): Promise<Http2Client> {
  const { port, ca, window } = options
  const settings = window === undefined ? {} : { settings: { initialWindowSize: window } }
  const session = http2.connect(`https://localhost:${port}`, { ca, host: '127.0.0.1', ...settings })
  session.on('error', () => { /* streams report it to those who wait */ })
  t.teardown(() => session.destroy())
  await Promise.race([once(session, 'connect'), once(session, 'error').then(([error]) => { throw error as Error })])
  const open: Http2Client['open'] = (method, target, headers = {}, { endStream = true } = {}) =>
    session.request({ ':method': method, ':path': target, ...headers }, { endStream })
  return {
    session,
    open,
    request: async (method, target, headers, body) => {
      const stream = open(method, target, headers, { endStream: body === undefined })
      if (body !== undefined) stream.end(body)
      return responseOf(stream)
    },
    resetBurst: async (count, target, headers) => {
      const streams = Array.from({ length: count }, () => {
        const stream = open('GET', target, headers)
        stream.on('error', () => { /* meant */ })
        stream.close(http2.constants.NGHTTP2_CANCEL)
        return new Promise<void>((resolve) => stream.once('close', () => resolve()))
      })
      await Promise.all(streams)
    },
    closed: new Promise((resolve) => session.once('close', () => resolve())),
  }
}

/** Reads an answer whole. Rejects when the stream was reset. */
export async function responseOf(stream: ClientHttp2Stream): Promise<Http2Response> {
  const [headers] = await once(stream, 'response') as [Record<string, string | string[] | undefined>]
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  if (stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR) throw new Error(`reset with ${stream.rstCode}`)
  const body = Buffer.concat(pieces)
  return { status: Number(headers[':status']), headers, body, json: () => JSON.parse(body.toString()) as unknown }
}
