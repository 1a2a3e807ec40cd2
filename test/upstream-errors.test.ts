import { errors } from 'undici'
import t from 'tap'
import { ProxyError } from '../src/errors.ts'
import { isStaleSocket, noteStaleSocket, translateUpstreamError } from '../src/upstream-errors.ts'

const withCode = (code: string) => Object.assign(new Error(code), { code })

const rows: [title: string, error: unknown, sent: boolean, expected: string, retryAfter?: number][] = [
  ['refused', withCode('ECONNREFUSED'), false, 'UpstreamUnreachable', 1],
  ['refused on every address', Object.assign(new AggregateError([withCode('ECONNREFUSED')]), { code: 'ECONNREFUSED' }), false, 'UpstreamUnreachable', 1],
  ['no such host', withCode('ENOTFOUND'), false, 'UpstreamUnreachable', 1],
  ['name service down', withCode('EAI_AGAIN'), false, 'UpstreamUnreachable', 1],
  ['no connection in time', new errors.ConnectTimeoutError(), false, 'UpstreamUnreachable', 1],
  ['the agent of a replaced cluster', new errors.ClientClosedError(), false, 'UpstreamUnreachable', 1],
  ['reset within the TLS handshake', withCode('ECONNRESET'), false, 'UpstreamUnreachable', 1],
  ['reset after the request', withCode('ECONNRESET'), true, 'BadUpstream'],
  ['closed after the request', new errors.SocketError('other side closed'), true, 'BadUpstream'],
  ['no head in time', new errors.HeadersTimeoutError(), true, 'UpstreamTimeout'],
  ['silence in the body', new errors.BodyTimeoutError(), true, 'UpstreamTimeout'],
  ['too much of a head', new errors.HeadersOverflowError(), true, 'BadUpstream'],
  ['a body of another length', new errors.ResponseContentLengthMismatchError(), true, 'BadUpstream'],
  ['no HTTP', new errors.HTTPParserError('Expected HTTP/'), true, 'BadUpstream'],
  ['self-signed', withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), false, 'BadUpstream'],
  ['unknown authority', withCode('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), false, 'BadUpstream'],
  ['expired', withCode('CERT_HAS_EXPIRED'), false, 'BadUpstream'],
  ['another name', withCode('ERR_TLS_CERT_ALTNAME_INVALID'), false, 'BadUpstream'],
  ['TLS refused', withCode('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'), false, 'BadUpstream'],
  ['our certificate refused, as OpenSSL 3.0 names it', withCode('ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'), true, 'CredentialRejected'],
  ['our certificate refused, as OpenSSL 3.2 names it', withCode('ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED'), true, 'CredentialRejected'],
  ['a certificate asked for', withCode('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), true, 'CredentialRejected'],
  ['not TLS at all', withCode('EPROTO'), false, 'BadUpstream'],
  ['a bug of ours', new TypeError('x is not a function'), true, 'Internal'],
  ['a header undici will not send', new errors.InvalidArgumentError('invalid x header'), false, 'Internal'],
  ['not even an error', 'oops', false, 'Internal'],
]

for (const [title, error, sent, code, retryAfter] of rows) {
  t.test(`${title} is ${code}`, async (t) => {
    const translated = translateUpstreamError(error, { sent })
    t.equal(translated.code, code)
    t.equal(translated.retryAfter, retryAfter, 'Retry-After only where nothing was sent')
    t.equal(translated.cause, error, 'the cause is kept for the log')
    if (error instanceof Error) t.notMatch(translated.message, error.message, 'and not shown to the caller')
  })
}

t.test('a refusal stays what it is', async (t) => {
  const refusal = new ProxyError('Draining', 'x')
  t.equal(translateUpstreamError(refusal, { sent: true }), refusal)
})

t.test('only an error that was noted is a stale socket\'s', async (t) => {
  const error = withCode('ECONNRESET')
  t.equal(isStaleSocket(error), false)
  noteStaleSocket(error)
  t.equal(isStaleSocket(error), true)
  t.equal(isStaleSocket('ECONNRESET'), false)
})
