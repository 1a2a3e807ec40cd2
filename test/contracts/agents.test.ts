import net from 'node:net'
import tls from 'node:tls'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { errors } from 'undici'
import { commonAgentOptions, createAgents } from '../../src/clusters/agents.ts'
import { ask } from '../support/ask-sender.ts'
import { makeAuthority, selfSigned } from '../support/certificates.ts'
import { clusterFor } from '../support/cluster-builders.ts'
import { startUpstream } from '../support/recording-upstream.ts'

// What the connections towards API servers promise, and rely on in undici and in Node's TLS.

const authority = makeAuthority()
const hour = 3_600_000

const wrongCertificates = {
  'self-signed': selfSigned(),
  'of another authority': makeAuthority().issue(),
  'expired': authority.issue({ notAfter: Date.now() - hour, notBefore: Date.now() - 2 * hour }),
  'not valid yet': authority.issue({ notBefore: Date.now() + hour }),
  'for another name': authority.issue({ names: ['other.example'] }),
}

for (const [title, certificate] of Object.entries(wrongCertificates)) {
  t.test(`a certificate ${title}: a 502, and not one byte is sent, by either agent`, async (t) => {
    const upstream = await startUpstream(t, { tls: certificate, ca: authority.ca })
    const cluster = clusterFor(t, upstream)
    await t.rejects(cluster.fetch('/version', []), { code: 'BadUpstream', message: /certificate/, retryAfter: undefined })
    for (const agent of [cluster.short, cluster.long]) {
      await t.rejects(ask(agent, { path: '/', headers: ['Host', 'api.example', 'Authorization', 'Bearer token'] }))
    }
    t.equal(upstream.bytes, 0)
  })
}

t.test('no environment variable turns verification off', async (t) => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  const upstream = await startUpstream(t, { tls: selfSigned(), ca: authority.ca })
  const cluster = clusterFor(t, upstream)
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  await t.rejects(cluster.fetch('/version', []), { code: 'BadUpstream' })
  t.equal(upstream.bytes, 0)
})

t.test('the configured server name is the one in SNI and in the certificate, whatever Host a request has', async (t) => {
  const upstream = await startUpstream(t, { tls: authority.issue({ names: ['kubernetes.default.svc'] }), ca: authority.ca })
  const cluster = clusterFor(t, upstream, { tlsServerName: 'kubernetes.default.svc' })
  const headers = ['Host', 'evil.example', 'Authorization', 'Bearer token']
  t.equal((await ask(cluster.short, { path: '/', headers })).statusCode, 200)
  t.equal((upstream.connections[0]?.socket as tls.TLSSocket & { servername: string }).servername, 'kubernetes.default.svc')

  const other = await startUpstream(t, { tls: authority.issue({ names: ['evil.example'] }), ca: authority.ca })
  const named = clusterFor(t, other)
  await t.rejects(ask(named.short, { path: '/', headers }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  t.equal(other.bytes, 0, 'a Host that the certificate fits does not make it the right server')
})

t.test('a GET answered 503 is sent once, with or without Retry-After', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 503, headers: ['Retry-After', '1'], body: 'busy' }))
  const cluster = clusterFor(t, upstream)
  t.equal((await cluster.fetch('/version', [])).status, 503)
  t.equal((await ask(cluster.long, { path: '/' })).statusCode, 503)
  t.equal(upstream.requests.length, 2)
})

t.test('a redirect is not followed, nor the token sent where it points', async (t) => {
  const upstream = await startUpstream(t)
  const elsewhere = await startUpstream(t)
  upstream.answer(() => ({ status: 302, headers: ['Location', `${elsewhere.url}/steal`] }))
  const cluster = clusterFor(t, upstream)
  t.equal((await cluster.fetch('/version', [])).status, 302)
  t.equal(elsewhere.connections.length, 0)
})

t.test('a patience of 0 is without end, where one of a few milliseconds ends a silent body', async (t) => {
  const upstream = await startUpstream(t)
  const replies: { chunk(bytes: string): void, end(): void }[] = []
  upstream.answer((_, reply) => { reply.stream(); reply.chunk('one'); replies.push(reply) })
  const { long } = createAgents({ origin: upstream.url, ca: upstream.ca, servername: '', timeouts: { connect: 5000, response: 5000 } })
  t.teardown(() => long.destroy())
  const watch = await ask(long, { path: '/watch' })
  const cut = await ask(long, { path: '/watch', patience: 10 })
  await t.rejects(cut.body.text(), errors.BodyTimeoutError)
  // Longer than the other's silence by now.
  replies[0]?.chunk('two')
  replies[0]?.end()
  t.equal(await watch.body.text(), 'onetwo')
})

t.test('a head that does not come ends a short request, and never a long one', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const cluster = clusterFor(t, upstream, { timeouts: { connect: 5000, response: 50 } })
  const watch = ask(cluster.long, { path: '/watch' })
  const { connection } = await upstream.nextRequest()
  await t.rejects(ask(cluster.short, { path: '/', patience: 50 }), errors.HeadersTimeoutError)
  connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  t.equal((await watch).statusCode, 200)
})

