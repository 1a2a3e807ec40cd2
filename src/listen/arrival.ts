import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Arrival } from '../model/arrival.ts'
import { peerCertificateOf } from './peer-certificate.ts'
import type { SourceIPs } from './source.ts'

/**
 * A request over HTTP/2, in the words of node:http. Its stream is its body and the way back: node's own objects for
 * that would each be kept, with their listeners, as long as a watch lasts.
 */
export class Http2Head {
  readonly httpVersionMajor = 2
  readonly httpVersion = '2.0'
  readonly originalUrl = undefined
  readonly method: string | undefined
  readonly url: string | undefined
  readonly rawHeaders: readonly string[]
  readonly stream: ServerHttp2Stream
  /** Its body is sent only when it is asked for (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    this.stream = stream
    this.rawHeaders = rawHeaders
    this.method = headers[':method'] as string | undefined
    this.url = headers[':path'] as string | undefined
    this.expectsContinue = headers.expect === '100-continue'
  }

  get socket() {
    return this.stream.session?.socket
  }
}

/** A request as node:http or node:http2 hands it over; `originalUrl` is fastify's, where it rewrote `url` for its router. */
export type RawRequest = (IncomingMessage & { originalUrl?: string }) | Http2Head

export function toArrival(raw: RawRequest, sourceIPs: SourceIPs, upgrade: boolean, now: () => number): Arrival {
  const rawHeaders = raw.httpVersionMajor === 2 ? withoutPseudoHeaders(raw.rawHeaders) : raw.rawHeaders
  return {
    // In one piece, where node hands over several: see microTime of audit/event.ts.
    auditId: randomUUID().toLowerCase(),
    receivedAt: now(),
    method: raw.method ?? '',
    target: raw.originalUrl ?? raw.url ?? '',
    rawHeaders,
    httpVersion: raw.httpVersionMajor === 2 ? '2.0' : raw.httpVersion === '1.0' ? '1.0' : '1.1',
    upgrade,
    sourceIPs: sourceIPs(raw.socket?.remoteAddress ?? '', rawHeaders),
    certificate: peerCertificateOf(raw),
  }
}

function withoutPseudoHeaders(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_part, i) => !rawHeaders[i - (i % 2)]?.startsWith(':'))
}

/** Whether a body follows, however short: no stream is made for requests that have none. */
export function hasBody(raw: RawRequest): boolean {
  if (raw instanceof Http2Head) return !raw.stream.endAfterHeaders
  const length = raw.headers['content-length']
  return raw.headers['transfer-encoding'] !== undefined || (length !== undefined && !/^0+$/.test(length))
}
