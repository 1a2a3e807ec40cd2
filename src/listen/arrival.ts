import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { Arrival } from '../model/arrival.ts'
import { peerCertificateOf } from './peer-certificate.ts'
import type { SourceIPs } from './source.ts'

/** A request as node:http or node:http2 hands it over; `originalUrl` is fastify's, where it rewrote `url` for its router. */
export type RawRequest = (IncomingMessage | Http2ServerRequest) & { originalUrl?: string }

export function toArrival(raw: RawRequest, sourceIPs: SourceIPs, upgrade: boolean, now: () => number): Arrival {
  const rawHeaders = raw.httpVersionMajor === 2 ? withoutPseudoHeaders(raw.rawHeaders) : raw.rawHeaders
  return {
    auditId: randomUUID(),
    receivedAt: now(),
    method: raw.method ?? '',
    target: raw.originalUrl ?? raw.url ?? '',
    rawHeaders,
    httpVersion: raw.httpVersionMajor === 2 ? '2.0' : raw.httpVersion === '1.0' ? '1.0' : '1.1',
    upgrade,
    sourceIPs: sourceIPs(raw.socket.remoteAddress ?? '', rawHeaders),
    certificate: peerCertificateOf(raw),
  }
}

function withoutPseudoHeaders(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_part, i) => !rawHeaders[i - (i % 2)]?.startsWith(':'))
}

/** Whether a body follows, however short: no stream is made for requests that have none. */
export function hasBody(raw: RawRequest): boolean {
  if (raw.httpVersionMajor === 2) return !(raw as Http2ServerRequest).stream.endAfterHeaders
  const length = raw.headers['content-length']
  return raw.headers['transfer-encoding'] !== undefined || (length !== undefined && !/^0+$/.test(length))
}
