// Client certificates: of another authority, expired, nobody's, two callers', beside a key, on connections and sessions that outlive their authority.
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import http2 from 'node:http2'
import { join } from 'node:path'
import tls, { type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { callerEntry, codeOf } from '../support/attack-target.ts'
import { makeAuthority, type Issued } from '../support/certificates.ts'
import { startHeldUp } from '../support/held-up.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { bearerProtocol, webSocketHeaders } from '../support/upgrades.ts'

const people = makeAuthority('people')
const others = makeAuthority('others')
const server = makeAuthority('server')
const key = keyFor('somebody')
const rules = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'], namespaces: ['a'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['a'] },
]
const digestOf = ({ cert }: Issued) => createHash('sha256').update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })).digest('hex')

const ci = people.issue({ commonName: 'ci', organization: ['tools', 'robots'] })
const workload = people.issue({ commonName: 'x', names: ['spiffe://example/ci', 'WORKLOAD.example', '10.1.2.3', '2001:db8::1'] })
const pinned = people.issue({ commonName: 'pinned' })
const nobody = people.issue({ commonName: 'nobody' })
const twin = people.issue({ commonName: 'twin' })
const callers = [
  { name: 'ci', rules, clientCertificate: { subject: { commonName: 'ci', organization: ['robots', 'tools'] } } },
  { name: 'workload', rules, clientCertificate: { subjectAltName: 'URI:spiffe://example/ci' } },
  { name: 'pinned', rules, clientCertificate: { publicKeySha256: digestOf(pinned).toUpperCase() } },
  { name: 'both', rules, clientCertificate: { subject: { commonName: 'pinned' }, publicKeySha256: digestOf(ci) } },
  { name: 'twin', rules, clientCertificate: { subject: { commonName: 'twin' } } },
  { name: 'twin-too', rules, clientCertificate: [{ publicKeySha256: '0'.repeat(64) }, { publicKeySha256: digestOf(twin) }] },
  callerEntry('keyed', key, rules),
]

const upstream = await startUpstream(t)
upstream.answer((request, reply) => {
  if (request.all('upgrade').length > 0) return reply.upgrade(['Connection', 'Upgrade', 'Upgrade', 'websocket', ...request.all('sec-websocket-protocol').flatMap((name) => ['Sec-WebSocket-Protocol', name])]).write(Buffer.from([0x82, 1, 120]))
  if (!request.target.includes('watch=')) return { status: 200, body: '{}' }
  reply.stream()
  return reply.chunk('{"type":"ADDED"}\n')
})
const proxy = await startProxy(t, {
  upstreams: { prod: upstream }, token: 'token-of-the-upstream', tls: server, files: { 'clients.crt': people.ca },
  callers: { callers }, config: { listen: { host: '127.0.0.1', port: 0, tls: { certFile: 'tls.crt', keyFile: 'tls.key', clientCaFile: 'clients.crt' } } },
})

interface Dialled { readonly socket: TLSSocket, readonly session: () => Buffer | undefined }

async function dial(t: Test, issued: Issued | undefined, options: tls.ConnectionOptions = {}): Promise<Dialled> {
  const socket = tls.connect({ port: proxy.port, host: '127.0.0.1', servername: 'localhost', ca: server.ca, ALPNProtocols: ['http/1.1'], ...issued, ...options })
  socket.setMaxListeners(0)
  socket.on('error', () => { /* the close that follows says enough */ })
  t.teardown(() => socket.destroy())
  let session: Buffer | undefined
  socket.on('session', (given: Buffer) => { session = given })
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')])
  return { socket, session: () => session }
}

interface Answer { readonly status: number, readonly code: string | undefined, readonly text: string }

