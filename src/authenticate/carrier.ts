import { ProxyError } from '../errors.ts'
import { headerValues } from '../headers/read.ts'
import { bearerProtocolPrefix, subprotocols } from '../headers/subprotocol.ts'

/** Where a credential was found, and what it says, as yet believed by nobody. */
export interface Carrier {
  readonly kind: 'authorization' | 'x-api-key' | 'subprotocol'
  readonly token: string
}

/**
 * The one credential of a request; undefined without any. Throws AmbiguousCredential
 * where there are two (whichever is good: a proxy and a server that choose differently
 * are how keys get bypassed), MissingKey where the one there is holds no token.
 */
export function readCarrier(rawHeaders: readonly string[]): Carrier | undefined {
  const authorization = headerValues(rawHeaders, 'authorization')
  const apiKey = headerValues(rawHeaders, 'x-api-key')
  const bearers = subprotocols(rawHeaders).filter(protocol => protocol.startsWith(bearerProtocolPrefix))
  if (authorization.length + apiKey.length + bearers.length > 1) {
    throw new ProxyError('AmbiguousCredential', 'the request carries more than one credential; send exactly one')
  }
  if (authorization[0] !== undefined) return { kind: 'authorization', token: bearerToken(authorization[0]) }
  if (apiKey[0] !== undefined) return { kind: 'x-api-key', token: apiKeyToken(apiKey[0]) }
  if (bearers[0] !== undefined) return { kind: 'subprotocol', token: subprotocolToken(bearers[0]) }
  return undefined
}

// One space exactly, as RFC 6750 §2.1 writes it: with two, the API server reads an empty token
// (CVE-2023-48312 is what becomes of an empty one elsewhere). The value is not
// repeated in the message: a key sent without its scheme would be in it.
function bearerToken(value: string): string {
  const token = /^bearer ([\x21-\x7e]+)$/i.exec(value)?.[1]
  if (token === undefined) {
    throw new ProxyError('MissingKey', 'the Authorization header must read: Bearer <API key>')
  }
  return token
}

function apiKeyToken(value: string): string {
  if (value === '') throw new ProxyError('MissingKey', 'the X-API-Key header is empty')
  return value
}

// k8s.io/apiserver/pkg/authentication/request/websocket: base64url without padding.
function subprotocolToken(protocol: string): string {
  const encoded = protocol.slice(bearerProtocolPrefix.length)
  const bytes = Buffer.from(encoded, 'base64url')
  if (bytes.length === 0 || bytes.toString('base64url') !== encoded) {
    throw new ProxyError('MissingKey', 'the bearer subprotocol does not hold an API key in base64url')
  }
  return bytes.toString('utf8')
}
