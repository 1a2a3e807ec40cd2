import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { tokenInspectCommand, type TokenInspectArgs, type TokenInspectDeps } from '../../src/cli/token-inspect.ts'
import { jwt } from '../credentials/tokens.ts'
import { makeAuthority } from '../support/certificates.ts'
import { ear } from '../support/command.ts'
import { answering, makePlugin } from '../support/exec-plugin.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { startSample } from '../support/sample.ts'
import { removeLater } from '../support/scope.ts'

const now = Date.UTC(2026, 10, 21, 12)
const seconds = (time: number) => time / 1000
const hour = 3_600_000
const claims = {
  'iss': 'https://kubernetes.default.svc', 'sub': 'system:serviceaccount:ops:proxy', 'aud': ['https://kubernetes.default.svc'],
  'iat': seconds(now - 21 * hour), 'exp': seconds(now + 3 * hour + 60_000), 'kubernetes.io': { namespace: 'ops', serviceaccount: { name: 'proxy' }, pod: { name: 'p-0' } },
}

interface Given {
  readonly clusters: readonly object[]
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly args?: Partial<TokenInspectArgs>
  readonly deps?: Partial<TokenInspectDeps>
}

async function inspect(t: Test, { clusters, files = {}, env = {}, args = {}, deps = {} }: Given) {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-inspect-'))
  removeLater(t, folder)
  const all = { ...files, 'p.yaml': stringify({ listen: { insecure: true }, clusters }) }
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text, { mode: 0o600 })
  if (files['loose'] !== undefined) await chmod(join(folder, 'loose'), 0o644)
  const [stdout, stderr] = [ear(), ear()]
  const code = await tokenInspectCommand({ configFile: join(folder, 'p.yaml'), ...args }, { stdout, stderr, env, now: () => now, ...deps })
  return { code, folder, text: stdout.text, stderr: stderr.text }
}

// Nobody listens there.
const prod = { name: 'prod', server: 'https://127.0.0.1:1', credential: { tokenEnv: 'T' } }

t.test('a token that says all of itself: what it says, in words, and nothing of it', async (t) => {
  const token = jwt(claims)
  const { code, text, stderr } = await inspect(t, { clusters: [prod], env: { T: token }, args: { offline: true } })
  t.equal(code, 0)
  t.equal(stderr, '')
  t.equal(text, `cluster prod
  kind:       tokenEnv
  from:       the environment variable T
  account:    system:serviceaccount:ops:proxy
  accepted:   not asked: --offline
  issuer:     https://kubernetes.default.svc
  audience:   https://kubernetes.default.svc
  issued:     2026-11-20T15:00:00.000Z (21 h ago)
  expires:    2026-11-21T15:01:00.000Z (in 3 h)
  bound to:   pod ops/p-0
  renews:     by a restart: an environment never changes
`)
  for (const part of token.split('.')) t.notMatch(text, part)
})

t.test('what a token says of itself is printed without secrets, whoever wrote them there', async (t) => {
  for (const json of [false, true]) {
    const { text } = await inspect(t, { clusters: [prod], env: { T: jwt({ ...claims, iss: 'https://x/?token=hunter2' }) }, args: { json } })
    t.match(text, 'https://x/?token=[redacted]')
    t.notMatch(text, 'hunter2')
  }
})

t.test('as JSON, a list of objects that all have the same fields', async (t) => {
  const { text } = await inspect(t, { clusters: [prod, { ...prod, name: 'test', credential: { tokenFile: 'nowhere' } }], env: { T: jwt(claims) }, args: { json: true } })
  const [first, second] = JSON.parse(text) as Record<string, unknown>[]
  t.strictSame(first, {
    cluster: 'prod', kind: 'tokenEnv', source: 'the environment variable T', user: 'system:serviceaccount:ops:proxy',
    account: { namespace: 'ops', name: 'proxy' }, userFrom: 'credential',
    issuer: 'https://kubernetes.default.svc', audience: ['https://kubernetes.default.svc'],
    boundTo: ['pod ops/p-0'], renewal: 'by a restart: an environment never changes', trouble: null, usable: true,
    accepted: null, acceptedReason: 'the API server could not be reached (connect ECONNREFUSED 127.0.0.1:1)',
    issuedAt: '2026-11-20T15:00:00.000Z', notBefore: null, expiresAt: '2026-11-21T15:01:00.000Z',
  })
  t.strictSame(Object.keys(second ?? {}).sort(), Object.keys(first ?? {}).sort())
  t.match(second, { cluster: 'test', usable: false, accepted: null, acceptedReason: 'there is no credential', trouble: /^the file .*nowhere does not exist$/ })
})

