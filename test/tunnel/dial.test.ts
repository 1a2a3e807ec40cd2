import { once } from 'node:events'
import net, { type AddressInfo, Socket } from 'node:net'
import tls from 'node:tls'
import t from 'tap'
import type { Cluster } from '../../src/clusters/cluster.ts'
import { dial } from '../../src/tunnel/dial.ts'
import { makeAuthority, selfSigned } from '../support/certificates.ts'
import { clusterFor } from '../support/cluster-builders.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import type { Scope } from '../support/scope.ts'
import { spdyAccepted, spdyHeaders, webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const exec = { method: 'GET', path: '/exec', headers: ['Host', 'api', ...webSocketHeaders(), 'Authorization', 'Bearer secret'] }
const never = new AbortController().signal
const hour = 3_600_000

t.test('the request goes up as it is, order, case and repeated lines kept', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((_request, reply) => { reply.upgrade(spdyAccepted) })
  const headers = ['Host', 'api', 'x-B', '1', 'Content-Length', '0', ...spdyHeaders(), 'X-a', 'caf\xe9']
  const answer = await dial(clusterFor(t, upstream), { method: 'POST', path: '/a%2Fb?x=%20&y', headers }, never)
  t.equal(answer.switched, true)
  const { headers: sent, method, target } = await upstream.nextRequest()
  t.strictSame({ method, target, sent }, { method: 'POST', target: '/a%2Fb?x=%20&y', sent: headers })
  answer.upstream.destroy()
})

t.test('a POST without a length is not announced as a chunked one, whose last chunk would be tunnelled', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((_request, reply) => { reply.upgrade(spdyAccepted) })
  const answer = await dial(clusterFor(t, upstream), { method: 'POST', path: '/', headers: ['Host', 'api', ...spdyHeaders()] }, never)
  const request = await upstream.nextRequest()
  t.strictSame([request.all('content-length'), request.all('transfer-encoding')], [['0'], []])
  answer.upstream.destroy()
})

