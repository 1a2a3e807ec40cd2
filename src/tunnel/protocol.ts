import { ProxyError } from '../errors.ts'
import { headerValues } from '../headers/read.ts'
import { bearerProtocolPrefix, subprotocols } from '../headers/subprotocol.ts'
import type { Arrival } from '../model/arrival.ts'

/** What Kubernetes streams over: RFC 6455, and SPDY/3.1 for kubectl before 1.31. */
export type UpgradeKind = 'websocket' | 'spdy'

/** As `Upgrade` names them; compared without regard to case (RFC 9110 §7.8). */
export const protocolNames: Readonly<Record<UpgradeKind, string>> = { websocket: 'websocket', spdy: 'SPDY/3.1' }

/**
 * The one protocol an arrival asks to switch to. Throws ProxyError MalformedHeader for
 * everything else: h2c would hand the caller an HTTP/2 connection under our credential,
 * and of a list upstream may choose what was never judged.
 */
export function requestedUpgrade({ method, httpVersion, rawHeaders }: Arrival): UpgradeKind {
  const kind = kindOf(headerValues(rawHeaders, 'upgrade'))
  if (kind === undefined) throw malformed('Upgrade may name websocket or SPDY/3.1, one of them, once')
  if (httpVersion !== '1.1') throw malformed('only HTTP/1.1 can be upgraded')
  if (kind === 'websocket') checkHandshake(method, rawHeaders)
  if (kind === 'spdy' && method !== 'POST' && method !== 'GET') throw malformed('an upgrade to SPDY is a POST or a GET')
  return kind
}

/** RFC 6455 §4.2.1; whatever upstream would make of another version or two keys is not for us to find out. */
function checkHandshake(method: string, headers: readonly string[]): void {
  if (method !== 'GET') throw malformed('a WebSocket handshake is a GET')
  const [version, ...moreVersions] = headerValues(headers, 'sec-websocket-version')
  if (version !== '13' || moreVersions.length > 0) throw malformed('Sec-WebSocket-Version must be 13')
  const [key, ...moreKeys] = headerValues(headers, 'sec-websocket-key')
  if (key === undefined || moreKeys.length > 0 || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    throw malformed('Sec-WebSocket-Key must be 16 bytes in base64')
  }
}

/**
 * Whether a 101 switches to what was asked for, and to a subprotocol that was offered;
 * else the two sides would read the same bytes differently. Throws ProxyError BadUpstream.
 */
export function checkSwitch(kind: UpgradeKind, asked: readonly string[], answered: readonly string[]): void {
  if (kindOf(headerValues(answered, 'upgrade')) !== kind) {
    throw new ProxyError('BadUpstream', 'the API server switched to a protocol that was not asked for')
  }
  if (kind !== 'websocket') return
  const offered = subprotocols(asked).filter(protocol => !protocol.startsWith(bearerProtocolPrefix))
  const chosen = subprotocols(answered)
  if (chosen.length > 1 || chosen.some(protocol => !offered.includes(protocol))) {
    throw new ProxyError('BadUpstream', 'the API server chose a subprotocol that was not offered')
  }
}

function kindOf(upgrades: readonly string[]): UpgradeKind | undefined {
  const [only, ...more] = upgrades
  if (only === undefined || more.length > 0) return undefined
  if (only.toLowerCase() === 'websocket') return 'websocket'
  return only.toLowerCase() === 'spdy/3.1' ? 'spdy' : undefined
}

function malformed(message: string): ProxyError {
  return new ProxyError('MalformedHeader', message)
}
