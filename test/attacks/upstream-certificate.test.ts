// Upstream's certificate is wrong: not a byte of the token is sent there. The http-proxy plugin's own default does not verify it.
import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/load.ts'
import { callerEntry, codeOf, startTarget, upstreamToken, type Way } from '../support/attack-target.ts'
import { makeAuthority, selfSigned, type Issued } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'
import { startOAuthServer } from '../support/oauth-server.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'

const day = 86_400_000
const authority = makeAuthority()
const wrong = {
  'self-signed': selfSigned(),
  'of another authority': makeAuthority().issue(),
  'of another authority of that name': makeAuthority('test authority').issue(),
  'expired': authority.issue({ notBefore: Date.now() - 3 * day, notAfter: Date.now() - day }),
  'not yet valid': authority.issue({ notBefore: Date.now() + day, notAfter: Date.now() + 3 * day }),
  'for another name': authority.issue({ names: ['other.example', '10.0.0.1'] }),
  'for the right host name but not this address': authority.issue({ names: ['localhost'] }),
}
const paths: readonly (readonly [way: Way, method: string, path: string])[] = [
  ...(['plain', 'tls', 'http2'] as const).flatMap((way) => [
    [way, 'GET', '/api/v1/namespaces/a/pods'], [way, 'GET', '/api/v1/namespaces/a/pods?watch=true'], [way, 'POST', '/api/v1/namespaces/a/pods'], [way, 'GET', '/apis'],
  ] as const),
  ['upgrade', 'GET', '/api/v1/namespaces/a/pods/x/exec?command=sh'],
]

/** Node's own switch for its own defaults; nothing here goes by them. */
const environments = [undefined, '0'] as const
t.teardown(() => { delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'] })

for (const environment of environments) {
  t.test(`with NODE_TLS_REJECT_UNAUTHORIZED=${environment}`, async (t) => {
    if (environment !== undefined) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = environment
    for (const [name, certificate] of Object.entries(wrong)) {
      if (environment !== undefined && !/^self-signed|another name$/.test(name)) continue
      await t.test(`a certificate that is ${name}`, (t) => refused(t, certificate))
      await t.test(`${name}: the password of a session and the token that asks for tokens stay here, too`, (t) => notEvenTold(t, certificate))
    }
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })
}

async function refused(t: Test, certificate: Issued): Promise<void> {
  const upstream = await startUpstream(t, { tls: certificate, ca: authority.ca })
  const target = await startTarget(t, { upstream })
  for (const [way, method, path] of paths) {
    const { status, body } = await target.send(way, { method, target: path, ...(method === 'POST' ? { body: '{}' } : {}) })
    t.match(String(status), /^50[23]$/, `${way} ${method} ${path}`)
    t.match(codeOf(body), /^(UpstreamUnreachable|BadUpstream)$/, `${way} ${method} ${path}: ${body}`)
  }
  t.equal(upstream.bytes, 0, 'not a byte')
  t.equal(upstream.requests.length, 0)
}

const caller = keyFor('badcert0')
const everything = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['own-credential'] }]

async function notEvenTold(t: Test, certificate: Issued): Promise<void> {
  const api = await startUpstream(t, { tls: certificate, ca: authority.ca })
  const good = await startUpstream(t)
  const oauth = await startOAuthServer(t, { users: { robot: 'the-password-of-it' }, tls: certificate, ca: authority.ca })
  good.answer((request) => request.target.startsWith('/.well-known/') ? { status: 200, body: JSON.stringify(oauth.metadata) } : { status: 401 })
  const session = { oauthSession: { username: { fromEnv: 'WHO' }, password: { fromFile: 'password' } } }
  const shared = { token: upstreamToken, callers: { callers: [callerEntry('c', caller, everything)] }, files: { password: 'the-password-of-it' }, env: { WHO: 'robot' } }
  for (const [upstream, credential] of [
    [api, session], [{ url: good.url, ca: good.ca + authority.ca }, session],
    [api, { tokenRequest: { bootstrap: { tokenFile: 'token' }, serviceAccount: { namespace: 'a', name: 'b' } } }],
  ] as const) {
    const proxy = await startProxy(t, { ...shared, upstreams: { prod: upstream }, credential })
    const client = await connectRaw(t, { port: proxy.port })
    client.request('GET', '/api/v1/namespaces/a/pods', ['X-API-Key', caller.key])
    t.match(String((await client.response()).status), /^50[23]$/)
    await proxy.stop()
  }
  t.ok(good.requests.some(({ target }) => target.startsWith('/.well-known/')), 'a login was begun')
  t.strictSame([api.bytes, oauth.upstream.bytes], [0, 0], 'not a byte')
}