/** One request on an open connection, and its answer of known length; status 0 where there is none. */
async function ask({ socket }: Dialled, headers: readonly string[] = [], path = '/api/v1/namespaces/a/pods'): Promise<Answer> {
  socket.write([`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n'))
  let text = ''
  while (!socket.destroyed) {
    const [chunk] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [''])]) as [Buffer | string]
    text += chunk.toString()
    const [head, body] = text.split(/\r\n\r\n([^]*)/)
    const length = Number(/^content-length: (\d+)$/im.exec(head ?? '')?.[1] ?? Infinity)
    if (/^HTTP\/1.1 101/.test(text)) return { status: 101, code: undefined, text }
    if (body !== undefined && body.length >= length) break
  }
  const status = Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 0)
  return { status, code: codeOf(Buffer.from(text.split('\r\n\r\n')[1] || '{}')), text }
}

async function askHttp2(t: Test, issued: Issued | undefined, headers: http2.OutgoingHttpHeaders = {}): Promise<Answer> {
  const session = http2.connect(`https://localhost:${proxy.port}`, { host: '127.0.0.1', ca: server.ca, ...issued })
  session.on('error', () => { /* its streams tell */ })
  t.teardown(() => session.destroy())
  return askOver(session, headers)
}

async function askOver(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders = {}): Promise<Answer> {
  const stream = session.request({ ':path': '/api/v1/namespaces/a/pods', ...headers })
  let status = 0
  let text = ''
  stream.on('response', (head) => { status = Number(head[':status']) }).on('data', (chunk: Buffer) => { text += chunk.toString() }).on('error', () => { /* no answer */ })
  if (!stream.closed) await once(stream, 'close').catch(() => undefined)
  return { status, code: status === 200 ? undefined : codeOf(Buffer.from(text || '{}')), text }
}

/** Less what the proxy asks for itself. */
const wentUp = () => upstream.requests.filter((request) => request.all('x-forwarded-for').length > 0)

async function userOf(what: () => Promise<Answer>): Promise<unknown> {
  const before = wentUp().length
  const { status } = await what()
  const id = wentUp()[before]?.all('audit-id')[0]
  return id === undefined ? status : (await proxy.event(id)).user
}

t.test('a certificate is the caller whose entry it fits, by HTTP/1.1, HTTP/2 and WebSocket', async (t) => {
  const expected = (name: string, issued: Issued) => ({ username: name, extra: { 'portcullis.dev/key-id': [`cert:${digestOf(issued).slice(0, 16)}`] } })
  for (const [name, issued] of [['ci', ci], ['workload', workload], ['pinned', pinned]] as const) {
    t.strictSame(await userOf(async () => ask(await dial(t, issued))), expected(name, issued), `${name} by HTTP/1.1`)
    t.strictSame(await userOf(() => askHttp2(t, issued)), expected(name, issued), `${name} by HTTP/2`)
  }
  const { status } = await ask(await dial(t, ci), webSocketLines('v5.channel.k8s.io'), '/api/v1/namespaces/a/pods/x/exec?command=sh')
  t.equal(status, 101)
  t.match(await proxy.metrics(), `portcullis_key_last_used_seconds{caller="ci",key="cert:${digestOf(ci).slice(0, 16)}"}`)
})

function webSocketLines(...protocols: string[]): string[] {
  const flat = webSocketHeaders(...protocols)
  return flat.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${flat[at + 1]}`] : [])
}

t.test('several requests of one connection, and names in other spellings, are the same caller', async (t) => {
  const dialled = await dial(t, ci)
  for (let i = 0; i < 3; i += 1) t.equal((await ask(dialled)).status, 200)
  for (const name of ['DNS:workload.example', 'IP:10.1.2.3', 'IP:2001:0DB8:0::1']) {
    await proxy.rewriteCallers({ callers: [{ name: 'workload', rules, clientCertificate: { subjectAltName: name } }] })
    t.match(await userOf(async () => ask(await dial(t, workload))), { username: 'workload' }, name)
  }
  await proxy.rewriteCallers({ callers })
})

const strangers: Readonly<Record<string, Issued>> = {
  'nobody\'s': nobody,
  'one organization less': people.issue({ commonName: 'ci', organization: ['tools'] }),
  'one organization more': people.issue({ commonName: 'ci', organization: ['tools', 'robots', 'admins'] }),
  'no organization': people.issue({ commonName: 'ci' }),
  'two names': people.issue({ commonName: ['ci', 'nobody'], organization: ['tools', 'robots'] }),
  'a name that holds another attribute': people.issue({ commonName: 'ci\nO=tools\nO=robots' }),
  'a name in capitals': people.issue({ commonName: 'CI', organization: ['tools', 'robots'] }),
  'a URI that begins alike': people.issue({ commonName: 'x', names: ['spiffe://example/ci/evil'] }),
  'a URI that holds the other': people.issue({ commonName: 'x', names: ['https://evil/, URI:spiffe://example/ci'] }),
  'a DNS name that holds a URI': people.issue({ commonName: 'x', names: ['a, URI:spiffe:example/ci'] }),
  'a subject that is another\'s, without the key': people.issue({ commonName: 'pinned' }),
}

t.test('a certificate that is nobody\'s says nothing: without a key it is 401, and a key beside it is a key', async (t) => {
  for (const [name, issued] of Object.entries(strangers)) {
    const refused = await ask(await dial(t, issued))
    t.match(refused, { status: 401, code: 'MissingKey', text: /the client certificate is no caller's, and no API key was presented/ }, name)
    t.match(await userOf(async () => ask(await dial(t, issued), [`Authorization: Bearer ${key.key}`])), { username: 'keyed' }, name)
  }
  t.match(await askHttp2(t, nobody), { status: 401, code: 'MissingKey' })
  t.match(await ask(await dial(t, undefined)), { status: 401, code: 'MissingKey', text: /portcullis: no API key was presented/ })
})

t.test('a certificate that is somebody\'s beside a key or a token is two credentials, good or bad', async (t) => {
  const more = [`Authorization: Bearer ${key.key}`, `Authorization: Bearer ${keyFor('nobody00').key}`, `X-API-Key: ${key.key}`, 'Authorization: Bearer eyJh.eyJh.x']
  const before = wentUp().length
  for (const header of more) t.match(await ask(await dial(t, ci), [header]), { status: 400, code: 'AmbiguousCredential' }, header.slice(0, 22))
  t.match(await askHttp2(t, ci, { authorization: `Bearer ${key.key}` }), { status: 400, code: 'AmbiguousCredential' }, 'by HTTP/2')
  const upgraded = await ask(await dial(t, ci), webSocketLines('v5.channel.k8s.io', bearerProtocol(key.key)), '/api/v1/namespaces/a/pods/x/exec?command=sh')
  t.match(upgraded, { status: 400, code: 'AmbiguousCredential' }, 'by WebSocket')
  t.match(await ask(await dial(t, ci), ['Authorization: Basic eDp5']), { status: 401, code: 'MissingKey' }, 'and what is no key is not looked past')
  t.equal(wentUp().length, before, 'nothing went up')
})

t.test('a certificate that is two callers is refused', async (t) => {
  t.match(await ask(await dial(t, twin)), { status: 400, code: 'AmbiguousCredential' })
  t.match(proxy.logText(), /"callers":\["twin","twin-too"\],"msg":"a client certificate is more than one caller/)
})

t.test('a certificate of another authority, or not of now, does not get as far as a request', async (t) => {
  const before = wentUp().length
  const bad: Readonly<Record<string, Issued>> = {
    'another authority': others.issue({ commonName: 'ci', organization: ['tools', 'robots'] }),
    'another authority of the same name': makeAuthority('people').issue({ commonName: 'ci', organization: ['tools', 'robots'] }),
    'expired': people.issue({ commonName: 'ci', organization: ['tools', 'robots'], notAfter: Date.now() - 60_000 }),
    'not yet valid': people.issue({ commonName: 'ci', organization: ['tools', 'robots'], notBefore: Date.now() + 600_000 }),
  }
  for (const [name, issued] of Object.entries(bad)) {
    t.equal((await ask(await dial(t, issued))).status, 0, `${name}: no answer`)
    t.equal((await ask(await dial(t, issued), [`Authorization: Bearer ${key.key}`])).status, 0, `${name}: not to a key either`)
    t.equal((await askHttp2(t, issued)).status, 0, `${name}: nor by HTTP/2`)
  }
  t.equal(wentUp().length, before)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`${version}: a resumed session is the same caller`, async (t) => {
    const first = await dial(t, ci, { minVersion: version, maxVersion: version })
    t.equal((await ask(first)).status, 200)
    const session = first.session()
    t.ok(session, 'there is a session')
    const again = await dial(t, undefined, { minVersion: version, maxVersion: version, session: session! })
    t.ok(again.socket.isSessionReused())
    t.match(await userOf(() => ask(again)), { username: 'ci', extra: { 'portcullis.dev/key-id': [`cert:${digestOf(ci).slice(0, 16)}`] } })
    t.match(await ask(again, [`Authorization: Bearer ${key.key}`]), { status: 400, code: 'AmbiguousCredential' })
  })
}

async function trust(pem: string, until: (answer: Answer) => boolean, dialled: Dialled): Promise<void> {
  const file = join(proxy.folder, 'clients.crt')
  await writeFile(`${file}.new`, pem)
  await rename(`${file}.new`, file)
  while (!until(await ask(dialled))) await new Promise((resolve) => setImmediate(resolve))
}

t.test('an authority that is taken out: what is open on its certificates ends, is let in nowhere, and cannot be resumed', async (t) => {
  const open = await dial(t, ci)
  const witness = await dial(t, workload)
  t.equal((await ask(open)).status, 200)
  const session = open.session()
  const h2 = http2.connect(`https://localhost:${proxy.port}`, { host: '127.0.0.1', ca: server.ca, ...ci })
  t.teardown(() => h2.destroy())
  t.equal((await askOver(h2)).status, 200)
  const watch = h2.request({ ':path': '/api/v1/namespaces/a/pods?watch=true' })
  await once(watch, 'data')
  const ended = once(watch.resume(), 'end')
  const exec = await dial(t, ci)
  t.equal((await ask(exec, webSocketLines('v5.channel.k8s.io'), '/api/v1/namespaces/a/pods/x/exec?command=sh')).status, 101)
  const execEnded = once(exec.socket, 'close')
  const keyed = await dial(t, nobody)
  keyed.socket.write(`GET /api/v1/namespaces/a/pods?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key.key}\r\n\r\n`)
  await once(keyed.socket, 'data')

  await trust(`${others.ca}${makeAuthority('people').ca}`, ({ status }) => status === 401, witness)
  const [since, heldUp] = [performance.now(), startHeldUp()]
  await Promise.all([ended, execEnded])
  t.ok(performance.now() - since < 1500 + heldUp(), 'streams end within a second')
  t.notOk(keyed.socket.destroyed, 'but for those that a key opened')
  t.match(await ask(open), { status: 401, code: 'UnknownKey', text: /authority of this client certificate is not trusted here any more/ })
  t.match(await askOver(h2), { status: 401, code: 'UnknownKey' })
  t.match(await ask(open, [`Authorization: Bearer ${key.key}`]), { status: 400, code: 'AmbiguousCredential' }, 'nor does a bad one let a key pass')
  const resumed = await dial(t, ci, session === undefined ? {} : { session })
  t.equal((await ask(resumed)).status, 0)

  const reissued = await dial(t, others.issue({ commonName: 'ci', organization: ['tools', 'robots'] }))
  t.equal((await ask(reissued)).status, 200, 'one that came in is taken')
  await trust(`${people.ca}${others.ca}`, ({ status }) => status === 200, witness)
  t.equal((await ask(open)).status, 200, 'and so is one that came back')
  t.equal((await ask(await dial(t, ci))).status, 200)
})

t.test('a stream ends with its certificate, and with the condition that it met', async (t) => {
  const notAfter = new Date(Math.ceil(Date.now() / 1000 + 3) * 1000)
  const short = await dial(t, people.issue({ commonName: 'ci', organization: ['tools', 'robots'], notAfter }))
  short.socket.write('GET /api/v1/namespaces/a/pods?watch=true HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(short.socket, 'data')
  const kept = await dial(t, pinned)
  kept.socket.write('GET /api/v1/namespaces/a/pods?watch=true HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(kept.socket, 'data')
  const [last] = await once(short.socket, 'data') as [Buffer]
  t.match(last.toString(), /^0\r\n/, 'properly')
  t.ok(Date.now() >= notAfter.getTime(), 'not before its end')
  t.match(await ask(short), { status: 401, code: 'ExpiredKey' })
  const ended = once(kept.socket, 'data') as Promise<[Buffer]>
  await proxy.rewriteCallers({ callers: callers.map((caller) => 'name' in caller && caller.name === 'pinned' ? { ...caller, clientCertificate: { publicKeySha256: '1'.repeat(64) } } : caller) })
  const [end] = await ended
  t.match(end.toString(), /^0\r\n/)
  t.match(await ask(kept), { status: 401, code: 'MissingKey' })
})
