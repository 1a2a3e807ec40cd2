import { ProxyError } from '../errors.ts'
import type { Arrival } from '../model/arrival.ts'
import { lowerCase } from './by-name.ts'

/** Headers of which there may be one line only: two are read differently by different parsers. */
const single: ReadonlySet<string> = new Set([
  'host', 'content-length', 'content-type', 'transfer-encoding', 'upgrade', 'x-http-method-override',
  'sec-websocket-key', 'sec-websocket-version',
])

/**
 * What the HTTP parser lets through and we do not: doubled framing headers, a body
 * on an upgrade, a missing Host (RFC 9112 §3.2). Throws ProxyError MalformedHeader.
 */
export function checkInbound({ rawHeaders, httpVersion, upgrade }: Arrival): void {
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = lowerCase(rawHeaders[i] ?? '')
    if (single.has(name)) {
      if (seen.has(name)) throw new ProxyError('MalformedHeader', `${name} was sent twice`)
      seen.add(name)
    }
    if (/[\r\n\0]/.test(rawHeaders[i + 1] ?? '')) {
      throw new ProxyError('MalformedHeader', 'a header value holds a line break or NUL')
    }
    if (upgrade && name === 'transfer-encoding') throw bodyOnUpgrade()
    if (upgrade && name === 'content-length' && rawHeaders[i + 1] !== '0') throw bodyOnUpgrade()
    // Node's parser hands the head over before it notices that it cannot read such a body.
    if (name === 'transfer-encoding' && rawHeaders[i + 1]?.toLowerCase() !== 'chunked') {
      throw new ProxyError('MalformedHeader', 'the only Transfer-Encoding is chunked')
    }
  }
  if (httpVersion === '1.1' && !seen.has('host')) throw new ProxyError('MalformedHeader', 'the Host header is missing')
  if (seen.has('content-length') && seen.has('transfer-encoding')) {
    throw new ProxyError('MalformedHeader', 'Content-Length and Transfer-Encoding exclude each other')
  }
}

function bodyOnUpgrade(): ProxyError {
  return new ProxyError('MalformedHeader', 'a request that asks for an upgrade cannot have a body')
}
