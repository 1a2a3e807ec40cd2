import { join } from 'node:path'
import t from 'tap'
import { loadConfig, readConfig, requireConfig } from '../../src/config/load.ts'
import { formatFault } from '../../src/files/fault.ts'

const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrIn0.abc'
const least = 'listen: { insecure: true }\nclusters: [{ name: a, server: "https://x", credential: { tokenEnv: T } }]\n'

function faultsOf(text: string): string[] {
  return readConfig('f.yaml', text).faults.map(formatFault)
}

t.test('the least config is complete, in milliseconds and bytes, with absolute paths, and frozen all through', async (t) => {
  const { config, faults, warnings } = readConfig('/etc/p/f.yaml', least)
  t.strictSame([faults, warnings], [[], []])
  t.strictSame(config, {
    file: '/etc/p/f.yaml',
    listen: { host: '0.0.0.0', port: 8443, tls: undefined, http2: true, keepAlive: 120_000, trustedProxies: [] },
    admin: { host: '127.0.0.1', port: 9443 },
    workers: 1,
    clusters: [{
      name: 'a',
      server: 'https://x',
      caFile: undefined,
      tlsServerName: undefined,
      credential: { kind: 'tokenEnv', variable: 'T' },
      timeouts: { connect: 5000, response: 70_000 },
      http2: false,
      openshift: 'auto',
      discovery: { ttl: 600_000, staleFor: 86_400_000, maxSize: 67_108_864 },
    }],
    callers: { kind: 'file', paths: ['/etc/p/callers.yaml'] },
    audit: {
      policy: { rules: [], omitStages: ['RequestReceived'], otherwise: 'Metadata', maxBodySize: 65_536 },
      policyFile: undefined, sinks: [{ kind: 'stdout' }], mode: 'batch',
    },
    limits: { maxRequestBody: 3_145_728, maxHeaderSize: 65_536, headerTimeout: 10_000, maxConnections: 20_000 },
    self: undefined,
    log: { level: 'info' },
  })
  t.throws(() => { (config as unknown as { limits: { maxConnections: number } }).limits.maxConnections = 1 }, TypeError)
})

t.test('what is written is what is in force', async (t) => {
  const { config, faults } = readConfig('/etc/p/f.yaml', `
listen: { host: 10.0.0.1, port: 1, tls: { certFile: t.crt, keyFile: /k/t.key, clientCaFile: c.crt }, http2: false, keepAlive: 100s, trustedProxies: [10.0.0.0/8] }
admin: { host: "::1", port: 0 }
clusters:
  - { name: a, server: "https://x:6443/k8s/clusters/c-1/", caFile: ca.crt, tlsServerName: y, openshift: true, credential: { tokenFile: token },
      timeouts: { connect: 1s }, discovery: { ttl: 1m } }
callers: { file: [a.yaml, /b] }
audit:
  policy: [{ level: None, callers: [""], resources: [{ resources: [pods] }, { group: apps }], codes: [403, 5xx, ScopeDenied] }]
  omitStages: [Panic]
  maxBodySize: 1KiB
  recordings: { folder: recordings, keepFor: 30d }
  sinks: [{ file: { path: audit.log, maxSize: 1MiB, signingKeyFile: k.pem, maxAge: 24h, keepFor: 90d, compress: true } }]
  mode: blocking-strict
self: { cluster: a, namespace: p }
log: { level: debug }
`)
  t.strictSame(faults, [])
  t.match(config, {
    listen: { tls: { certFile: '/etc/p/t.crt', keyFile: '/k/t.key', clientCaFile: '/etc/p/c.crt' }, http2: false, keepAlive: 100_000, trustedProxies: ['10.0.0.0/8'] },
    clusters: [{
      server: 'https://x:6443/k8s/clusters/c-1', caFile: '/etc/p/ca.crt', tlsServerName: 'y', openshift: true,
      credential: { kind: 'tokenFile', path: '/etc/p/token' }, timeouts: { connect: 1000, response: 70_000 }, discovery: { ttl: 60_000, staleFor: 86_400_000 },
    }],
    callers: { kind: 'file', paths: ['/etc/p/a.yaml', '/b'] },
    audit: {
      policy: {
        rules: [{
          level: 'None', callers: [''], resources: [{ group: '', resources: ['pods'], resourceNames: [] }, { group: 'apps', resources: [], resourceNames: [] }],
          codes: ['403', '5xx', 'ScopeDenied'],
        }],
        omitStages: ['Panic'], otherwise: 'Metadata', maxBodySize: 1024,
      },
      recordings: { folder: '/etc/p/recordings', maxSize: 67_108_864, keepFor: 30 * 86_400_000 },
      sinks: [{ kind: 'file', path: '/etc/p/audit.log', maxSize: 1_048_576, keep: 10, signingKeyFile: '/etc/p/k.pem', maxAge: 86_400_000, keepFor: 90 * 86_400_000, compress: true }],
      mode: 'blocking-strict',
    },
    self: { cluster: 'a', namespace: 'p' },
    log: { level: 'debug' },
  })
})

