// API servers that enforce what plugins hand out, behind the whole proxy.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { build } from '../../src/build.ts'
import { requireConfig } from '../../src/config/load.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { createLog } from '../../src/log/log.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { callerEntry, codeOf } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { answering, makePlugin } from '../support/exec-plugin.ts'
import { valuesOf } from '../support/http-reader.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type Upstream } from '../support/recording-upstream.ts'
import { webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'
import { jwt } from './tokens.ts'

const pods = '/api/v1/namespaces/a/pods'
const exec = `${pods}/x/exec?command=sh`
const webSocket = webSocketHeaders('v5.channel.k8s.io')
const user = 'system:serviceaccount:portcullis:portcullis'
const tokenOf = (id: string) => jwt({ sub: user, jti: id })

/** What the proxy asks on its own account. */
const aside = (target: string) => /^\/apis\/(apiextensions|apiregistration|authorization|authentication)\.k8s\.io\//.test(target)

/** A plugin that hands out what stands in `status.json` beside it. */
function makeVault(t: Test, status: object) {
  const command = makePlugin(t, answering('JSON.parse(require("node:fs").readFileSync(__dirname + "/status.json", "utf8"))'))
  const put = (next: object) => writeFileSync(join(command, '..', 'status.json'), JSON.stringify(next))
  put(status)
  return { command, put }
}

async function start(t: Test, upstream: Upstream, credential: object, env: Readonly<Record<string, string>> = {}) {
  const key = keyFor('rootroot')
  const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }]
  const proxy = await startProxy(t, {
    upstreams: { prod: upstream }, token: 'unused-token', callers: { callers: [callerEntry('root', key, rules)] }, credential, env,
  })
  const connect = async (target: string, headers: readonly string[] = []) => {
    const client = await connectRaw(t, { port: proxy.port })
    client.request('GET', target, ['Authorization', `Bearer ${key.key}`, ...headers])
    return client
  }
  const ask = async (target: string, headers?: readonly string[]) => (await connect(target, headers)).response()
  return { proxy, connect, ask }
}

/** Lets in whom `known` says, and remembers everybody's Authorization. */
function enforce(upstream: Upstream, known: (authorization: string | undefined, who: unknown) => boolean): string[][] {
  const seen: string[][] = []
  upstream.answer((request, reply) => {
    const authorization = valuesOf(request.headers, 'authorization')
    seen.push(authorization)
    const who = (request.connection.socket as TLSSocket).getPeerCertificate(false)?.subject?.CN as unknown
    if (!known(authorization[0], who)) return { status: 401, body: '{}' }
    if (request.all('upgrade').length > 0) reply.upgrade(webSocketAccepted('v5.channel.k8s.io')).echo()
    else if (request.target.includes('watch=true')) reply.stream(200, ['Content-Type', 'application/json'])
    else return { status: 200, headers: ['Content-Type', 'application/json'], body: '{}' }
  })
  return seen
}

t.test('the token of a plugin is what the API server sees, and a 401 has the plugin run again, while what is open goes on', async (t) => {
  const upstream = await startUpstream(t, { aside })
  const vault = makeVault(t, { token: tokenOf('1') })
  let valid = tokenOf('1')
  const seen = enforce(upstream, authorization => authorization === `Bearer ${valid}`)
  const { proxy, connect, ask } = await start(t, upstream, { exec: { command: vault.command } })
  const tunnel = await connect(exec, webSocket)
  t.equal((await tunnel.response()).status, 101)
  t.equal((await ask(pods)).status, 200)

  valid = tokenOf('2')
  vault.put({ token: valid })
  for (const [target, headers, status] of [[pods, [], 200], ['/apis', [], 200], [exec, webSocket, 101]] as const) t.equal((await ask(target, headers)).status, status, target)
  t.strictSame(seen.at(-1), [`Bearer ${tokenOf('2')}`])
  t.equal(seen.filter(([authorization]) => authorization === `Bearer ${tokenOf('1')}`).length, 3, 'the old one went up once more, and no further')
  tunnel.send('still there')
  t.equal((await tunnel.tunnelled())?.toString(), 'still there')

  valid = tokenOf('3')
  const { status, body } = await ask(pods)
  t.equal(status, 502)
  t.equal(codeOf(body), 'CredentialRejected')
  t.match(body.toString(), `exec, ${user}: `)
  for (const text of [body.toString(), proxy.logText(), proxy.auditText()]) t.notMatch(text, new RegExp(`${tokenOf('1')}|${tokenOf('2')}`))
})

