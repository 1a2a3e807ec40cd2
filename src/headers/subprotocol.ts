import { ProxyError } from '../errors.ts'
import { listed } from './read.ts'

/** Kubernetes lets browsers put a bearer token here (k8s.io/apiserver pkg/authentication/request/websocket). */
export const bearerProtocolPrefix = 'base64url.bearer.authorization.k8s.io.'

/** The subprotocols of all `Sec-WebSocket-Protocol` lines, in order. */
export function subprotocols(headers: readonly string[]): string[] {
  return listed(headers, 'sec-websocket-protocol')
}

/**
 * The value of `Sec-WebSocket-Protocol` without the bearer token; undefined where
 * there is no token in it, and nothing to change. As in the API server, a token must
 * not be the only subprotocol: it would be chosen, that is echoed. Throws ProxyError
 * MalformedHeader.
 */
export function withoutBearerProtocol(headers: readonly string[]): string | undefined {
  const offered = subprotocols(headers)
  if (offered.length === 0) return undefined
  const left = offered.filter(protocol => !protocol.startsWith(bearerProtocolPrefix))
  if (left.length === offered.length) return undefined
  if (left.length === 0) {
    throw new ProxyError('MalformedHeader', 'Sec-WebSocket-Protocol must name a subprotocol beside the bearer token')
  }
  return left.join(', ')
}