t.test('all faults come at once, in the order of the file', async (t) => {
  t.strictSame(faultsOf(`listen: { port: 99999, hots: x }
clusters:
  - { name: A, server: "http://x", credential: {} }
  - { name: b, server: "https://x", credential: { exec: {} }, timeouts: { connect: 90d } }
  - { name: b, credential: { tokenFile: f } }
audit: { mode: fast }
self: 3
`), [
    'f.yaml:1:9 listen: plain HTTP is served on loopback alone: set tls: { certFile, keyFile }, or insecure: true where something in front does TLS',
    'f.yaml:1:17 listen.port: must be a whole number from 0 to 65535',
    'f.yaml:1:24 listen.hots: is unknown here; known: host, port, tls, insecure, http2, keepAlive, trustedProxies',
    'f.yaml:3:13 clusters[0].name: must be a name of lower-case letters, digits, - and . (it is part of URLs)',
    'f.yaml:3:24 clusters[0].server: must be https: the credential is never sent in the clear',
    'f.yaml:3:48 clusters[0].credential: must have exactly one of: tokenFile, tokenEnv, clientCertificate, kubeconfig, exec, inCluster, tokenRequest, oauthSession',
    'f.yaml:4:57 clusters[1].credential.exec.command: is missing',
    'f.yaml:4:84 clusters[1].timeouts.connect: must be more than 0 and at most 24d',
    'f.yaml:5:5 clusters[2].server: is missing (only with the credential inCluster or kubeconfig may it be left out)',
    'f.yaml:5:13 clusters[2].name: is the name of clusters[1] already',
    'f.yaml:6:16 audit.mode: must be one of: batch, blocking, blocking-strict',
    'f.yaml:7:7 self: must be a mapping',
  ])
})

const cluster = (fields: string) => `listen: { insecure: true }\nclusters: [{ name: a, server: "https://x", credential: { tokenEnv: T }, ${fields} }]\n`