t.test('one that has ended, or is not to be had, is 1; one that is not valid yet is told', async (t) => {
  const rows: [Given, number, RegExp][] = [
    [{ clusters: [prod], env: { T: jwt({ ...claims, exp: seconds(now - 49 * hour) }) } }, 1, /^ {2}expires: .*\(expired 2 d ago\)\n(.*\n)* {2}trouble: +it has expired$/m],
    [{ clusters: [prod], env: { T: jwt({ ...claims, exp: seconds(now) }) } }, 1, /expired 0 s ago/],
    [{ clusters: [prod] }, 1, /^ {2}trouble: +the environment variable T is not set$/m],
    [{ clusters: [prod], env: { T: jwt({ ...claims, nbf: seconds(now + 90_000) }) } }, 0, /^ {2}valid from: +2026-11-21T12:01:30.000Z \(in 1 min\)\n(.*\n)*.*not valid yet/m],
    [{ clusters: [{ ...prod, caFile: 'none.crt' }], env: { T: jwt(claims) } }, 1, /trouble: .*none\.crt/],
    [{ clusters: [{ ...prod, credential: { tokenFile: 'loose' } }], files: { loose: jwt(claims) } }, 1, /trouble: .*is open to every user of this machine/],
    [{ clusters: [{ ...prod, credential: { tokenFile: 'loose' } }], files: { loose: jwt(claims) }, args: { allowLoose: true } }, 0, /account: +system:serviceaccount:ops:proxy/],
    [{ clusters: [prod, { ...prod, name: 'test', credential: { tokenEnv: 'NONE' } }], env: { T: jwt(claims) } }, 1, /cluster prod\n(.*\n)*\ncluster test\n/],
    [{ clusters: [prod, { ...prod, name: 'test', credential: { tokenEnv: 'NONE' } }], env: { T: jwt(claims) }, args: { cluster: 'prod' } }, 0, /^cluster prod\n(?!(.*\n)*cluster test)/],
  ]
  for (const [given, code, expected] of rows) {
    const ran = await inspect(t, given)
    t.equal(ran.code, code, String(expected))
    t.match(ran.text, expected)
  }
})

t.test('a config or a cluster that is not there is said on stderr', async (t) => {
  const rows: [Partial<TokenInspectArgs>, RegExp][] = [
    [{ cluster: 'nope' }, /^portcullis token inspect: there is no cluster "nope"; there are: prod\n$/],
    [{ configFile: '/x/nowhere.yaml' }, /^portcullis token inspect: .*does not exist\n$/],
  ]
  for (const [args, message] of rows) {
    const { code, stderr, text } = await inspect(t, { clusters: [prod], args })
    t.match({ code, stderr, text }, { code: 1, stderr: message, text: '' })
  }
})

t.test('an opaque token: the cluster is asked whose it is', async (t) => {
  const { sample, ca, token } = await startSample(t)
  const cluster = { ...prod, server: sample.url, caFile: 'ca.crt' }
  const { code, text } = await inspect(t, { clusters: [cluster], files: { 'ca.crt': ca }, env: { T: token } })
  t.equal(code, 0)
  t.match(text, /^ {2}account: +system:serviceaccount:portcullis:portcullis \(as the cluster says\)\n {2}accepted: +yes\n {2}expires: +it does not say$/m)
  t.notMatch(text, token)
  const { text: json } = await inspect(t, { clusters: [cluster], files: { 'ca.crt': ca }, env: { T: token }, args: { json: true } })
  t.match(JSON.parse(json), [{ user: 'system:serviceaccount:portcullis:portcullis', account: { namespace: 'portcullis', name: 'portcullis' }, userFrom: 'cluster', accepted: true, acceptedReason: null, usable: true }])
})

