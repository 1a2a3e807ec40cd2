import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadCallers } from '../../src/callers/load.ts'

const jwt = (more: object = {}, name = 'a') => ({ name, rules: [{ nonResourceURLs: ['/x'], verbs: ['get'] }], jwt: { issuer: 'https://ci.invalid', audience: 'p', jwksFile: 'k.json', claims: { sub: 'x' }, ...more } })
const certificate = (clientCertificate: unknown, name = 'a') => ({ name, rules: [{ nonResourceURLs: ['/x'], verbs: ['get'] }], clientCertificate })

async function load(t: Test, ...callers: object[]) {
  const folder = t.testdir({ 'callers.yaml': JSON.stringify({ callers }) })
  return { folder, ...await loadCallers([join(folder, 'callers.yaml')]) }
}

t.test('what is written becomes conditions; files are relative to the callers file', async (t) => {
  const { folder, callers, faults, warnings } = await load(t,
    { ...jwt({ audience: ['p', 'q'], algorithms: ['ES256'], claims: { a: { 'b.c': 'x*', n: 1 }, yes: true } }), ...{ clientCertificate: [{ subjectAltName: 'DNS:A.Example' }, { subject: { commonName: 'x', organization: ['a', 'b'] }, publicKeySha256: 'AB'.repeat(32) }] } },
    jwt({ jwksFile: undefined, discovery: true, caFile: 'ca/ca.pem' }, 'b'), jwt({ jwksFile: undefined, jwksUri: 'https://x.invalid/k', claims: { sub: 'y' } }, 'c'))
  t.strictSame([faults, warnings], [[], []])
  t.strictSame(callers[0]?.identities, {
    jwts: [{
      issuer: 'https://ci.invalid', audiences: ['p', 'q'], algorithms: ['ES256'], source: { kind: 'file', file: join(folder, 'k.json') },
      claims: [{ path: ['a', 'b.c'], expected: 'x*' }, { path: ['a', 'n'], expected: 1 }, { path: ['yes'], expected: true }],
    }],
    certificates: [
      { subject: undefined, subjectAltName: 'DNS:a.example', publicKeySha256: undefined },
      { subject: { CN: ['x'], O: ['a', 'b'] }, subjectAltName: undefined, publicKeySha256: 'ab'.repeat(32) },
    ],
  })
  t.strictSame(callers[1]?.identities?.jwts[0]?.source, { kind: 'discovery', issuer: 'https://ci.invalid', caFile: join(folder, 'ca/ca.pem') })
  t.strictSame(callers[2]?.identities?.jwts[0]?.source, { kind: 'uri', uri: 'https://x.invalid/k', caFile: undefined })
  t.notOk(callers[1]?.identities?.jwts[0]?.algorithms.some((name) => /^HS|none/i.test(name)))
})