for (const [what, text, fault] of [
  ['an empty file', '', /^f.yaml:1:1 is empty/],
  ['a file of comments', '# nothing', /is empty/],
  ['a list', '[]', /^f.yaml:1:1 must be a mapping$/],
  ['two documents', `${least}---\na: 1`, /^f.yaml:4:1 is a second document/],
  ['broken YAML', 'a: b: c', /^f.yaml:1:4 /],
  ['no clusters', 'listen: { insecure: true }', /clusters: is missing/],
  ['an empty list of clusters', 'listen: { insecure: true }\nclusters: []', /clusters: must not be empty/],
  ['plain HTTP on every address', 'clusters: [{ name: a, server: "https://x", credential: { tokenEnv: T } }]', /^f.yaml:1:1 listen: plain HTTP/],
  ['plain HTTP towards the API server, even on loopback', cluster('').replace('https://x', 'http://127.0.0.1:8080'), /server: must be https/],
  ['no URL', cluster('').replace('https://x', 'x'), /server: must be a URL/],
  ['a URL with a query', cluster('').replace('https://x', 'https://x/?a=b'), /server: must have no query/],
  ['a switch that turns verification off', cluster('insecureSkipTlsVerify: true'), /insecureSkipTlsVerify: does not exist: upstream TLS is always verified/],
  ['a token in the credential', cluster('').replace('tokenEnv: T', `token: ${jwt}`), /^f.yaml:2:58 clusters\[0\].credential.token: a token does not belong into the config: put it into a file/],
  ['a password in the credential', cluster('').replace('tokenEnv: T', 'password: S3cret'),
    /^f.yaml:2:58 clusters\[0\].credential.password: a password does not belong into the config: .* oauthSession: \{ username: \{ fromFile: … \}, password: \{ fromFile: … \} \}/],
  ['two credentials', cluster('').replace('tokenEnv: T', 'tokenEnv: T, tokenFile: f'), /credential: must have exactly one of/],
  ['a token that lives too shortly', cluster('').replace('tokenEnv: T', 'tokenRequest: { bootstrap: { tokenEnv: T }, lifetime: 599s }'), /^f.yaml:2:\d+ clusters\[0\].credential.tokenRequest.lifetime: must be at least 10m/],
  ['callers in a cluster that is not there', `${least}callers: { kubernetes: { namespace: p, cluster: b } }`, /callers.kubernetes.cluster: names no cluster of this file; there are: a$/],
  ['callers in a namespace of no such name', `${least}callers: { kubernetes: { namespace: A_B } }`, /callers.kubernetes.namespace: must be the name of a namespace/],
  ['callers in files and in a cluster', `${least}callers: { file: c.yaml, kubernetes: { namespace: p } }`, /callers: must have exactly one of: file, kubernetes/],
  ['no sink', `${least}audit: { sinks: [] }`, /sinks: must not be empty/],
  ['a level that there is not', `${least}audit: { policy: [{ level: Everything }] }`, /level: must be one of: None, Metadata, Request, RequestResponse/],
  ['a code that there is not', `${least}audit: { policy: [{ level: None, codes: [Forbidden] }] }`, /codes\[0\]: must be an HTTP status, 2xx to 5xx, or the code of a refusal/],
  ['a stage that there is not', `${least}audit: { omitStages: [Begun] }`, /omitStages\[0\]: must be one of: RequestReceived, ResponseStarted, ResponseComplete, Panic/],
  ['a rule of resources and of paths', `${least}audit: { policy: [{ level: None, nonResourceURLs: [/x], namespaces: [a] }] }`, /nonResourceURLs: cannot stand beside resources or namespaces/],
  ['a star within a path', `${least}audit: { policy: [{ level: None, nonResourceURLs: ["/x*y"] }] }`, /nonResourceURLs\[0\]: must begin with \/ and have \* only at its end/],
  ['names of no resource', `${least}audit: { policy: [{ level: None, resources: [{ resourceNames: [a] }] }] }`, /resourceNames: needs resources/],
  ['a recording that depends on how the session ends', `${least}audit: { recordings: { folder: r }, policy: [{ level: Metadata, codes: [101], recordSessions: true }] }`, /recordSessions: cannot stand beside codes/],
  ['a policy in two places', `${least}audit: { policy: [{ level: None }], policyFile: p.yaml }`, /policyFile: cannot stand beside policy/],
  ['bodies of nothing', `${least}audit: { maxBodySize: 0KiB }`, /maxBodySize: must be more than 0 and at most 1MiB/],
  ['bodies that no line holds', `${least}audit: { maxBodySize: 2MiB }`, /maxBodySize: must be more than 0 and at most 1MiB/],
  ['a cluster of its own that is not there', `${least}self: { cluster: b, namespace: p }`, /self.cluster: names no cluster of this file; there are: a$/],
  ['a proxy that is no CIDR', least.replace('true', 'true, trustedProxies: [10.0.0.1]'), /trustedProxies\[0\]: must be a CIDR/],
  ['a duration without a unit', `${least}limits: { headerTimeout: 10 }`, /headerTimeout: must be a duration such as 30s/],
  ['a cache without room', cluster('discovery: { maxSize: 0B }'), /discovery.maxSize: must be more than 0$/],
  ['an audit file without age', `${least}audit: { sinks: [{ file: { path: f, keepFor: 0s } }] }`, /sinks\[0\].file.keepFor: must be more than 0$/],
  ['recordings without room', `${least}audit: { recordings: { folder: r, maxSize: 1KiB } }`, /audit.recordings.maxSize: must be at least 64KiB$/],
  ['recordings that are kept for no time', `${least}audit: { recordings: { folder: r, keepFor: 0s } }`, /audit.recordings.keepFor: must be more than 0$/],
  ['a recording without a place', `${least}audit: { policy: [{ level: Metadata, recordSessions: true }] }`, /policy\[0\].recordSessions: needs a folder/],
  ['recordings without a folder', `${least}audit: { recordings: { maxSize: 1MiB } }`, /audit.recordings.folder: is missing/],
  ['an audit file without room', `${least}audit: { sinks: [{ stdout: {} }, { file: { path: f, maxSize: 0MiB } }] }`, /sinks\[1\].file.maxSize: must be more than 0$/],
  ['a head of no bytes', `${least}limits: { maxHeaderSize: 0KiB }`, /maxHeaderSize: must be more than 0 and at most 16MiB/],
  ['a head that HTTP/2 cannot announce', `${least}limits: { maxHeaderSize: 8GiB }`, /maxHeaderSize: must be more than 0 and at most 16MiB/],
  ['a timer that Node would take for none', `${least}limits: { headerTimeout: 25d }`, /headerTimeout: must be more than 0 and at most 24d/],
  ['a timer of nothing', cluster('timeouts: { response: 0s }'), /timeouts.response: must be more than 0/],
  ['a size in bytes alone', `${least}limits: { maxRequestBody: 3000 }`, /maxRequestBody: must be a size/],
  ['a section without content', `${least}admin:`, /^f.yaml:3:7 admin: must be a mapping/],
] as const) {
  t.test(`${what} is a fault`, async (t) => {
    const { config, faults } = readConfig('f.yaml', text)
    t.equal(config, undefined)
    t.match(faults.map(formatFault).join('\n'), fault)
    t.equal(faults.length, 1)
  })
}

