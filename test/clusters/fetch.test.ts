import net from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { ProxyError } from '../../src/errors.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { startUpstream } from '../support/recording-upstream.ts'

const ok = { status: 200, headers: ['Content-Type', 'application/json', 'X-Two', 'a', 'X-Two', 'b'], body: '{"a":1}' }

t.test('an answer is read whole, with its headers in order and case', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ok)
  const answer = await clusterFor(t, upstream).fetch('/version?x=%20', ['Accept', 'application/json'])
  t.equal(answer.status, 200)
  t.strictSame(answer.headers, [...ok.headers, 'Content-Length', '7'])
  t.equal(answer.body.toString(), '{"a":1}')
  const request = await upstream.nextRequest()
  t.equal(request.method, 'GET')
  t.equal(request.target, '/version?x=%20')
  t.strictSame(request.all('authorization'), ['Bearer upstream-token'])
  t.strictSame(request.all('host'), [new URL(upstream.url).host])
  t.strictSame(request.all('accept'), ['application/json'])
  t.strictSame(request.all('user-agent'), ['portcullis'])
})

t.test('a path in the server\'s URL stands in front of every target', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, { url: `${upstream.url}/k8s/clusters/c-1/`, ca: upstream.ca })
  await cluster.fetch('/version', [])
  t.equal((await upstream.nextRequest()).target, '/k8s/clusters/c-1/version')
})

t.test('under a client certificate there is no Authorization', async (t) => {
  const upstream = await startUpstream(t)
  const nothing = { authorization: undefined, certificate: undefined }
  const credential = { ...credentialOf('x'), present: () => nothing }
  await clusterFor(t, upstream, { credential }).fetch('/version', [])
  t.strictSame((await upstream.nextRequest()).all('authorization'), [])
})

t.test('a redirect is handed back, not followed', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 302, headers: ['Location', `${upstream.url}/elsewhere`] }))
  t.equal((await clusterFor(t, upstream).fetch('/version', [])).status, 302)
  t.equal(upstream.requests.length, 1)
})

t.test('after a 401 the credential is renewed and the request sent once more', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((request) => (request.all('authorization')[0] === 'Bearer new' ? ok : { status: 401, body: 'no' }))
  const credential = credentialOf('old')
  credential.next = 'new'
  t.equal((await clusterFor(t, upstream, { credential }).fetch('/version', [])).status, 200)
  t.strictSame(credential.rejected, ['Bearer old'])
  t.equal(upstream.requests.length, 2)
})

t.test('a credential that stays rejected is a 502 that names it and not the token', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 401, headers: ['WWW-Authenticate', 'Bearer'], body: 'no' }))
  const credential = credentialOf('secret-token')
  const cluster = clusterFor(t, upstream, { credential })
  const error = await cluster.fetch('/version', []).catch((thrown: unknown) => thrown)
  t.match(error, { code: 'CredentialRejected', status: 502, message: /^the API server of cluster "prod" rejected the credential of Portcullis itself \(tokenEnv, system:serviceaccount:portcullis:proxy: /, retryAfter: undefined })
  t.notMatch(String(error), /secret-token/)
  t.equal(upstream.requests.length, 1, 'and without a newer one, sent once')
  credential.next = 'no-better'
  await t.rejects(cluster.fetch('/version', []), { code: 'CredentialRejected' })
  t.equal(upstream.requests.length, 3, 'never more than twice')
})

t.test('whoever reads challenges gets the 401 itself, and nothing is renewed', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 401, headers: ['WWW-Authenticate', 'Basic'], body: 'no' }))
  const credential = credentialOf('old')
  credential.next = 'new'
  const answer = await clusterFor(t, upstream, { credential }).fetch('/version', [], { keep401: true })
  t.equal(answer.status, 401)
  t.strictSame(credential.rejected, [])
  t.equal(upstream.requests.length, 1)
})

t.test('nobody there is a 503 that may be tried again', async (t) => {
  const upstream = await startUpstream(t)
  await upstream.close()
  await t.rejects(clusterFor(t, upstream).fetch('/version', []), { code: 'UpstreamUnreachable', retryAfter: 1 })
})