const faulty: Readonly<Record<string, readonly [RegExp, object]>> = {
  'no place of the keys': [/jwt: must have exactly one of: discovery/, jwt({ jwksFile: undefined })],
  'discovery: false alone': [/jwt: must have exactly one of/, jwt({ jwksFile: undefined, discovery: false })],
  'two places of the keys': [/jwt: must have exactly one of/, jwt({ jwksUri: 'https://x.invalid' })],
  'discovery of what is no URL': [/jwt.issuer: must be an https URL/, jwt({ jwksFile: undefined, discovery: true, issuer: 'kubernetes/serviceaccount' })],
  'discovery in the clear': [/jwt.issuer: must be an https URL/, jwt({ jwksFile: undefined, discovery: true, issuer: 'http://ci.invalid' })],
  'keys in the clear': [/jwt.jwksUri: must be an https URL/, jwt({ jwksFile: undefined, jwksUri: 'http://ci.invalid' })],
  'a password in the URL': [/jwt.jwksUri: must be an https URL without/, jwt({ jwksFile: undefined, jwksUri: 'https://a:b@ci.invalid' })],
  'an authority for a file': [/jwt.caFile: is of no use/, jwt({ caFile: 'ca.pem' })],
  'no claims': [/jwt.claims: is missing/, jwt({ claims: undefined })],
  'empty claims': [/jwt.claims: must say something/, jwt({ claims: {} })],
  'empty claims deeper down': [/jwt.claims.a: must say something/, jwt({ claims: { a: {} } })],
  'a claim that is null': [/jwt.claims.a: must be a text/, jwt({ claims: { a: null } })],
  'a claim that is a list': [/jwt.claims.a: must be a text/, jwt({ claims: { a: ['x'] } })],
  'a shared secret': [/jwt.algorithms\[0\]: must be one of/, jwt({ algorithms: ['HS256'] })],
  'no signature': [/jwt.algorithms\[0\]: must be one of/, jwt({ algorithms: ['none'] })],
  'no algorithm': [/jwt.algorithms: must not be empty/, jwt({ algorithms: [] })],
  'no audience': [/jwt.audience: must not be empty/, jwt({ audience: [] })],
  'an empty audience': [/jwt.audience: must be/, jwt({ audience: '' })],
  'any certificate': [/clientCertificate: must have one of/, certificate({})],
  'any certificate, among others': [/clientCertificate\[1\]: must have one of/, certificate([{ subjectAltName: 'DNS:x' }, {}])],
  'an empty subject': [/clientCertificate.subject: must have an attribute/, certificate({ subject: {} })],
  'a name without its kind': [/clientCertificate.subjectAltName: must be DNS:/, certificate({ subjectAltName: 'x' })],
  'an address with a zone': [/clientCertificate.subjectAltName: is no IP address/, certificate({ subjectAltName: 'IP:fe80::1%eth0' })],
  'an address that is none': [/clientCertificate.subjectAltName: is no IP address/, certificate({ subjectAltName: 'IP:10.0.0.0/8' })],
  'a digest cut short': [/clientCertificate.publicKeySha256: must be/, certificate({ publicKeySha256: 'ab' })],
}

for (const [name, [message, caller]] of Object.entries(faulty)) {
  t.test(`a fault: ${name}`, async (t) => {
    const { faults, callers } = await load(t, caller)
    t.match(faults.map(({ path, message }) => `${path}: ${message}`).join('\n'), message)
    t.strictSame(callers, [])
  })
}

t.test('a number that no token can have is a fault', async (t) => {
  for (const number of ['.inf', '-.inf', '.nan']) {
    const text = `callers:\n  - name: a\n    jwt: { issuer: "https://ci.invalid", audience: p, jwksFile: k.json, claims: { run: ${number} } }\n`
    const { faults } = await loadCallers([join(t.testdir({ 'callers.yaml': text }), 'callers.yaml')])
    t.match(faults, [{ path: 'callers[0].jwt.claims.run', message: /^must be a text, a number/ }], number)
  }
})

