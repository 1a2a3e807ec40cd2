import { errors } from 'undici'
import { asProxyError, ProxyError } from './errors.ts'

/**
 * What undici, Node's sockets or TLS report, as a refusal: the one place where it is
 * decided. `sent`: a byte of the request may have gone upstream (undici's
 * `onRequestStart` was called); only without it may the caller be told to try again.
 */
export function translateUpstreamError(error: unknown, { sent }: { sent: boolean }): ProxyError {
  if (error instanceof ProxyError) return error
  const code = codeOf(error)
  const cause = error
  if (timeouts.has(code)) {
    return new ProxyError('UpstreamTimeout', 'the API server did not answer in time', { cause })
  }
  if (certificateFaults.has(code)) {
    return new ProxyError('BadUpstream', 'the TLS certificate of the API server could not be verified', { cause })
  }
  if (certificateAlert.test(code)) {
    return new ProxyError('CredentialRejected', 'the API server rejected the client certificate of Portcullis itself', { cause })
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new ProxyError('BadUpstream', 'TLS with the API server failed', { cause })
  }
  // The error of undici's parser carries no code, whatever its constructor says; HPE_ is node:http's, for tunnels.
  if (badAnswers.has(code) || code.startsWith('HPE_') || error instanceof errors.HTTPParserError) {
    return new ProxyError('BadUpstream', 'the API server sent an answer that cannot be read', { cause })
  }
  if (code.startsWith('ERR_HTTP2_')) {
    return new ProxyError('BadUpstream', 'the API server broke its answer off', { cause })
  }
  if (!isLostConnection(code)) return asProxyError(error)
  if (sent) return new ProxyError('BadUpstream', 'the API server closed the connection in the middle', { cause })
  return new ProxyError('UpstreamUnreachable', 'the API server could not be reached', { cause, retryAfter: 1 })
}

/**
 * True where the API server refused our client certificate within TLS: as good as a 401,
 * and the request was not looked at. Of an error as it came, or translated.
 */
export function isCertificateRefused(error: unknown): boolean {
  return certificateAlert.test(codeOf(error instanceof ProxyError ? error.cause : error))
}

const staleSockets = new WeakSet<Error>()

/** For the agents alone: this error ended a connection that had answered requests before. */
export function noteStaleSocket(error: Error): void {
  staleSockets.add(error)
}

/**
 * True for the error of a connection that had answered before: the API server may
 * have closed it just as it was used again. When no byte of an answer came either,
 * a request without a body may be sent once more.
 */
export function isStaleSocket(error: unknown): boolean {
  return error instanceof Error && staleSockets.has(error)
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}

/** System errors (ECONNREFUSED, EAI_AGAIN …; several addresses tried make one AggregateError) and undici's own. */
function isLostConnection(code: string): boolean {
  return lostConnections.has(code) || (/^E[A-Z0-9_]+$/.test(code) && !code.startsWith('ERR_'))
}

/** TLS alerts (RFC 8446 §6.2) by which a server refuses a client's certificate, or its absence; OpenSSL 3.2 names some of them anew. */
const certificateAlert = /^ERR_SSL_(?:SSLV3|SSL\/TLS|TLSV1|TLSV13)_ALERT_(?:(?:BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_(?:REVOKED|EXPIRED|UNKNOWN|REQUIRED)|UNKNOWN_CA|ACCESS_DENIED)$/

const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])

const lostConnections = new Set([
  'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_INFO', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED',
])

const badAnswers = new Set([
  'UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
])

/** Node's `X509 certificate error codes`, less those that speak of revocation lists and memory. */
const certificateFaults = new Set([
  'ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_DECRYPT_CERT_SIGNATURE', 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE', 'ERROR_IN_CERT_NOT_BEFORE_FIELD', 'ERROR_IN_CERT_NOT_AFTER_FIELD', 'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED', 'CERT_UNTRUSTED', 'CERT_REJECTED', 'INVALID_CA', 'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
])
