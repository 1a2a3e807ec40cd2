import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadCallers } from '../../src/callers/load.ts'
import { typed } from '../support/typed.ts'

const sha256 = 'ab'.repeat(32)
const callers = `scopes:
  - name: read # a scope
    rules:
      - { apiGroups: ["", apps], resources: [pods, deployments], verbs: [get, list], namespaces: [team-a, "b-*"] }
      - { nonResourceURLs: [/metrics], verbs: [get] }
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: { name: "system:view" }
    rules: [{ apiGroups: [""], resources: [services], verbs: [get] }]
callers:
  - name: zoe
    scopes: [read, { name: "system:view", namespaces: [team-a] }]
    clusters: [prod]
    rules: [{ apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], namespaces: [team-a], acknowledge: [mint-token] }]
    keys:
      - { id: aaaaaaaa, sha256: ${sha256}, createdAt: 2026-10-22T10:00:00Z, expiresAt: 9999-01-20T10:00:00Z }
      - { id: bbbbbbbb, sha256: ${sha256}, revokedAt: 2026-10-22T10:00:00Z }
    limits: { requestsPerSecond: 50, burst: 100, inFlight: 40, streams: 20 }
    allowedFrom: [10.0.0.0/8]
    impersonate: { user: "tool:zoe", groups: [tools] }
  - name: bare
    description: nothing yet
    discovery: false
`
const config = 'listen: { insecure: true }\nadmin: { port: 1 }\nclusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }]\n'

interface Files {
  testdir(files: Record<string, string>): string
}

async function run(t: Files, args: readonly string[], text = callers) {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': text })
  const { code, stdout, stderr } = await typed([...args, '--config', join(folder, 'p.yaml')])
  const without = (text: string) => text.replaceAll(`${folder}/`, '')
  return { code, stdout: without(stdout), stderr: without(stderr), file: join(folder, 'callers.yaml'), text: () => readFileSync(join(folder, 'callers.yaml'), 'utf8') }
}

t.test('a caller is added behind the others, and the next step is told', async (t) => {
  const { code, stdout, stderr, text, file } = await run(t, ['caller', 'add', 'ci', '--scope', 'read', '--scope', 'system:view:team-a,b-*', '--cluster', 'prod',
    '--allowed-from', '10.0.0.0/8', '--allowed-from', '192.168.0.1/32', '--description', 'builds: all', '--requests-per-second', '0.5', '--burst', '3', '--in-flight', '4', '--streams', '5'])
  t.strictSame({ code, stdout, stderr }, { code: 0, stdout: '', stderr: 'caller ci is in callers.yaml. A key for it: portcullis key create ci\n' })
  t.equal(text(), `${callers}  - name: ci
    description: "builds: all"
    scopes: [read, { name: system:view, namespaces: [team-a, b-*] }]
    clusters: [prod]
    limits: { requestsPerSecond: 0.5, burst: 3, inFlight: 4, streams: 5 }
    allowedFrom: [10.0.0.0/8, 192.168.0.1/32]
`)
  t.match((await loadCallers([file])).callers.at(-1), { name: 'ci', limits: { requestsPerSecond: 0.5 }, grants: [{ scope: 'read' }, { scope: 'system:view', namespaces: ['team-a', 'b-*'] }] })
})