const [github, gitlab, buildkite, terraform, google] = ['https://token.actions.githubusercontent.com', 'https://gitlab.com', 'https://agent.buildkite.com', 'https://app.terraform.io', 'https://accounts.google.com'] as const
const anybodys: readonly (readonly [issuer: string, claims: object])[] = [
  [github, { ref: 'refs/heads/main' }], [github, { repository: '*/app' }], [github, { sub: '*' }], [github, { sub: '' }],
  [github, { sub: 'repo:*' }], [github, { sub: 'repo:acme*' }], [github, { sub: 'repo:*/app:ref:refs/heads/main' }], [github, { sub: 'repo:a*e/app:*' }], [github, { sub: 'r*' }],
  [github, { sub: 'repo:/*' }], [github, { sub: 'repository_owner:acme*' }], [github, { sub: 'actor:acme:*' }], [github, { sub: 'repo:acme:environment:*/x' }],
  [github, { repository: 'acme*' }], [github, { repository_owner: 'acme*' }], [github, { repository_owner: 'acme/*' }], [github, { repository_id: '1*' }], [github, { job_workflow_ref: 'a*/b' }],
  [github, { nested: { sub: 'repo:acme/app:*' } }], [github, { repository: true }], [github, { repository: { name: 'acme/app' } }],
  [gitlab, { ref: 'main' }], [gitlab, { sub: 'project_path:*' }], [gitlab, { sub: 'project_path:acme*' }], [gitlab, { project_path: 'acme*' }], [gitlab, { namespace_path: 'acme*' }], [gitlab, { namespace_id: '7*' }],
  [buildkite, { sub: 'organization:acme*' }], [buildkite, { organization_slug: 'acme*' }],
  [terraform, { sub: 'organization:*:project:x' }], [terraform, { terraform_organization_name: 'acme*' }],
  [google, { email: 'a*' }], [google, { email: '*@acme.example' }], [google, { hd: 'acme*' }], [google, { sub: '1*' }],
]
const somebodys: typeof anybodys = [
  [github, { sub: 'repo:acme/*' }], [github, { sub: 'repo:acme/app:ref:refs/heads/*' }], [github, { sub: 'repository_owner:acme:*' }], [github, { sub: 'repo:acme/app:pull_request' }],
  [github, { repository: 'acme/*' }], [github, { repository: 'acme/app' }], [github, { repository_owner: 'acme' }], [github, { repository_id: 1234 }], [github, { repository_id: '1234', sub: 'repo:*' }],
  [github, { job_workflow_ref: 'acme/app/.github/workflows/x.yml@*' }],
  [gitlab, { sub: 'project_path:acme/app:ref_type:branch:ref:*' }], [gitlab, { project_path: 'acme/*' }], [gitlab, { namespace_path: 'acme' }], [gitlab, { namespace_path: 'acme/*' }],
  [buildkite, { sub: 'organization:acme:pipeline:*' }], [terraform, { sub: 'organization:acme:*' }], [google, { email: 'a@acme.example' }], [google, { sub: '117' }],
]

for (const [issuer, claims] of anybodys) {
  t.test(`a fault: everybody's tokens of ${issuer}: ${JSON.stringify(claims)}`, async (t) => {
    const { faults, callers } = await load(t, jwt({ issuer, claims }))
    t.match(faults.map(({ path, message }) => `${path}: ${message}`), [/jwt.claims: would let anybody in: .* signs for whoever comes; say whose tokens, before any \*, by one of: sub, /])
    t.strictSame(callers, [])
  })
}

for (const [issuer, claims] of somebodys) {
  t.test(`no fault: somebody's tokens of ${issuer}: ${JSON.stringify(claims)}`, async (t) => {
    t.strictSame((await load(t, jwt({ issuer, claims }))).faults, [])
  })
}

t.test('what two callers have alike is warned of, in whatever order it is written', async (t) => {
  const { warnings } = await load(t, jwt({ claims: { a: 'x', b: 'y' } }), jwt({ claims: { b: 'y', a: 'x' } }, 'b'), jwt({ claims: { a: 'x' } }, 'c'),
    certificate([{ subjectAltName: 'DNS:x' }, { subjectAltName: 'DNS:x' }], 'd'), certificate({ subjectAltName: 'DNS:x' }, 'e'))
  t.strictSame(warnings.map(({ path, message }) => `${path} ${message.replace(/at \/.*: who/, 'at …: who')}`), [
    'callers[1].jwt is the same as that of caller a at …: who is two callers is refused',
    'callers[4].clientCertificate is the same as that of caller d at …: who is two callers is refused',
  ])
})

t.test('a claim that asks for nothing is warned of; without any credential at all a caller is', async (t) => {
  const { warnings } = await load(t, jwt({ claims: { sub: '*' } }), { name: 'b', rules: [{ nonResourceURLs: ['/x'], verbs: ['get'] }] })
  t.match(warnings.map(({ path, message }) => `${path} ${message}`), [/^callers\[0\].jwt.claims.sub matches whatever/, /^callers\[1\] has no key/])
})