t.test('the certificate of a plugin is what the API server sees, in tunnels too, and without an Authorization', async (t) => {
  const clients = makeAuthority('clients')
  const certificate = (commonName: string) => {
    const { cert, key } = clients.issue({ commonName })
    return { clientCertificateData: cert, clientKeyData: key }
  }
  const renewed = `${user}-2`
  const upstream = await startUpstream(t, { clientCa: clients.ca, aside })
  const vault = makeVault(t, certificate(user))
  let valid = user
  const seen = enforce(upstream, (_, who) => who === valid)
  const { connect, ask } = await start(t, upstream, { exec: { command: vault.command, apiVersion: 'client.authentication.k8s.io/v1' } })
  const tunnel = await connect(exec, webSocket)
  t.equal((await tunnel.response()).status, 101)
  valid = renewed
  vault.put(certificate(renewed))
  for (const [target, headers, status] of [[pods, [], 200], ['/apis', [], 200], [exec, webSocket, 101]] as const) t.equal((await ask(target, headers)).status, status, target)
  t.ok(seen.every(authorization => authorization.length === 0))
  tunnel.send('still there')
  t.equal((await tunnel.tunnelled())?.toString(), 'still there')
})

t.test('both go up where the plugin gives both', async (t) => {
  const clients = makeAuthority('clients')
  const { cert, key } = clients.issue({ commonName: user })
  const upstream = await startUpstream(t, { clientCa: clients.ca, aside })
  const vault = makeVault(t, { token: tokenOf('1'), clientCertificateData: cert, clientKeyData: key })
  enforce(upstream, (authorization, who) => authorization === `Bearer ${tokenOf('1')}` && who === user)
  const { ask } = await start(t, upstream, { exec: { command: vault.command } })
  for (const [target, headers, status] of [[pods, [], 200], ['/apis', [], 200], [exec, webSocket, 101]] as const) t.equal((await ask(target, headers)).status, status, target)
})

t.test('a plugin that fails leaves callers with a 502 that says no more than that, and it is asked again until it answers', async (t) => {
  const upstream = await startUpstream(t, { aside })
  const command = makePlugin(t, `const f = __dirname + '/sealed', fs = require('node:fs');
    if (fs.existsSync(f)) { console.error('the vault is sealed, ${tokenOf('1')}'); process.exit(1) }
    ${answering(`{ token: ${JSON.stringify(tokenOf('1'))} }`)}`)
  const sealed = join(command, '..', 'sealed')
  writeFileSync(sealed, '')
  enforce(upstream, authorization => authorization === `Bearer ${tokenOf('1')}`)
  const { proxy, ask } = await start(t, upstream, { exec: { command } })
  const { status, body } = await ask(pods)
  t.equal(status, 502)
  t.match(body.toString(), 'Portcullis has no credential for this cluster at present (exec)')
  t.notMatch(body.toString(), /plugin|vault|exit/)
  t.match(proxy.logText(), /ended with exit code 1.*the vault is sealed/)
  t.notOk(proxy.logText().includes(tokenOf('1')))
  rmSync(sealed)
  await proxy.logSays(/the credential is renewed again/)
  t.equal((await ask(pods)).status, 200)
})

t.test('a plugin is told of its cluster, and inherits our environment less what the config takes secrets from, for whichever cluster', async (t) => {
  const upstream = await startUpstream(t, { aside })
  const command = makePlugin(t, `require('node:fs').writeFileSync(__dirname + '/env.json', JSON.stringify(process.env)); ${answering(`{ token: ${JSON.stringify(tokenOf('1'))} }`)}`)
  const folder = join(command, '..')
  const cluster = { server: upstream.url, caFile: 'ca.crt', openshift: false }
  writeFileSync(join(folder, 'ca.crt'), upstream.ca)
  writeFileSync(join(folder, 'callers.yaml'), '{ callers: [] }')
  writeFileSync(join(folder, 'portcullis.yaml'), JSON.stringify({
    listen: { host: '127.0.0.1', port: 0 }, admin: { port: 0 }, audit: { sinks: [{ file: { path: 'audit.log' } }] },
    clusters: [
      { ...cluster, name: 'one', credential: { exec: { command, provideClusterInfo: true, env: [{ name: 'REGION', value: 'here' }] } } },
      { ...cluster, name: 'two', credential: { tokenEnv: 'TOKEN_OF_TWO' } },
    ],
  }))
  const { config } = await requireConfig(join(folder, 'portcullis.yaml'))
  const env = { HOME: '/home/x', TOKEN_OF_TWO: tokenOf('S3cret') }
  const proxy = await build(config, { secrets: new HeldSecrets(), log: createLog({ level: 'silent', redact: redactSecrets }), env, nodeMetrics: false })
  t.teardown(() => proxy.close({ patience: 100 }))
  const inherited = JSON.parse(readFileSync(join(folder, 'env.json'), 'utf8')) as Record<string, string>
  t.match(inherited, { HOME: '/home/x', REGION: 'here' })
  t.notOk('TOKEN_OF_TWO' in inherited)
  t.match(JSON.parse(inherited['KUBERNETES_EXEC_INFO'] ?? ''), {
    spec: { cluster: { 'server': upstream.url, 'certificate-authority-data': Buffer.from(upstream.ca).toString('base64') } },
  })
})