t.test('what comes right behind the 101 is the first thing read', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((_request, reply) => {
    reply.raw(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly`)
  })
  const { upstream: socket } = await dial(clusterFor(t, upstream), exec, never)
  const [chunk] = await once(socket, 'data') as [Buffer]
  t.equal(chunk.toString(), 'early')
  socket.destroy()
})

t.test('small writes are not held back', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((_request, reply) => { reply.upgrade(webSocketAccepted()) })
  const asked = t.capture(Socket.prototype, 'setNoDelay', Socket.prototype.setNoDelay)
  const { upstream: socket } = await dial(clusterFor(t, upstream), exec, never)
  t.ok(asked().some(call => call.receiver === socket && call.args[0] === true))
  socket.destroy()
})

t.test('a server that cannot prove who it is gets no byte of the token', async (t) => {
  const authority = makeAuthority()
  const table: [string, { cert: string, key: string }][] = [
    ['another authority', makeAuthority().issue()],
    ['signed by itself', selfSigned()],
    ['another name', authority.issue({ names: ['other.example'] })],
    ['over', authority.issue({ notBefore: Date.now() - 2 * hour, notAfter: Date.now() - hour })],
  ]
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  for (const [why, tls] of table) {
    const upstream = await startUpstream(t, { tls, ca: authority.ca })
    const cluster = clusterFor(t, upstream)
    for (const environment of ['1', '0']) {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = environment
      await t.rejects(dial(cluster, exec, never), { code: 'BadUpstream' }, why)
    }
    t.equal(upstream.bytes, 0, why)
  }
})

t.test('the certificate is checked against the configured name, an address too', async (t) => {
  const authority = makeAuthority()
  const named = await startUpstream(t, { tls: authority.issue({ names: ['api.example'] }), ca: authority.ca })
  await t.rejects(dial(clusterFor(t, named), exec, never), { code: 'BadUpstream' })
  const { upstream: byName } = await dial(clusterFor(t, named, { tlsServerName: 'api.example' }), exec, never)
  byName.destroy()

  const addressed = await startUpstream(t, { tls: authority.issue({ names: ['127.0.0.1'] }), ca: authority.ca })
  const { upstream: byAddress } = await dial(clusterFor(t, addressed), exec, never)
  byAddress.destroy()
  await t.rejects(dial(clusterFor(t, addressed, { tlsServerName: 'localhost' }), exec, never), { code: 'BadUpstream' })
})

/** A server that does with a connection what it is told, below TLS. */
async function tcpServer(t: Scope, onConnection: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = []
  const server = net.createServer((socket) => { sockets.push(socket); socket.on('error', () => {}); onConnection(socket) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { for (const socket of sockets) socket.destroy(); server.close() })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('an API server that is not there may be asked again', async (t) => {
  const upstream = await startUpstream(t)
  await upstream.close()
  await t.rejects(dial(clusterFor(t, upstream), exec, never), { code: 'UpstreamUnreachable', retryAfter: 1 })

  const { ca } = makeAuthority()
  const url = await tcpServer(t, socket => socket.end())
  await t.rejects(dial(clusterFor(t, { url, ca }), exec, never), { code: 'UpstreamUnreachable' }, 'ends within the handshake')
})

t.test('a handshake that does not end is given up', async (t) => {
  const url = await tcpServer(t, () => {})
  const cluster = clusterFor(t, { url, ca: makeAuthority().ca }, { timeouts: { connect: 20, response: 5000 } })
  await t.rejects(dial(cluster, exec, never), { code: 'UpstreamUnreachable', retryAfter: 1 })
})

t.test('an API server that does not answer is given up, and the caller is not told to repeat', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const cluster = clusterFor(t, upstream, { timeouts: { connect: 5000, response: 20 } })
  await t.rejects(dial(cluster, exec, never), { code: 'UpstreamTimeout', retryAfter: undefined })
  await upstream.connections[0]?.closed
})

t.test('interim answers do not prolong the wait', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((_request, reply) => {
    const timer = setInterval(() => reply.raw('HTTP/1.1 102 Processing\r\n\r\n'), 5)
    t.teardown(() => clearInterval(timer))
  })
  const cluster = clusterFor(t, upstream, { timeouts: { connect: 5000, response: 50 } })
  await t.rejects(dial(cluster, exec, never), { code: 'UpstreamTimeout' })
})

t.test('an answer that cannot be read is the API server\'s fault', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream)
  const answers = [
    'HTTP/1.1 101 Switching Protocols\r\n\r\nbytes', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n', 'nonsense\r\n\r\n', '\x16\x03\x01\x02\x00\x01',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: a\rb\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 'HTTP/1.1 200 OK\r\n',
  ]
  for (const answer of answers) {
    upstream.answer((_request, reply) => { reply.raw(answer); if (answer.endsWith('OK\r\n')) reply.cut() })
    await t.rejects(dial(cluster, exec, never), { code: 'BadUpstream' }, JSON.stringify(answer))
  }
  upstream.answer(() => 'cut')
  await t.rejects(dial(cluster, exec, never), { code: 'BadUpstream' }, 'cut')
  await Promise.all(upstream.connections.map(connection => connection.closed))
})

t.test('a dialling that is given up leaves no connection behind', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => 'hold')
  const giveUp = new AbortController()
  const dialling = dial(clusterFor(t, upstream), exec, giveUp.signal)
  await upstream.nextRequest()
  giveUp.abort()
  await t.rejects(dialling)
  await upstream.connections[0]?.closed

  const tooLate: Promise<unknown> = dial(clusterFor(t, upstream), exec, giveUp.signal)
  await t.rejects(tooLate, 'already given up')
  t.equal(upstream.requests.length, 1)
})

t.test('HTTP/1.1 is agreed upon where a server would rather speak HTTP/2', async (t) => {
  const authority = makeAuthority()
  const server = tls.createServer({ ...authority.issue(), ALPNProtocols: ['h2', 'http/1.1'] })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const connected = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dialling = dial(clusterFor(t, { url, ca: authority.ca }), exec, never)
  const [socket] = await connected
  t.equal(socket.alpnProtocol, 'http/1.1')
  socket.destroy()
  await t.rejects(dialling)
})

t.test('an answer may have 60 KiB of headers', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 403, headers: ['Warning', 'w'.repeat(60_000)] }))
  const { response, upstream: socket } = await dial(clusterFor(t, upstream), exec, never)
  t.equal(response.rawHeaders[1]?.length, 60_000)
  socket.destroy()
})

t.test('every tunnel has a connection of its own', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 403, body: 'no' }))
  const cluster: Cluster = clusterFor(t, upstream)
  for (let i = 0; i < 2; i += 1) {
    const { response, upstream: socket } = await dial(cluster, exec, never)
    for await (const _chunk of response) { /* read to its end, as a pool would want it */ }
    socket.destroy()
  }
  t.equal(upstream.connections.length, 2)
})
