import t from 'tap'
import { noClaims, type Claims } from '../../src/credentials/claims.ts'
import type { CredentialKind } from '../../src/credentials/credential.ts'
import { describeCredential } from '../../src/credentials/describe.ts'
import { whyRejected } from '../../src/credentials/diagnose.ts'

const now = Date.parse('2026-11-21T12:00:00Z')
const issuer = 'https://kubernetes.default.svc'
const account = { namespace: 'tools', name: 'proxy' }
const ours: Claims = { ...noClaims, user: 'system:serviceaccount:tools:proxy', account, issuer, audience: [issuer] }

const rows: readonly [string, Partial<Claims>, Claims | undefined, string][] = [
  ['one that is over', { expiresAt: now - 1 }, ours, 'it expired at 2026-11-21T11:59:59.999Z'],
  ['one that is over just now', { expiresAt: now }, ours, 'it expired at 2026-11-21T12:00:00.000Z'],
  ['one that is not valid yet', { notBefore: now + 60_000 }, undefined, 'it is not valid before 2026-11-21T12:01:00.000Z; do the clocks agree?'],
  ['one for somebody else', { audience: ['vault'] }, ours, `wrong audience? it is for vault, and its issuer is ${issuer}`],
  ['one of another issuer than was accepted', { issuer: 'https://other', audience: ['https://other'] }, ours,
    `wrong cluster? it was issued by https://other, and the last one that was accepted by ${issuer}`],
  ['one whose account is gone', { expiresAt: now + 1 }, ours, `its account was deleted, or it is for another cluster (issued by ${issuer})`],
  ['one whose pod is gone', { boundTo: ['pod tools/proxy-0'] }, undefined,
    `its account or the pod tools/proxy-0 that it is bound to was deleted, or it is for another cluster (issued by ${issuer})`],
]

for (const [what, claims, accepted, why] of rows) {
  t.test(`${what} is told as such`, async (t) => {
    const facts = { kind: 'tokenFile', source: '/secret/place', renewal: '', claims: { ...ours, ...claims }, trouble: undefined } as const
    t.equal(whyRejected(facts, { now, accepted }), `tokenFile, system:serviceaccount:tools:proxy: ${why}`)
  })
}

t.test('an end that no date holds can be told', async (t) => {
  const claims = { ...noClaims, expiresAt: -1e16 }
  const facts = { kind: 'exec', source: 'x', renewal: '', claims, trouble: undefined } as const
  t.equal(whyRejected(facts, { now, accepted: undefined }), 'exec: it expired at a time beyond every date')
  t.equal(describeCredential(facts), 'x, of an account that it does not name, until a time beyond every date')
})

t.test('of an opaque token nothing is claimed to be known', async (t) => {
  const facts = { kind: 'tokenEnv', source: 'X', renewal: '', claims: noClaims, trouble: undefined } as const
  t.equal(whyRejected(facts, { now, accepted: undefined }), 'tokenEnv: it was revoked, or its account was deleted, or it is for another cluster')
})

t.test('of a certificate its issuer is told: it has no account that could be deleted, and nobody can revoke it', async (t) => {
  const certificate: Claims = { ...noClaims, user: 'robot', issuer: 'O=tools, CN=ca' }
  const why = 'is none of the API server\'s --client-ca-file, or it is for another cluster'
  const rows: readonly [CredentialKind, Claims, string][] = [
    ['clientCertificate', certificate, `robot: its issuer (O=tools, CN=ca) ${why}`],
    ['clientCertificate', { ...certificate, account, user: 'system:serviceaccount:tools:proxy' }, `system:serviceaccount:tools:proxy: its issuer (O=tools, CN=ca) ${why}`],
    ['clientCertificate', { ...certificate, issuer: undefined }, `robot: its issuer ${why}`],
    ['exec', certificate, `robot: its issuer (O=tools, CN=ca) ${why}`],
    ['kubeconfig', certificate, `robot: its issuer (O=tools, CN=ca) ${why}`],
  ]
  for (const [kind, claims, expected] of rows) {
    const facts = { kind, source: 'x', renewal: '', claims, trouble: undefined }
    t.equal(whyRejected(facts, { now, accepted: undefined }), `${kind}, ${expected}`)
  }
})
