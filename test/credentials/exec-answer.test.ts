import t from 'tap'
import { readAnswer } from '../../src/credentials/exec-answer.ts'
import { makeAuthority } from '../support/certificates.ts'
import { jwt } from './tokens.ts'

const v1 = 'client.authentication.k8s.io/v1'
const v1beta1 = 'client.authentication.k8s.io/v1beta1'
const now = Date.now()
const second = Math.floor(now / 1000)
const pair = makeAuthority('clients').issue({ commonName: 'system:serviceaccount:tools:by-certificate', notAfter: (second + 7200) * 1000 })
const certificate = { clientCertificateData: pair.cert, clientKeyData: pair.key }
const token = jwt({ sub: 'system:serviceaccount:tools:by-token', iss: 'https://k', aud: ['https://k'], iat: second - 10, exp: second + 3600 })

const answer = (status: unknown, over: object = {}) => JSON.stringify({ apiVersion: v1, kind: 'ExecCredential', spec: {}, status, ...over })
const read = (stdout: string, apiVersion: typeof v1 | typeof v1beta1 = v1) => readAnswer(stdout, { apiVersion, now })

t.test('a token is presented as bearer token, with what it says of itself', async (t) => {
  for (const apiVersion of [v1, v1beta1] as const) {
    const { presented, claims } = read(answer({ token }, { apiVersion }), apiVersion)
    t.strictSame(presented, { authorization: `Bearer ${token}`, certificate: undefined })
    t.match(claims, {
      user: 'system:serviceaccount:tools:by-token', account: { namespace: 'tools', name: 'by-token' }, issuer: 'https://k',
      issuedAt: (second - 10) * 1000, expiresAt: (second + 3600) * 1000,
    })
  }
})

t.test('a certificate is presented without an Authorization', async (t) => {
  const { presented, claims } = read(answer(certificate))
  t.strictSame(presented, { authorization: undefined, certificate: pair })
  t.match(claims, { account: { namespace: 'tools', name: 'by-certificate' }, issuer: 'CN=clients', expiresAt: (second + 7200) * 1000, issuedAt: now })
})

t.test('of both the certificate says whose it is: the API server asks it first', async (t) => {
  const { presented, claims } = read(answer({ token, ...certificate }))
  t.strictSame(presented, { authorization: `Bearer ${token}`, certificate: pair })
  t.match(claims, { user: 'system:serviceaccount:tools:by-certificate', audience: ['https://k'] })
})

t.test('its end is the one that the plugin tells, else the first that comes', async (t) => {
  const rows: [status: object, expiresAt: number | undefined][] = [
    [{ token, expirationTimestamp: '2999-01-01T00:00:00Z' }, Date.UTC(2999, 0, 1)],
    [{ token, expirationTimestamp: '2999-01-01T02:00:00.5+02:00' }, Date.UTC(2999, 0, 1) + 500],
    [{ token, expirationTimestamp: null }, (second + 3600) * 1000],
    [{ token, ...certificate }, (second + 3600) * 1000],
    [certificate, (second + 7200) * 1000],
    [{ token: 'opaque', ...certificate }, (second + 7200) * 1000],
    [{ token: 'opaque' }, undefined],
    [{ token: 'opaque', clientCertificateData: '', clientKeyData: '' }, undefined],
  ]
  for (const [status, expiresAt] of rows) t.equal(read(answer(status)).claims.expiresAt, expiresAt, JSON.stringify(Object.keys(status)))
})

const faults: readonly [what: string, stdout: string, message: string | RegExp][] = [
  ['nothing', '', 'answered with something that is no JSON'],
  ['rubbish', 'S3cret S3cret', 'answered with something that is no JSON'],
  ['two documents', `${answer({ token: 'S3cret' })}${answer({ token: 'S3cret' })}`, 'answered with something that is no JSON'],
  ['a list', '["S3cret"]', 'answered with something else than an ExecCredential'],
  ['another kind', answer({ token: 'S3cret' }, { kind: 'S3cret' }), 'answered with something else than an ExecCredential'],
  ['no kind', answer({ token: 'S3cret' }, { kind: undefined }), 'answered with something else than an ExecCredential'],
  ['another version', answer({ token: 'S3cret' }, { apiVersion: v1beta1 }), `answered in another apiVersion than ${v1}, which the config asks for`],
  ['a version that is gone', answer({ token: 'S3cret' }, { apiVersion: 'client.authentication.k8s.io/v1alpha1' }), /^answered in another apiVersion/],
  ['no status', answer(undefined, { spec: 'S3cret' }), 'answered without a status'],
  ['a status that is none', answer('S3cret'), 'answered without a status'],
  ['neither', answer({ expirationTimestamp: '2999-01-01T00:00:00Z' }), 'gave neither a token nor a certificate with its key'],
  ['an empty token', answer({ token: '' }), 'gave neither a token nor a certificate with its key'],
  ['half a pair', answer({ clientCertificateData: pair.cert }), 'gave clientCertificateData or clientKeyData without the other'],
  ['the other half beside a token', answer({ token: 'S3cret', clientKeyData: pair.key }), 'gave clientCertificateData or clientKeyData without the other'],
  ['a token that is no string', answer({ token: { value: 'S3cret' } }), 'gave a token that is no string'],
  ['a token in two lines', answer({ token: 'S3cret\nS3cret' }), /^gave a token that is none: holds more than one/],
  ['a pair that does not fit', answer({ ...certificate, clientKeyData: makeAuthority().issue().key }), /^gave a certificate that is none: the private key is not that/],
  ['a key that is none', answer({ ...certificate, clientKeyData: 'S3cret' }), /^gave a certificate that is none: there is no private key in PEM/],
  ...['tomorrow', '', 1_800_000_000, '2999-01-01', 'Fri, 01 Jan 2999 00:00:00 GMT', '2999-13-01T00:00:00Z'].map((expirationTimestamp): [string, string, string] =>
    [`the end ${JSON.stringify(expirationTimestamp)}`, answer({ token: 'S3cret', expirationTimestamp }), 'gave an expirationTimestamp that is no time in RFC 3339']),
]

for (const [what, stdout, message] of faults) {
  t.test(`${what} is no credential, and none of it is repeated`, async (t) => {
    t.throws(() => read(stdout), { message })
    try {
      read(stdout)
    } catch (error) {
      for (let at = error as Error | undefined; at !== undefined; at = at.cause as Error | undefined) t.notMatch(`${at.message} ${at.stack}`, /S3cret|PRIVATE KEY-----\n/)
    }
  })
}