t.test('what NODE_EXTRA_CA_CERTS adds is trusted where no authority is named, and nowhere else', async (t) => {
  const upstream = await startUpstream(t, { tls: authority.issue(), ca: authority.ca })
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-extra-'))
  removeLater(t, folder)
  await writeFile(join(folder, 'extra.crt'), authority.ca)
  const script = `
    const { createAgents } = await import(${JSON.stringify(new URL('../../src/clusters/agents.ts', import.meta.url).href)})
    const { ask } = await import(${JSON.stringify(new URL('../support/ask-sender.ts', import.meta.url).href)})
    for (const ca of [undefined, ${JSON.stringify(makeAuthority().ca)}]) {
      const { short, own } = createAgents({ origin: '${upstream.url}', ca, servername: '', timeouts: { connect: 5000, response: 5000 } })
      const asked = [ask(short, { path: '/' }), own.request({ origin: '${upstream.url}', path: '/', method: 'GET' })]
      for (const one of asked) console.log(await one.then(({ statusCode }) => statusCode, ({ code }) => code))
      await Promise.all([short.destroy(), own.destroy()])
    }`
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'extra.crt') }, stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.strictSame(Buffer.concat(await child.stdout.toArray() as Buffer[]).toString().trim().split('\n'), ['200', '200', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])
})

t.test('there is no switch: whatever it might be called, the config does not know it', async (t) => {
  const names = [
    'insecure', 'insecureSkipTLSVerify', 'insecure-skip-tls-verify', 'insecureSkipVerify', 'skipVerify', 'rejectUnauthorized', 'verify', 'tlsVerify', 'strictSSL', 'checkServerIdentity',
  ]
  const credential = { oauthSession: { username: { fromEnv: 'U' }, password: { fromEnv: 'P' } } }
  for (const name of names) {
    for (const [path, cluster] of [
      [`clusters[0].${name}`, { credential, [name]: true }],
      [`clusters[0].credential.oauthSession.${name}`, { credential: { oauthSession: { ...credential.oauthSession, [name]: true } } }],
    ] as const) {
      const { faults } = readConfig('f.yaml', JSON.stringify({ listen: { insecure: true }, clusters: [{ name: 'prod', server: 'https://x', ...cluster }] }))
      t.match(faults, [{ path, message: /^(is unknown here|does not exist: upstream TLS is always verified)/ }], path)
    }
  }
})

t.test('plain HTTP behind an https URL gets nothing but a handshake', async (t) => {
  const upstream = await startUpstream(t, { tls: false, ca: authority.ca })
  const target = await startTarget(t, { upstream: Object.assign(upstream, { url: upstream.url.replace('http:', 'https:') }), timeouts: { connect: '200ms', response: '5s' } })
  for (const [way, method, path] of paths) {
    const { status } = await target.send(way, { method, target: path, ...(method === 'POST' ? { body: '{}' } : {}) })
    t.match(String(status), /^50[23]$/, `${way} ${method} ${path}`)
  }
  t.notOk(upstream.connections.some(({ received }) => /bearer|authorization/i.test(Buffer.concat(received).toString('latin1'))))
})

t.test('the right certificate of that authority passes', async (t) => {
  const upstream = await startUpstream(t, { tls: authority.issue(), ca: authority.ca })
  const target = await startTarget(t, { upstream })
  t.equal((await target.send('tls', {})).status, 200)
})
