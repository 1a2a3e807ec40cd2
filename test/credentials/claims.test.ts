import t from 'tap'
import { noClaims, readClaims } from '../../src/credentials/claims.ts'
import { jwt } from './tokens.ts'

const account = { namespace: 'tools', name: 'portcullis' }

for (const [what, claims, expected] of [
  ['a bound token', { 'kubernetes.io': { namespace: 'tools', serviceaccount: { name: 'portcullis', uid: 'u' }, pod: { name: 'p' } }, 'sub': 'system:serviceaccount:tools:portcullis' }, account],
  ['a legacy token', { 'kubernetes.io/serviceaccount/namespace': 'tools', 'kubernetes.io/serviceaccount/service-account.name': 'portcullis' }, account],
  ['a subject alone', { sub: 'system:serviceaccount:tools:portcullis' }, account],
  ['a user\'s token', { sub: 'jane' }, undefined],
  ['a token with odd claims', { 'kubernetes.io': 'x', 'kubernetes.io/serviceaccount/namespace': 3, 'sub': 'system:serviceaccount:a' }, undefined],
  ['a token without claims', {}, undefined],
] as const) {
  t.test(`the account of ${what} is ${expected === undefined ? 'unknown' : 'read'}`, async (t) => {
    t.strictSame(readClaims(jwt(claims)).account, expected)
  })
}

t.test('the end is in milliseconds, the audience a list', async (t) => {
  t.match(readClaims(jwt({ exp: 1_800_000_000, iss: 'https://k', aud: 'a' })), { expiresAt: 1_800_000_000_000, issuer: 'https://k', audience: ['a'] })
  t.match(readClaims(jwt({ aud: ['a', 'b'] })), { expiresAt: undefined, issuer: undefined, audience: ['a', 'b'] })
})

t.test('a time that no date holds is none', async (t) => {
  const at = (time: string) => readClaims(['', Buffer.from(`{"exp":${time},"iat":${time},"nbf":${time}}`).toString('base64url'), ''].join('.'))
  for (const time of ['8640000000000.001', '9999999999999', '-9999999999999', '1e400', '-1e400']) {
    t.match(at(time), { expiresAt: undefined, issuedAt: undefined, notBefore: undefined }, time)
  }
  for (const [time, is] of [['8640000000000', 8.64e15], ['-8640000000000', -8.64e15], ['0', 0], ['1.5', 1500]] as const) {
    t.match(at(time), { expiresAt: is, issuedAt: is, notBefore: is }, time)
  }
})

for (const opaque of ['sha256~abc', 'a.b.c', '', 'eyJ.eyJ.x']) {
  t.test(`the opaque token ${JSON.stringify(opaque)} says nothing`, async (t) => {
    t.strictSame(readClaims(opaque), noClaims)
  })
}