t.test('a scope with a colon in its name is that scope', async (t) => {
  const { code, stderr, text } = await run(t, ['caller', 'add', 'ci', '--scope', 'system:view'])
  t.equal(code, 1)
  t.match(stderr, /scopes\[0\]: is a ClusterRole, which knows no namespaces: \{ name: system:view/)
  t.equal(text(), callers)
})

t.test('what may be meant, but is odd, is done and warned of', async (t) => {
  const { code, stderr } = await run(t, ['caller', 'add', 'ci', '--cluster', 'other', '--burst', '3'])
  t.equal(code, 0)
  t.match(stderr, /\nwarning: clusters\[0\]: names no cluster of the config; there are: prod\n/)
  t.match(stderr, /\nwarning: limits.burst: limits nothing without requestsPerSecond\n/)
  t.match(stderr, /\nwarning: has no scopes and no rules/)
})

for (const [what, args, code, message] of [
  ['a name that is taken', ['zoe'], 1, /there is a caller zoe already, at callers.yaml:11:5: portcullis caller show zoe/],
  ['a name that cannot be', ['a b'], 1, /name: must be a name of letters, digits/],
  ['scopes and sources that are none', ['ci', '--scope', 'nope', '--allowed-from', '10.0.0.1'], 1, /scopes\[0\]: names no scope: nope\n.*allowedFrom\[0\]: must be a CIDR.*\n\(portcullis scope list/],
  ['all namespaces among others', ['ci', '--scope', 'read:*,a'], 1, /must be \["\*"\] alone/],
  ['a scope and nothing behind its colon', ['ci', '--scope', 'read:'], 2, /--scope takes a name, or a name and namespaces/],
  ['a limit that is no number', ['ci', '--streams', 'many'], 2, /--streams takes a number/],
  ['a limit of nothing', ['ci', '--streams', '0'], 1, /limits.streams: must be/],
  ['a file that nobody would read', ['ci', '--file', '/nowhere/c.yaml'], 1, /would not be read/],
] as const) {
  t.test(`${what}: nothing is added`, async (t) => {
    const { code: found, stdout, stderr, text } = await run(t, ['caller', 'add', ...args])
    t.strictSame([found, stdout], [code, ''])
    t.match(stderr, message)
    t.equal(text(), callers)
  })
}

t.test('the first caller of a file that is not there is made with --file alone: else its name may be a slip', async (t) => {
  const folder = t.testdir({ 'p.yaml': config })
  const file = join(folder, 'callers.yaml')
  t.match(await typed(['caller', 'add', 'ci', '--config', join(folder, 'p.yaml')]), { code: 1, stderr: /callers.yaml:1:1 does not exist/ })
  t.notOk(existsSync(file))
  t.match(await typed(['caller', 'add', 'ci', '--config', join(folder, 'p.yaml'), '--file', file]), { code: 0 })
  t.equal(readFileSync(file, 'utf8'), 'callers:\n  - name: ci\n')
})

t.test('callers are listed by name', async (t) => {
  const { code, stdout, stderr } = await run(t, ['caller', 'list'])
  t.strictSame({ code, stdout, stderr }, { code: 0, stderr: '', stdout: `NAME   SCOPES                    OWN RULES   CLUSTERS   KEYS           ALSO BY   DESCRIPTION
bare   -                         0           all        0              -         nothing yet
zoe    read system:view:team-a   1           prod       2 (1 active)   -
` })
  t.strictSame(JSON.parse((await run(t, ['caller', 'list', '--json'])).stdout), [
    { name: 'bare', description: 'nothing yet', scopes: [], rules: 0, clusters: null, keys: 0, activeKeys: 0, jwt: 0, clientCertificate: 0 },
    { name: 'zoe', description: null, scopes: [{ name: 'read', namespaces: null }, { name: 'system:view', namespaces: ['team-a'] }], rules: 1, clusters: ['prod'], keys: 2, activeKeys: 1, jwt: 0, clientCertificate: 0 },
  ])
})

t.test('a caller is shown with what it may do, in words', async (t) => {
  const { code, stdout } = await run(t, ['caller', 'show', 'zoe'])
  t.equal(code, 0)
  t.equal(stdout, `Name:         zoe
Written in:   callers.yaml:11:5
Clusters:     prod
Comes from:   10.0.0.0/8
Limits:       50 requests a second, 100 at once; 40 in flight; 20 streams
Seen as:      tool:zoe of tools, whom the API server judges as well
Discovery:    yes
Opens:        mint-token (its own rules)

Keys:
  ID         CREATED                EXPIRES                STATE
  aaaaaaaa   2026-10-22T10:00:00Z   9999-01-20T10:00:00Z   active
  bbbbbbbb   -                      never                  revoked

May:
  its own rules:
    create serviceaccounts/token in team-a; knowingly: mint-token
  scope read:
    get and list pods and deployments of the core group and apps in team-a and b-*
    get /metrics
  scope system:view, narrowed to team-a:
    get services in team-a
`)
  t.match((await run(t, ['caller', 'show', 'bare'])).stdout, /Comes from: +anywhere\nLimits: +none\nSeen as: +Portcullis' own account\nDiscovery: +only by its rules\nOpens: +no guarded route\n\nKeys:\n {2}none: portcullis key create bare\n\nMay:\n {2}nothing: it has no scopes and no rules\n$/)
})

const others = `callers:
  - name: job
    rules: [{ nonResourceURLs: [/metrics], verbs: [get] }]
    jwt:
      - { issuer: "https://ci.invalid", audience: [portcullis, p], discovery: true, claims: { repository: example/app, "kubernetes.io": { namespace: ci }, protected: true } }
      - { issuer: other, audience: p, jwksFile: keys.json, claims: { sub: x } }
    clientCertificate: { subject: { commonName: job, organization: [a, b] }, subjectAltName: "DNS:x", publicKeySha256: ${sha256} }
`

t.test('what is a caller beside keys is listed and shown, and no key is asked for', async (t) => {
  t.match((await run(t, ['caller', 'list'], others)).stdout, /ALSO BY.*\njob .* jwt certificate\n$/)
  t.match(JSON.parse((await run(t, ['caller', 'list', '--json'], others)).stdout), [{ name: 'job', keys: 0, jwt: 2, clientCertificate: 1 }])
  const { stdout } = await run(t, ['caller', 'show', 'job'], others)
  t.match(stdout, `
Keys:
  none

Also:
  a token of https://ci.invalid for portcullis or p, by its keys from discovery, that says repository: "example/app" and kubernetes.io.namespace: "ci" and protected: true
  a token of other for p, by its keys from file keys.json, that says sub: "x"
  a client certificate with subject commonName job, organization a and b; DNS:x; public key ${sha256}

May:
`)
  t.match(JSON.parse((await run(t, ['caller', 'show', 'job', '--json'], others)).stdout), {
    jwt: [{ issuer: 'https://ci.invalid', claims: { repository: 'example/app' } }, { jwksFile: 'keys.json' }],
    clientCertificate: [{ subject: { commonName: 'job' }, subjectAltName: 'DNS:x' }],
  })
})

t.test('as JSON: the same', async (t) => {
  t.strictSame(JSON.parse((await run(t, ['caller', 'show', 'zoe', '--json'])).stdout), {
    name: 'zoe', description: null, where: 'callers.yaml:11:5',
    clusters: ['prod'], allowedFrom: ['10.0.0.0/8'], discovery: true,
    limits: { requestsPerSecond: 50, burst: 100, inFlight: 40, streams: 20 },
    impersonate: { user: 'tool:zoe', groups: ['tools'] },
    keys: [
      { id: 'aaaaaaaa', createdAt: '2026-10-22T10:00:00Z', expiresAt: '9999-01-20T10:00:00Z', revokedAt: null, state: 'active' },
      { id: 'bbbbbbbb', createdAt: null, expiresAt: null, revokedAt: '2026-10-22T10:00:00Z', state: 'revoked' },
    ],
    jwt: [], clientCertificate: [],
    may: [
      { scope: null, namespaces: null, rules: ['create serviceaccounts/token in team-a; knowingly: mint-token'] },
      { scope: 'read', namespaces: null, rules: ['get and list pods and deployments of the core group and apps in team-a and b-*', 'get /metrics'] },
      { scope: 'system:view', namespaces: ['team-a'], rules: ['get services in team-a'] },
    ],
    opens: [{ route: 'mint-token', by: [null] }],
  })
})

t.test('scopes are listed by name, and shown with who holds them', async (t) => {
  t.equal((await run(t, ['scope', 'list'])).stdout, `NAME          KIND          RULES   CALLERS   WRITTEN IN
read          Scope         2       1         callers.yaml:2:5
system:view   ClusterRole   1       1         callers.yaml:6:5
`)
  t.equal((await run(t, ['scope', 'show', 'system:view'])).stdout, `Name:         system:view
Kind:         ClusterRole
Written in:   callers.yaml:6:5

A ClusterRole holds in the namespaces that each caller names for it.

Allows:
  get services in every namespace and outside of all

Held by:
  zoe, in team-a
`)
  t.strictSame(JSON.parse((await run(t, ['scope', 'show', 'read', '--json'])).stdout), {
    name: 'read', kind: 'Scope', where: 'callers.yaml:2:5',
    rules: ['get and list pods and deployments of the core group and apps in team-a and b-*', 'get /metrics'],
    holders: [{ caller: 'zoe', namespaces: null }],
  })
  t.strictSame(JSON.parse((await run(t, ['scope', 'list', '--json'])).stdout)[0], { name: 'read', kind: 'Scope', rules: 2, callers: 1, where: 'callers.yaml:2:5' })
})

for (const [args, message] of [
  [['caller', 'show', 'nope'], /^portcullis caller show: there is no caller "nope"; portcullis caller list .* portcullis caller add nope /],
  [['scope', 'show', 'nope'], /^portcullis scope show: there is no scope "nope": portcullis scope list names them\n$/],
] as const) {
  t.test(`${args.join(' ')} says what to do`, async (t) => {
    const { code, stderr } = await run(t, args)
    t.equal(code, 1)
    t.match(stderr, message)
  })
}

t.test('from nothing to a key that works: caller add, key create, key list, key revoke', async (t) => {
  const folder = t.testdir({ 'p.yaml': `${config}callers: { file: who }\n`, 'who': { 'scopes.yaml': 'scopes: []\n' } })
  const there = ['--config', join(folder, 'p.yaml')]
  t.match(await typed(['caller', 'add', 'ci', ...there]), { code: 0 })
  const { code, stdout } = await typed(['key', 'create', 'ci', '--expires', 'never', ...there])
  t.equal(code, 0)
  t.match(stdout, /^pcl_\w{58}\n$/)
  t.match((await typed(['key', 'list', ...there])).stdout, new RegExp(`^ID .*\n${stdout.slice(4, 12)} +ci +.* never +- +active\n$`))
  t.match(await typed(['key', 'revoke', stdout.slice(4, 12), ...there]), { code: 0, stdout: '' })
  t.match((await typed(['key', 'list', '--json', ...there])).stdout, /"state": "revoked"/)
  t.match(await typed(['key', 'rotate', 'ci', ...there]), { code: 0, stdout: /^pcl_/, stderr: /no other key was open/ })
})