t.test('somebody who never finishes the TLS handshake is a 503 within the connect timeout', async (t) => {
  const server = net.createServer(() => { /* silent */ }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`
  const cluster = clusterFor(t, { url, ca: '' }, { timeouts: { connect: 50, response: 4000 } })
  await t.rejects(cluster.fetch('/version', []), { code: 'UpstreamUnreachable', retryAfter: 1, cause: { code: 'UND_ERR_CONNECT_TIMEOUT' } })
})

t.test('an answer that does not come, or does not end, is a 504', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream, { timeouts: { connect: 5000, response: 100 } })
  upstream.answer(() => 'hold')
  await t.rejects(cluster.fetch('/version', []), { code: 'UpstreamTimeout', status: 504, retryAfter: undefined })
  upstream.answer((_, reply) => { reply.stream(); reply.chunk('{') })
  await t.rejects(cluster.fetch('/version', []), { code: 'UpstreamTimeout' })
})

t.test('a body beyond the bound is a 502, and the rest of it is not read', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((_, reply) => { reply.stream(); reply.chunk('x'.repeat(2000)) })
  await t.rejects(clusterFor(t, upstream).fetch('/version', [], { maxSize: 1999 }), { code: 'BadUpstream' })
  await upstream.connections[0]?.closed
  upstream.answer(() => ({ status: 200, body: 'x'.repeat(2000) }))
  t.equal((await clusterFor(t, upstream).fetch('/version', [], { maxSize: 2000 })).body.length, 2000)
})

t.test('a truncated body is an error, chunked or by length', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream)
  upstream.answer((_, reply) => { reply.stream(); reply.chunk('{}'); reply.cut() })
  await t.rejects(cluster.fetch('/version', []), { code: 'BadUpstream', retryAfter: undefined })
  upstream.answer((_, reply) => { reply.head(200, ['Content-Length', '9']); reply.raw('{}'); void setImmediate().then(reply.cut) })
  await t.rejects(cluster.fetch('/version', []), { code: 'BadUpstream' })
})

t.test('nonsense instead of HTTP is a 502', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'SSH-2.0-OpenSSH_9.9\r\n\r\n')
  await t.rejects(clusterFor(t, upstream).fetch('/version', []), { code: 'BadUpstream', message: /cannot be read/ })
})

t.test('a request is repeated once when its pooled connection died before a byte of an answer, and never otherwise', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream)
  upstream.answer((request) => (request.connection.index === 0 && upstream.requests.length === 2 ? 'cut' : ok))
  await cluster.fetch('/1', [])
  await setImmediate() // undici pools a connection a turn after its answer
  t.equal((await cluster.fetch('/2', [])).status, 200)
  t.strictSame(upstream.requests.map(({ target, connection }) => [target, connection.index]), [['/1', 0], ['/2', 0], ['/2', 1]])

  upstream.answer(() => 'cut')
  const fresh = clusterFor(t, upstream)
  const before = upstream.requests.length
  await t.rejects(fresh.fetch('/3', []), { code: 'BadUpstream' })
  t.equal(upstream.requests.length, before + 1, 'a fresh connection that died is no reason')

  upstream.answer((_, reply) => { if (upstream.requests.at(-1)?.target === '/4') return ok; reply.raw('HTTP/1.1 200'); reply.cut(); return })
  await fresh.fetch('/4', [])
  await setImmediate()
  const sent = upstream.requests.length
  await t.rejects(fresh.fetch('/5', []), { code: 'BadUpstream' })
  t.equal(upstream.requests.length, sent + 1, 'nor is one that had begun to answer')
})

t.test('who waits can give up, also before the request has a connection', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const cluster = clusterFor(t, upstream)
  await t.rejects(cluster.fetch('/version', [], { signal: AbortSignal.abort() }), { code: 'UpstreamUnreachable' })
  t.equal(upstream.requests.length, 0)
  const early = new AbortController()
  const unsent = cluster.fetch('/unsent', [], { signal: early.signal })
  early.abort()
  await t.rejects(unsent, { code: 'UpstreamUnreachable' })
  const stop = new AbortController()
  const waiting = cluster.fetch('/version', [], { signal: stop.signal })
  const { connection, target } = await upstream.nextRequest()
  t.equal(target, '/version', 'what was given up while it connected is not sent')
  stop.abort(new ProxyError('Draining', 'going'))
  await t.rejects(waiting, { code: 'Draining' })
  await connection.closed
})

t.test('informational answers are passed over', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
  const answer = await clusterFor(t, upstream).fetch('/version', [])
  t.match(answer, { status: 200, headers: ['Content-Length', '2'] })
})
