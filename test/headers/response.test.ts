import t from 'tap'
import { callerHeaders, callerReason } from '../../src/headers/response.ts'

const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJl'
const options = { auditId: 'our-audit-id', prefix: undefined, authorization: `Bearer ${token}` }

t.test('an answer keeps its headers in order and case, less hop-by-hop ones', async (t) => {
  const headers = callerHeaders([
    'Content-Type', 'application/json', 'Connection', 'keep-alive, X-Hop', 'Keep-Alive', 'timeout=5', 'x-hop', '1',
    'Warning', '299 - "a"', 'Transfer-Encoding', 'chunked', 'warning', '299 - "b"', 'X-Kubernetes-Pf-Flowschema-Uid', 'f',
  ], options)
  t.strictSame(headers, [
    'Audit-Id', 'our-audit-id', 'Content-Type', 'application/json', 'Warning', '299 - "a"', 'warning', '299 - "b"',
    'X-Kubernetes-Pf-Flowschema-Uid', 'f',
  ])
})

t.test('there is exactly one Audit-Id, whatever upstream says', async (t) => {
  t.strictSame(callerHeaders(['Audit-Id', 'theirs', 'AUDIT-ID', 'again'], options), ['Audit-Id', 'our-audit-id'])
})

t.test('a header that echoes our credential is dropped, in every encoding', async (t) => {
  for (const secret of [token, 'sha256~opaque?with+all/of~them=', 'password-of-some-kind']) {
    const ours = { ...options, authorization: `Bearer ${secret}` }
    for (const value of formsIn(secret)) {
      t.strictSame(callerHeaders(['X-Echo', value, 'X-Kept', 'yes'], ours), ['Audit-Id', 'our-audit-id', 'X-Kept', 'yes'], value)
    }
  }
})

/** A secret as others may write it. */
const formsIn = (secret: string) => [
  secret, `Bearer ${secret}`, `x=${encodeURIComponent(secret)}&y`, encodeURIComponent(secret).replace(/%../g, (triplet) => triplet.toLowerCase()),
  ...['sa:', 'serviceaccount:', ':'].flatMap((user) => [
    Buffer.from(`${user}${secret}`).toString('base64'), Buffer.from(`${user}${secret} and more`).toString('base64url'),
  ]),
]

t.test('a reason phrase passes, unless it echoes our credential or cannot be written', async (t) => {
  for (const phrase of ['OK', 'Not Found', 'I\'m a teapot\t', '']) t.equal(callerReason(phrase, options.authorization), phrase)
  for (const phrase of [...formsIn(token), 'caf\xe9', 'Not\x07Found', 'OK\r\nX-Injected: 1']) t.equal(callerReason(phrase, options.authorization), '', phrase)
  t.equal(callerReason('OK', undefined), 'OK', 'under a client certificate there is nothing to echo')
})

t.test('a path-absolute Location of a named cluster gets its prefix back, and no other does', async (t) => {
  const location = (value: string, prefix: string | undefined) => callerHeaders(['Location', value], { ...options, prefix })[3]
  t.equal(location('/openapi/v3/api/v1?hash=new', '/clusters/b'), '/clusters/b/openapi/v3/api/v1?hash=new')
  t.equal(location('/openapi/v3/api/v1?hash=new', undefined), '/openapi/v3/api/v1?hash=new')
  t.equal(location('//other.example/x', '/clusters/b'), '//other.example/x')
  t.equal(location('https://other.example/x', '/clusters/b'), 'https://other.example/x')
})