t.test('an answer may have 64 KiB of headers, and no more', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream)
  upstream.answer(() => ({ status: 200, headers: ['X-Long', 'x'.repeat(60_000)] }))
  t.equal((await cluster.fetch('/', [])).headers[1]?.length, 60_000)
  upstream.answer(() => ({ status: 200, headers: ['X-Long', 'x'.repeat(66_000)] }))
  await t.rejects(cluster.fetch('/', []), { code: 'BadUpstream' })
})

t.test('an answer nobody asked for on a pooled socket is never the next caller\'s (CVE-2026-48931)', async (t) => {
  const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream)
  const ask = async (path: string) => (await cluster.fetch(path, [])).body.toString()

  upstream.answer((request) => (request.target === '/1' ? answer('for 1') + answer('stolen') : answer(`for ${request.target.slice(1)}`)))
  t.equal(await ask('/1'), 'for 1')
  t.equal(await ask('/2'), 'for 2', 'in one piece with the first')
  await upstream.connections[0]?.closed

  let later: () => void = () => {}
  upstream.answer((request, reply) => {
    if (request.target !== '/3') return answer(`for ${request.target.slice(1)}`)
    later = () => reply.raw(answer('stolen'))
    return answer('for 3')
  })
  t.equal(await ask('/3'), 'for 3')
  await setImmediate()
  const { connection } = upstream.requests.at(-1) ?? {}
  later()
  t.equal(await ask('/4'), 'for 4', 'while the socket lies in the pool')
  await connection?.closed
  t.equal(await ask('/5'), 'for 5')
})

t.test('a body cut short is an error, by length, by chunk, and by connection', async (t) => {
  const upstream = await startUpstream(t)
  const { short } = clusterFor(t, upstream)
  for (const start of ['Content-Length: 9\r\n\r\n{}', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n', 'Transfer-Encoding: chunked\r\n\r\n9\r\n{}']) {
    upstream.answer((request) => {
      request.connection.socket.end(`HTTP/1.1 200 OK\r\n${start}`)
    })
    const { body } = await ask(short, { path: '/' })
    await t.rejects(body.text(), start)
  }
})

t.test('a pooled connection lies idle for less time than the API server gives it', async (t) => {
  const apiServerIdle = 90_000
  t.ok(commonAgentOptions.keepAliveTimeout < apiServerIdle)
  t.ok(commonAgentOptions.keepAliveMaxTimeout < apiServerIdle, 'whatever a Keep-Alive header says')
})

t.test('connections have TCP_NODELAY, and one request at a time', async (t) => {
  const upstream = await startUpstream(t)
  const { short } = clusterFor(t, upstream)
  const undelayed: net.Socket[] = []
  const { setNoDelay } = net.Socket.prototype
  t.intercept(net.Socket.prototype, 'setNoDelay', {
    value(this: net.Socket, on?: boolean) {
      if (on !== false) undelayed.push(this)
      return setNoDelay.call(this, on)
    },
  })
  upstream.answer((_, reply) => { reply.stream() })
  // Its head is there and its body is not: undici would pipeline behind it now.
  const open = await ask(short, { path: '/' })
  open.body.on('error', () => { /* ended below */ })
  const held = ask(short, { path: '/' }).catch(() => undefined)
  const [first, second] = [await upstream.nextRequest(), await upstream.nextRequest()]
  t.not(first.connection, second.connection, 'the second request does not wait behind the first')
  t.equal(undelayed.filter(({ remotePort }) => remotePort === upstream.port).length, 2, 'on our side of both')
  await short.destroy()
  await held
})

t.test('HTTP/2 is not even offered', async (t) => {
  const issued = makeAuthority()
  const offered = new Promise<string[]>((resolve) => {
    const server = tls.createServer({ ...issued.issue(), ALPNCallback: ({ protocols }) => { resolve(protocols); return undefined } })
    server.on('tlsClientError', () => { /* refused on purpose */ })
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      clusterFor(t, { url: `https://127.0.0.1:${port}`, ca: issued.ca }).fetch('/', []).catch(() => { /* likewise */ })
    })
    t.teardown(() => server.close())
  })
  t.strictSame(await offered, ['http/1.1'])
})

t.test('watches, however many, leave the connections of short requests alone', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((request, reply) => {
    if (request.target === '/watch') { reply.stream(); return undefined }
    return { status: 200, body: '{}' }
  })
  const cluster = clusterFor(t, upstream)
  const open = await Promise.all(Array.from({ length: 20 }, () =>
    ask(cluster.long, { path: '/watch' })))
  t.equal(upstream.connections.length, 20)
  t.equal((await cluster.fetch('/version', [])).status, 200)
  for (const { body } of open) body.on('error', () => { /* ended below */ }).destroy()
})

t.test('short requests queue beyond 256 connections', { timeout: 120_000 }, async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const { short } = clusterFor(t, upstream)
  const held = Array.from({ length: 257 }, () => ask(short, { path: '/' }).catch(() => undefined))
  for (let i = 0; i < 256; i += 1) await upstream.nextRequest()
  t.equal(upstream.connections.length, 256)
  upstream.answer(() => ({ status: 200 }))
  upstream.connections[0]?.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  await Promise.race(held)
  await upstream.nextRequest()
  t.equal(upstream.connections.length, 256, 'the last one took the first free connection')
  await short.destroy()
  await Promise.all(held)
})