t.test('a credential that the cluster does not accept is 1, whatever it says of itself; a cluster that cannot be asked is told, and is no failure', async (t) => {
  const { sample, ca } = await startSample(t)
  const given = { clusters: [{ ...prod, server: sample.url, caFile: 'ca.crt' }], files: { 'ca.crt': ca } }
  const lasting = { ...claims, exp: seconds(Date.now() + 24 * hour) }
  const no = (why: string) => new RegExp(`^ {2}accepted: +no: the API server of cluster "prod" rejected the credential of Portcullis itself \\(tokenEnv.*: ${why}`, 'm')
  const rows: [string, string][] = [
    ['sha256~wrong', 'it was revoked'],
    [jwt(lasting), 'its account or the pod ops/p-0 that it is bound to was deleted'],
    [jwt({ ...lasting, aud: ['vault'] }), 'wrong audience\\? it is for vault'],
  ]
  for (const [token, why] of rows) {
    const refused = await inspect(t, { ...given, env: { T: token } })
    t.match(refused, { code: 1, text: no(why) })
    t.notMatch(refused.text, token)
    const { code, text } = await inspect(t, { ...given, env: { T: token }, args: { json: true } })
    t.match({ code, said: JSON.parse(text) as unknown }, { code: 1, said: [{ accepted: false, acceptedReason: new RegExp(why), usable: false }] })
  }
  const gone = await inspect(t, { clusters: [{ ...prod, server: 'https://127.0.0.1:1', caFile: 'ca.crt' }], files: { 'ca.crt': ca }, env: { T: 'x' } })
  t.match(gone, { code: 0, text: /account: +not known\n {2}accepted: +not asked: the API server could not be reached \(.*ECONNREFUSED/ })
  const silent = await startSilent(t)
  const patience = { obtain: 5000, ask: 50, silent: 60_000 }
  const never = await inspect(t, { clusters: [{ ...prod, server: silent, caFile: 'ca.crt', timeouts: { connect: '300ms' } }], files: { 'ca.crt': ca }, env: { T: 'x' }, deps: { patience } })
  t.match(never, { code: 0, text: /accepted: +not asked: there was no answer within 0.05 s/ })
})

t.test('a renewal after a 401 is not waited for any longer than the answer', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 401, body: '{}' }))
  // The second time it is run there is no end.
  const plugin = `const f = process.argv[1], fs = require('node:fs'); if (fs.existsSync(f)) setInterval(() => {}, 1000)
    else { fs.writeFileSync(f, ''); ${answering('{ token: "x" }')} }`
  const credential = { exec: { command: process.execPath, args: ['-e', plugin, join(t.testdir({}), 'ran')], timeout: '4s' } }
  const begin = performance.now()
  const { code, text } = await inspect(t, {
    clusters: [{ ...prod, server: upstream.url, caFile: 'ca.crt', credential }], files: { 'ca.crt': upstream.ca }, deps: { patience: { obtain: 60_000, ask: 1000, silent: 60_000 } },
  })
  t.match({ code, text }, { code: 0, text: /accepted: +not asked: there was no answer within 1 s/ })
  t.ok(performance.now() - begin < 4000)
})

/** Takes connections and never says a word. */
async function startSilent(t: Test): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('minted tokens are obtained once: the minted one is told of, and its bootstrap is not', async (t) => {
  const { sample, ca, token, call } = await startSample(t)
  await call('POST', '/api/v1/namespaces/team-a/serviceaccounts', { body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'proxy' } } })
  const credential = { tokenRequest: { bootstrap: { tokenEnv: 'T' }, serviceAccount: { namespace: 'team-a', name: 'proxy' }, lifetime: '1h' } }
  const { code, text } = await inspect(t, {
    clusters: [{ ...prod, server: sample.url, caFile: 'ca.crt', credential }], files: { 'ca.crt': ca }, env: { T: token }, deps: { now: Date.now },
  })
  t.equal(code, 0, text)
  t.match(text, /kind: +tokenRequest\n(.*\n)* {2}account: +system:serviceaccount:team-a:proxy\n(.*\n)* {2}expires: .*\(in (59 min|1 h)\)\n/)
})

t.test('a client certificate: the user of its subject', async (t) => {
  const { cert, key } = makeAuthority().issue({ commonName: 'robot', notBefore: now - hour, notAfter: now + 2 * hour + 60_000 })
  const credential = { clientCertificate: { certFile: 'a.crt', keyFile: 'a.key' } }
  const { code, text } = await inspect(t, { clusters: [{ ...prod, credential }], files: { 'a.crt': cert, 'a.key': key } })
  t.equal(code, 0, text)
  t.match(text, /kind: +clientCertificate\n(.*\n)* {2}account: +robot\n(.*\n)* {2}expires: .*\(in 2 h\)\n/)
})

t.test('what a plugin that failed wrote to its stderr is told, without secrets, in one line', async (t) => {
  const token = jwt(claims)
  const command = makePlugin(t, `process.stderr.write('no session for robot\\n\\x1b[31mrun: login; had ${token}\\n'); process.exitCode = 3`)
  const { code, text } = await inspect(t, { clusters: [{ ...prod, credential: { exec: { command } } }] })
  t.equal(code, 1)
  t.match(text, /^ {2}trouble: +exec: the command .* ended with exit code 3 \(on its stderr: no session for robot \[31mrun: login; had \[redacted\]\)$/m)
  for (const part of token.split('.')) t.notMatch(text, part)
})

t.test('a credential that takes too long is given up, and whoever looks on is told that it is waited for', async (t) => {
  const credential = { exec: { command: process.execPath, args: ['-e', 'setTimeout(() => {}, 60_000)'], timeout: '1s' } }
  const stderr = Object.assign(ear(), { isTTY: true })
  const patience = { obtain: 200, ask: 50, silent: 20 }
  const { code, text } = await inspect(t, { clusters: [{ ...prod, credential }], deps: { patience, stderr } })
  t.equal(code, 1)
  t.match(text, /kind: +exec\n {2}trouble: +it could not be had within 0.2 s/)
  t.equal(stderr.text, 'portcullis token inspect: waiting for credentials and clusters to answer\n')
})