for (const [what, text] of [
  ['plain HTTP on loopback', least.replace('insecure: true', 'host: 127.0.0.1')],
  ['plain HTTP where that is said', least],
  ['TLS on every address', least.replace('insecure: true', 'tls: { certFile: c, keyFile: k }')],
  ['tlsServerName null', cluster('tlsServerName: null')],
  ['openshift false', cluster('openshift: false')],
  ['the shortest life of a token', cluster('').replace('tokenEnv: T', 'tokenRequest: { bootstrap: { tokenEnv: T }, lifetime: 600s }')],
] as const) {
  t.test(`${what} is no fault`, async t => t.strictSame(faultsOf(text), []))
}

for (const [what, text, place] of [
  ['a JWT', cluster(`caFile: ${jwt}`), 'clusters[0].caFile'],
  ['a JWT in a list', `${least}audit: { policy: [{ level: None, callers: [x, "Bearer ${jwt}"] }] }`, 'audit.policy[0].callers[1]'],
  ['an OpenShift token', cluster('caFile: sha256~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789'), 'clusters[0].caFile'],
  ['an API key', cluster('caFile: pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'), 'clusters[0].caFile'],
  ['a private key', cluster('caFile: "-----BEGIN RSA PRIVATE KEY-----"'), 'clusters[0].caFile'],
  ['a password in a URL', cluster('').replace('https://x', 'https://u:S3cret@x'), 'clusters[0].server'],
] as const) {
  t.test(`${what} in the config is a fault that says where it belongs, and does not repeat it`, async (t) => {
    const faults = readConfig('f.yaml', text).faults
    t.ok(faults.some(({ path, message }) => path === place && /put it into a file/.test(message)))
    t.notMatch(faults.map(formatFault).join('\n'), /eyJ|AbCdEf|0123456789ABC|S3cret/)
  })
}

t.test('a keep-alive that Go clients outlive is a warning', async (t) => {
  const { warnings, config } = readConfig('f.yaml', `workers: auto\n${least.replace('true', 'true, keepAlive: 60s')}`)
  t.equal(config?.workers, 'auto')
  t.strictSame(warnings.map(formatFault), [
    'f.yaml:2:38 listen.keepAlive: Go clients keep idle connections for 90s: a shorter time here may lose their writes',
  ])
})

t.test('a file that is not there, or is a folder, is a fault of that file', async (t) => {
  const folder = t.testdir({ sub: {} })
  t.match(await loadConfig(join(folder, 'x.yaml')), { config: undefined, faults: [{ line: 1, column: 1, message: 'does not exist' }] })
  t.match(await loadConfig(join(folder, 'sub')), { faults: [{ message: 'is a folder, not a file' }] })
})

t.test('a start is given the config, or every fault in one rejection', async (t) => {
  const folder = t.testdir({ 'good.yaml': least, 'bad.yaml': 'clusters: 3\nx: 1\nlisten: { insecure: true }' })
  t.match(await requireConfig(join(folder, 'good.yaml')), { config: { clusters: [{ name: 'a' }] }, warnings: [] })
  await t.rejects(requireConfig(join(folder, 'bad.yaml')), { name: 'FaultsError', message: /:1:11 clusters: must be a list\n.*:2:1 x: is unknown/ })
})

t.test('callers in a cluster are in that of self, else in the first, unless one is named', async (t) => {
  const clusters = 'clusters: [{ name: a, server: "https://x", credential: { tokenEnv: T } }, { name: b, server: "https://y", credential: { tokenEnv: T } }]\n'
  const read = (more: string, cluster = '') => readConfig('/x/f.yaml', `listen: { insecure: true }\n${clusters}${more}callers: { kubernetes: { namespace: p${cluster} } }\n`).config?.callers
  t.strictSame(read(''), { kind: 'kubernetes', namespace: 'p', cluster: 'a' })
  t.strictSame(read('self: { cluster: b, namespace: q }\n'), { kind: 'kubernetes', namespace: 'p', cluster: 'b' })
  t.strictSame(read('self: { cluster: b, namespace: q }\n', ', cluster: a'), { kind: 'kubernetes', namespace: 'p', cluster: 'a' })
})
