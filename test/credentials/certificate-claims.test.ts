import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { certificateClaims } from '../../src/credentials/certificate-claims.ts'
import { makeAuthority, type IssueOptions } from '../support/certificates.ts'

const authority = makeAuthority('cluster CA')
const notBefore = Date.UTC(2026, 0, 1)
const notAfter = Date.UTC(2026, 11, 31, 23, 59, 59)
const claimsOf = (options: IssueOptions) => certificateClaims(new X509Certificate(authority.issue({ notBefore, notAfter, ...options }).cert))

t.test('a certificate says whose it is, who issued it and how long it lasts', async (t) => {
  t.strictSame(claimsOf({ commonName: 'portcullis' }), {
    user: 'portcullis', account: undefined, issuer: 'CN=cluster CA', audience: [], issuedAt: undefined,
    notBefore, expiresAt: notAfter, boundTo: [],
  })
})

t.test('the CN of a service account is that account, as the API server takes it', async (t) => {
  const { user, account } = claimsOf({ commonName: 'system:serviceaccount:tools:portcullis' })
  t.equal(user, 'system:serviceaccount:tools:portcullis')
  t.strictSame(account, { namespace: 'tools', name: 'portcullis' })
})

t.test('of several CNs the last one is the user, and a CN may hold what it likes', async (t) => {
  const rows: [commonName: string | string[], user: string | undefined][] = [
    [['first', 'last'], 'last'],
    ['a, b+c=d\\e', 'a, b+c=d\\e'],
    ['two\nCN=lines', 'two\nCN=lines'],
    ['Grüße', 'Grüße'],
    ['', undefined],
    [[], undefined],
  ]
  for (const [commonName, user] of rows) t.equal(claimsOf({ commonName }).user, user, JSON.stringify(commonName))
})

t.test('an end that OpenSSL cannot read is none', async (t) => {
  const leaf = { issuer: '', toLegacyObject: () => ({}), validFrom: 'Bad time value', validTo: 'Bad time value' } as unknown as X509Certificate
  const { notBefore, expiresAt } = certificateClaims(leaf)
  t.strictSame([notBefore, expiresAt], [undefined, undefined])
})

t.test('an issuer of several CNs is one line', async (t) => {
  const issued = makeAuthority(['root', 'test']).issue()
  t.equal(certificateClaims(new X509Certificate(issued.cert)).issuer, 'CN=root, CN=test')
})
