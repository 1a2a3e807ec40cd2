import { once } from 'node:events'
import net, { Socket } from 'node:net'
import { createServer } from 'node:https'
import { Duplex } from 'node:stream'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { Cluster } from '../../src/clusters/cluster.ts'
import { createStreams } from '../../src/streams/open-streams.ts'
import { protocolEnds } from '../../src/tunnel/ends.ts'
import { createTunnel } from '../../src/tunnel/tunnel.ts'
import { admitted, arrival, callerWith, resolved, trailOf } from '../support/builders.ts'
import { makeAuthority } from '../support/certificates.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { startHeldUp } from '../support/held-up.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { startUpstream, type Upstream } from '../support/recording-upstream.ts'
import { noRecordings } from '../support/no-recordings.ts'
import type { Tunnel as UpstreamTunnel } from '../support/recorded-connection.ts'
import type { Scope } from '../support/scope.ts'
import { startFront, type Front } from '../support/tunnel-front.ts'
import { bearerProtocol, spdyAccepted, spdyHeaders, webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

interface SetUp { upstream: Upstream, front: Front, client: RawClient, cluster: Cluster, credential: ReturnType<typeof credentialOf> }

async function setUp(t: Scope, overrides: Parameters<typeof startFront>[2] = {}, options: Partial<Parameters<typeof clusterFor>[2]> = {}): Promise<SetUp> {
  const upstream = await startUpstream(t)
  const credential = credentialOf('upstream-token')
  const cluster = clusterFor(t, upstream, { credential, ...options })
  const front = await startFront(t, cluster, overrides)
  return { upstream, front, cluster, credential, client: await connectRaw(t, { port: front.port }) }
}

const exec = (client: RawClient, ...protocols: string[]) => client.request('GET', '/exec', webSocketHeaders(...protocols))

/** Answers with the 101 that fits; resolves with upstream's end of the tunnel. */
function switchTo(upstream: Upstream, headers: readonly string[]): Promise<UpstreamTunnel> {
  return new Promise((resolve) => {
    upstream.answer((_request, reply) => { resolve(reply.upgrade(headers)) })
  })
}

async function readExactly(client: RawClient, length: number): Promise<Buffer> {
  let all = Buffer.alloc(0)
  while (all.length < length) all = Buffer.concat([all, await client.tunnelled() ?? Buffer.alloc(length)])
  return all
}

t.test('after a matching 101 the two sides talk, and the trail says how it went', async (t) => {
  const { upstream, front, client } = await setUp(t)
  const switched = switchTo(upstream, webSocketAccepted('v5.channel.k8s.io'))
  exec(client, 'v5.channel.k8s.io')
  const response = await client.response()
  t.strictSame([response.status, response.message], [101, 'Switching Protocols'])
  t.strictSame(response.headers, [
    'Audit-Id', '11111111-2222-4333-8444-555555555555', 'Sec-WebSocket-Accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    'Sec-WebSocket-Protocol', 'v5.channel.k8s.io', 'Connection', 'Upgrade', 'Upgrade', 'websocket',
  ])
  const tunnel = await switched
  client.send('up')
  t.equal((await once(tunnel.incoming, 'data') as [Buffer])[0].toString(), 'up')
  tunnel.write('down')
  t.equal((await client.tunnelled())?.toString(), 'down')
  const { trail, over } = await front.next()
  t.equal(trail.startedWith, 101)
  t.equal(typeof trail.facts.upstreamMs, 'number')
  t.equal(front.streams.count('websocket'), 1)
  t.equal(trail.outcome, undefined)
  tunnel.end()
  t.equal(await client.tunnelled(), undefined)
  t.strictSame(await trail.finished, { status: 101, ending: 'complete', bytesOut: 4 })
  t.equal(await over, undefined)
  t.equal(front.streams.count(), 0)
})

t.test('upstream gets our headers and keeps the caller\'s four SPDY versions in order', async (t) => {
  const { upstream, client } = await setUp(t, {
    caller: callerWith([], { impersonate: { user: 'tool:ci', groups: ['tools'] } }),
  })
  void switchTo(upstream, spdyAccepted)
  client.request('POST', '/exec?x=%2F', [
    'x-ONE', '1', ...spdyHeaders(), 'Authorization', 'Bearer pcl_of_the_caller', 'Cookie', 'a=b', 'Content-Length', '0', 'X-Remote-User', 'root',
  ])
  t.strictSame((await client.response()).headers.slice(2), ['X-Stream-Protocol-Version', 'v4.channel.k8s.io', 'Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1'])
  const request = await upstream.nextRequest()
  t.strictSame([request.method, request.target], ['POST', '/exec?x=%2F'])
  t.strictSame(request.headers, [
    'Host', new URL(upstream.url).host, 'x-ONE', '1',
    ...['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'].flatMap(version => ['X-Stream-Protocol-Version', version]),
    'Content-Length', '0', 'Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1',
    'Audit-ID', '11111111-2222-4333-8444-555555555555', 'X-Forwarded-For', '127.0.0.1', 'Authorization', 'Bearer upstream-token',
    'Impersonate-User', 'tool:ci', 'Impersonate-Group', 'tools',
  ])
})

t.test('the target that was resolved is sent behind the base path, not the one that came', async (t) => {
  const upstream = await startUpstream(t)
  const cluster = clusterFor(t, upstream, { server: `${upstream.url}/k8s/c-1` })
  const front = await startFront(t, cluster, { resolved: resolved({ cluster: 'b', target: '/exec?command=a%20b', longRunning: true }) })
  const client = await connectRaw(t, { port: front.port })
  upstream.answer(() => ({ status: 301, headers: ['Location', '/moved'] }))
  client.request('GET', '/clusters/b/exec?command=a%20b', webSocketHeaders())
  t.strictSame((await client.response()).all('location'), ['/clusters/b/moved'], 'and a Location finds the way back')
  t.equal((await upstream.nextRequest()).target, '/k8s/c-1/exec?command=a%20b')
})

t.test('a bearer subprotocol is stripped, and must not be the only one', async (t) => {
  const { upstream, front, client } = await setUp(t)
  void switchTo(upstream, webSocketAccepted('v5.channel.k8s.io'))
  exec(client, bearerProtocol('pcl_key'), 'v5.channel.k8s.io')
  t.equal((await client.response()).status, 101)
  t.strictSame((await upstream.nextRequest()).all('sec-websocket-protocol'), ['v5.channel.k8s.io'])

  const alone = await connectRaw(t, { port: front.port })
  exec(alone, bearerProtocol('pcl_key'))
  t.equal((await alone.response()).status, 400)
  t.equal(upstream.requests.length, 1)
})

t.test('an upgrade to anything else is refused before a byte goes up', async (t) => {
  const { upstream, front } = await setUp(t)
  for (const protocol of ['h2c', 'WebSocket, h2c', 'TLS/1.2']) {
    const client = await connectRaw(t, { port: front.port })
    client.request('GET', '/exec', ['Connection', 'Upgrade', 'Upgrade', protocol])
    const response = await client.response()
    t.match(response.json(), { kind: 'Status', code: 400, details: { causes: [{ reason: 'MalformedHeader' }] } }, protocol)
    t.match(await (await front.next()).over, { code: 'MalformedHeader' })
  }
  t.equal(upstream.connections.length, 0)
})

t.test('a cluster that is gone is refused', async (t) => {
  const tunnel = createTunnel({ clusters: { find: () => undefined, all: () => [] }, recordings: noRecordings, streams: createStreams({ recheck: ({ caller }) => caller, now: Date.now }) })
  const socket = new Socket()
  t.teardown(() => socket.destroy())
  const refused = tunnel(admitted({ arrival: arrival({ rawHeaders: webSocketHeaders() }) }), { socket, head: Buffer.alloc(0), trail: trailOf() })
  await t.rejects(refused, { code: 'ClusterDenied' })
})

t.test('a 101 to something that was not asked for is a 502, and the connection is dropped', async (t) => {
  for (const headers of [spdyAccepted, webSocketAccepted('other'), ['Upgrade', 'websocket, h2c', 'Connection', 'Upgrade']]) {
    const { upstream, front, client } = await setUp(t)
    void switchTo(upstream, headers)
    exec(client, 'v5.channel.k8s.io')
    t.match((await client.response()).json(), { code: 502, details: { causes: [{ reason: 'BadUpstream' }] } })
    await upstream.connections[0]?.closed
    const { trail, over } = await front.next()
    t.match(await over, { code: 'BadUpstream' })
    t.equal(trail.outcome, undefined, 'whoever refuses also ends the trail')
  }
})

t.test('a 101 with a header that cannot be passed on leaves no connection open', async (t) => {
  const { upstream, front, client, cluster } = await setUp(t)
  Object.assign(cluster.credential, { present: () => ({ authorization: 'Bearer Upgrade', certificate: undefined }) })
  upstream.answer((_request, reply) => { reply.raw('HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: a\0b\r\n\r\n') })
  exec(client)
  t.equal((await client.response()).status, 502)
  t.match(await (await front.next()).over, { code: 'BadUpstream' })
  await upstream.connections[0]?.closed
})

t.test('a 401 to our own token renews it, once', async (t) => {
  const { upstream, client, credential, front } = await setUp(t)
  credential.next = 'newer-token'
  upstream.answer((request, reply) => {
    if (request.all('authorization')[0] !== 'Bearer newer-token') return { status: 401, headers: ['WWW-Authenticate', 'Bearer'], body: 'no' }
    reply.upgrade(webSocketAccepted())
    return undefined
  })
  exec(client)
  t.equal((await client.response()).status, 101)
  t.strictSame(credential.rejected, ['Bearer upstream-token'])
  await upstream.connections[0]?.closed
  t.equal(upstream.requests.length, 2)
  t.equal((await front.next()).trail.outcome, undefined)
})

t.test('a 401 that stays is a 502 that says so, without upstream\'s challenge', async (t) => {
  for (const next of [undefined, 'newer-token']) {
    const { upstream, client, credential } = await setUp(t)
    credential.next = next
    upstream.answer(() => ({ status: 401, headers: ['WWW-Authenticate', 'Bearer realm="api"'], body: 'no' }))
    exec(client)
    const response = await client.response()
    t.match(response.json(), { code: 502, details: { causes: [{ reason: 'CredentialRejected' }] } })
    t.notMatch(response.body.toString(), /token"|upstream-token|newer-token/)
    t.strictSame(response.all('www-authenticate'), [])
    await Promise.all(upstream.connections.map(connection => connection.closed))
    t.equal(upstream.requests.length, next === undefined ? 1 : 2)
  }
})

const proxied = { resolved: resolved({ target: '/x', longRunning: true, attributes: { resource: 'services', subresource: 'proxy' } }) }

t.test('behind services/proxy a 401 is the program\'s own where the API server takes our credential', async (t) => {
  for (const body of ['who?', '', 'x'.repeat(1_000_000), '{"kind":"Status","code":401}']) {
    const { upstream, client, credential } = await setUp(t, proxied)
    upstream.answer(({ target }) => target === '/version' ? { status: 200, body: '{}' } : { status: 401, headers: ['WWW-Authenticate', 'Basic'], body })
    exec(client)
    const response = await client.response()
    t.equal(response.status, 401)
    t.equal(response.body.toString(), body)
    t.strictSame(credential.rejected, [])
  }
  const { upstream, client } = await setUp(t, proxied)
  upstream.answer(() => ({ status: 401, body: '' }))
  exec(client)
  t.match((await client.response()).json(), { code: 502, details: { causes: [{ reason: 'CredentialRejected' }] } })
})

t.test('a program that goes silent in the middle of its 401 holds no tunnel that nobody can end', async (t) => {
  const { upstream, client, front } = await setUp(t, proxied)
  upstream.answer(({ target }) => target === '/version' ? { status: 200, body: '{}' } : 'HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n')
  exec(client)
  const { over } = await front.next()
  t.equal((await client.streamed()).status, 401)
  client.close()
  t.equal(await over, undefined)
  await upstream.connections[0]?.closed
})

t.test('a caller that leaves while it is asked whose a 401 is leaves nothing behind', async (t) => {
  const { upstream, client, front } = await setUp(t, proxied)
  upstream.answer(({ target }) => target === '/version' ? 'hold' : { status: 401, body: 'no' })
  exec(client)
  const { over } = await front.next()
  while ((await upstream.nextRequest()).target !== '/version') { /* the program's first */ }
  client.close()
  t.equal(await over, undefined)
  await upstream.connections[0]?.closed
})

t.test('our token in upstream\'s answer does not reach the caller', async (t) => {
  const { upstream, client } = await setUp(t)
  void switchTo(upstream, [...webSocketAccepted(), 'X-Echo', 'Bearer upstream-token'])
  exec(client)
  t.notMatch((await client.response()).headers.join('\n'), 'upstream-token')
})

t.test('bytes that either side sends early come first', async (t) => {
  const { upstream, client, front } = await setUp(t)
  const early = Buffer.alloc(200_000, 'e')
  const asked = new Promise<{ raw: (bytes: string) => void }>((resolve) => {
    upstream.answer((_request, reply) => { resolve(reply) })
  })
  client.send(Buffer.concat([
    Buffer.from(`GET /exec HTTP/1.1\r\nHost: x\r\n${linesOf(webSocketHeaders())}\r\n\r\n`), Buffer.from('with the head '),
  ]))
  const reply = await asked
  client.send(early)
  const { socket } = await front.next()
  // The caller's early bytes are held, up to a bound, until there is somebody to take them.
  while (!socket.isPaused()) await new Promise(resolve => setImmediate(resolve))
  reply.raw(`HTTP/1.1 101 X\r\n${linesOf(webSocketAccepted())}\r\n\r\nright behind`)
  t.equal((await client.response()).status, 101)
  t.equal((await readExactly(client, 12)).toString(), 'right behind')
  const connection = upstream.connections[0]
  const expected = (upstream.requests[0]?.raw.length ?? 0) + 'with the head '.length + early.length
  while ((connection?.bytes ?? 0) < expected) await new Promise(resolve => setImmediate(resolve))
  const up = Buffer.concat(connection?.received ?? []).subarray(upstream.requests[0]?.raw.length)
  t.ok(up.equals(Buffer.concat([Buffer.from('with the head '), early])))
})

t.test('a caller\'s own Impersonate headers go up where the guard let them pass, and only there', async (t) => {
  for (const impersonation of [{ user: 'jane', groups: [], uid: undefined, extra: {} }, undefined]) {
    const { upstream, client } = await setUp(t, { question: { impersonation } })
    client.request('GET', '/exec', [...webSocketHeaders(), 'Impersonate-User', 'jane'])
    await client.response()
    t.strictSame((await upstream.nextRequest()).all('impersonate-user'), impersonation === undefined ? [] : ['jane'])
  }
})

t.test('an API server that ends in the same breath as its 101 is noticed', async (t) => {
  for (const how of ['end', 'cut'] as const) {
    const { upstream, client, front } = await setUp(t)
    upstream.answer((_request, reply) => { reply.upgrade(webSocketAccepted())[how]() })
    exec(client)
    await client.closed()
    const { over } = await front.next()
    const error = await over
    t.ok(error === undefined || error.code === 'BadUpstream', how)
  }
})

t.test('an API server that is done speaking still gets what the caller has to say', async (t) => {
  const { upstream, front } = await setUp(t)
  const switched = switchTo(upstream, webSocketAccepted())
  const socket = net.connect({ port: front.port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  socket.write(`GET /exec HTTP/1.1\r\nHost: x\r\n${linesOf(webSocketHeaders())}\r\n\r\n`)
  const tunnel = await switched
  tunnel.end()
  socket.resume()
  await once(socket, 'end')
  socket.end('thanks')
  t.equal((await once(tunnel.incoming, 'data') as [Buffer])[0].toString(), 'thanks')
  t.match(await (await front.next()).trail.finished, { status: 101, ending: 'complete' })
})

/** Without a front, for what cannot be provoked through one. */
function alone(t: Scope, cluster: Cluster, socket: Duplex): { trail: ReturnType<typeof trailOf>, passing: () => Promise<void> } {
  const streams = createStreams({ recheck: ({ caller }) => caller, now: Date.now })
  t.teardown(() => { streams.close(); socket.destroy() })
  const tunnel = createTunnel({ clusters: { find: () => cluster, all: () => [cluster] }, recordings: noRecordings, streams })
  const trail = trailOf()
  const passing = () => tunnel(admitted({ arrival: arrival({ rawHeaders: ['Host', 'x', ...webSocketHeaders()] }) }), { socket, head: Buffer.alloc(0), trail })
  return { trail, passing }
}

t.test('for a caller that is gone before its turn nothing is sent', async (t) => {
  const { upstream, cluster } = await setUp(t)
  const socket = new Socket()
  socket.destroy()
  await once(socket, 'close')
  const { trail, passing } = alone(t, cluster, socket)
  await passing()
  t.strictSame(trail.outcome, { status: 0, ending: 'caller-left', bytesOut: 0 })
  t.equal(upstream.requests.length, 0)
})

t.test('a caller that leaves in the moment of the 101 is not written to', async (t) => {
  const { upstream, cluster } = await setUp(t)
  void switchTo(upstream, webSocketAccepted())
  const written: Buffer[] = []
  const socket = new Duplex({ read() {}, write(chunk: Buffer, _encoding, done) { written.push(chunk); done() } })
  const { trail, passing } = alone(t, cluster, socket)
  trail.note = () => { socket.emit('end') }
  await passing()
  t.strictSame(trail.outcome, { status: 0, ending: 'caller-left', bytesOut: 0 })
  t.equal(written.length, 0)
  await upstream.connections[0]?.closed
})

t.test('a head that cannot be written leaves no connection open', async (t) => {
  const { upstream, client, front } = await setUp(t, { resolved: resolved({ cluster: 'a\nb' }) })
  upstream.answer((_request, reply) => { reply.upgrade([...webSocketAccepted(), 'Location', '/x']) })
  exec(client)
  t.equal((await client.response()).status, 500)
  t.match(await (await front.next()).over, { code: 'Internal' })
  await upstream.connections[0]?.closed
})

t.test('dead peers are found by TCP, on both sides', async (t) => {
  const asked = t.capture(Socket.prototype, 'setKeepAlive', Socket.prototype.setKeepAlive)
  const { upstream, client, front } = await setUp(t)
  void switchTo(upstream, webSocketAccepted())
  exec(client)
  await client.response()
  const { socket } = await front.next()
  const receivers = new Set(asked().filter(call => call.args[0] === true).map(call => call.receiver as Socket))
  t.ok(receivers.has(socket), 'towards the caller')
  t.ok([...receivers].some(receiver => receiver.remotePort === upstream.port), 'towards the API server')
})

t.test('a timeout that the server set does not end a silent tunnel', async (t) => {
  const { upstream, client, front } = await setUp(t)
  void switchTo(upstream, webSocketAccepted())
  exec(client)
  await client.response()
  t.equal((await front.next()).socket.timeout, 0)
})

t.test('small writes are held back on neither side', async (t) => {
  const asked = t.capture(Socket.prototype, 'setNoDelay', Socket.prototype.setNoDelay)
  const { upstream, client, front } = await setUp(t)
  void switchTo(upstream, webSocketAccepted())
  exec(client)
  await client.response()
  const { socket } = await front.next()
  const receivers = new Set(asked().filter(call => call.args[0] === true).map(call => call.receiver as Socket))
  t.ok(receivers.has(socket), 'towards the caller')
  t.ok([...receivers].some(receiver => receiver.remotePort === upstream.port), 'towards the API server')
})

t.test('a caller that leaves before there is an answer takes the request with it', async (t) => {
  for (const leave of ['destroy', 'end', 'resetAndDestroy'] as const) {
    const { upstream, client, front } = await setUp(t)
    upstream.answer(() => 'hold')
    exec(client)
    await upstream.nextRequest()
    client.socket[leave]()
    await upstream.connections[0]?.closed
    const { trail, over, socket } = await front.next()
    t.equal(await over, undefined)
    t.strictSame(trail.outcome, { status: 0, ending: 'caller-left', bytesOut: 0 }, leave)
    t.equal(socket.destroyed, true)
    t.equal(front.streams.count(), 0)
  }
})

t.test('a key that is revoked while its tunnel is being opened opens none', async (t) => {
  const { upstream, client, front } = await setUp(t)
  upstream.answer(() => 'hold')
  exec(client)
  await upstream.nextRequest()
  front.allow(false)
  front.streams.recheck()
  t.equal((await client.response()).status, 401)
  t.match(await (await front.next()).over, { code: 'RevokedKey' })
  await upstream.connections[0]?.closed
})

t.test('a drain while a tunnel is being opened opens none', async (t) => {
  const { upstream, client, front } = await setUp(t)
  upstream.answer(() => 'hold')
  exec(client)
  await upstream.nextRequest()
  front.streams.endAll()
  t.match((await client.response()).json(), { code: 503, details: { causes: [{ reason: 'Draining' }] } })
})

t.test('an open SPDY tunnel that is revoked gets GOAWAY and is closed, within the second', async (t) => {
  const { upstream, client, front } = await setUp(t)
  const switched = switchTo(upstream, spdyAccepted)
  client.request('POST', '/exec', [...spdyHeaders(), 'Content-Length', '0'])
  await client.response()
  const frame = Buffer.from('0000000500000003' + '68690a', 'hex')
  ;(await switched).write(frame)
  await readExactly(client, frame.length)
  t.equal(front.streams.count('spdy'), 1)
  const [startedAt, heldUp] = [performance.now(), startHeldUp()]
  front.allow(false)
  front.streams.recheck()
  const farewell = protocolEnds.spdy.farewell('revoked')
  t.same(await readExactly(client, farewell.length), farewell)
  await client.closed()
  await upstream.connections[0]?.closed
  const took = performance.now() - startedAt
  t.ok(took < 1000 + heldUp(), `within a second: ${Math.round(took)} ms`)
  t.strictSame(await (await front.next()).trail.finished, { status: 101, ending: 'revoked', bytesOut: frame.length + farewell.length })
})

/** A real WebSocket server behind real TLS, and a URL through the front. */
async function webSockets(t: Scope, perMessageDeflate = false): Promise<{ server: WebSocketServer, front: Front, url: string }> {
  const authority = makeAuthority()
  const https = createServer({ ...authority.issue() })
  const server = new WebSocketServer({ server: https, handleProtocols: () => 'v5.channel.k8s.io', perMessageDeflate })
  https.listen(0, '127.0.0.1')
  await once(https, 'listening')
  t.teardown(() => {
    for (const client of server.clients) client.terminate()
    server.close()
    https.close()
  })
  const url = `https://127.0.0.1:${(https.address() as AddressInfo).port}`
  const front = await startFront(t, clusterFor(t, { url, ca: authority.ca }))
  return { server, front, url: `ws://127.0.0.1:${front.port}/exec` }
}

// Not both at once: ws 8.23 alone, without anything between, then loses a connection now and then on a busy machine.
for (const [how, pings, deflate] of [['pinging all the while', true, false], ['compressing', false, true]] as const) {
  t.test(`a real WebSocket client and server talk through it, ${how}`, async (t) => {
    const { server, front, url } = await webSockets(t, deflate)
    const connected = once(server, 'connection') as Promise<[WebSocket]>
    const client = new WebSocket(url, ['v5.channel.k8s.io'])
    await once(client, 'open')
    const [far] = await connected
    t.equal(client.extensions !== '', deflate)
    far.on('message', (data, isBinary) => far.send(data, { binary: isBinary }))
    let pongs = 0
    for (const side of pings ? [client, far] : []) {
      side.on('pong', () => { pongs += 1 })
      const timer = setInterval(() => { if (side.readyState === side.OPEN) side.ping('still there') }, 2)
      t.teardown(() => clearInterval(timer))
    }
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 3 << 20]) {
      const message = Buffer.alloc(size, 'm')
      client.send(message)
      const [echoed] = await once(client, 'message') as [Buffer]
      t.ok(echoed.equals(message), `${size} bytes`)
    }
    while (pings && pongs < 20) await new Promise(resolve => setImmediate(resolve))
    far.close(1000, 'bye')
    const [code, reason] = await once(client, 'close') as [number, Buffer]
    t.strictSame([client.protocol, code, reason.toString()], ['v5.channel.k8s.io', 1000, 'bye'])
    t.match(await (await front.next()).trail.finished, { status: 101, ending: 'complete' })
  })
}

for (const [why, code] of [['revoked', 1008], ['drained', 1001]] as const) {
  t.test(`a real WebSocket client learns that its tunnel was ${why}`, async (t) => {
    const { server, front, url } = await webSockets(t)
    const connected = once(server, 'connection') as Promise<[WebSocket]>
    const client = new WebSocket(url, ['v5.channel.k8s.io'])
    await once(client, 'open')
    const [far] = await connected
    far.on('error', () => {})
    const farClosed = once(far, 'close')
    far.send(Buffer.alloc(100_000))
    await once(client, 'message')
    const closed = once(client, 'close') as Promise<[number, Buffer]>
    front.allow(why !== 'revoked')
    if (why === 'revoked') front.streams.recheck()
    else front.streams.endAll()
    const [gotCode, reason] = await closed
    t.strictSame([gotCode, reason.toString().slice(0, 12)], [code, 'portcullis: '])
    await farClosed
    t.match(await (await front.next()).trail.finished, { status: 101, ending: why })
  })
}

t.test('a recheck leaves the tunnels of callers that are still allowed alone', async (t) => {
  const { upstream, client, front } = await setUp(t)
  const switched = switchTo(upstream, webSocketAccepted())
  exec(client)
  await client.response()
  front.streams.recheck()
  ;(await switched).write('still here')
  t.equal((await client.tunnelled())?.toString(), 'still here')
})

t.test('a socket that breaks at any moment ends no process', async (t) => {
  const { upstream, front } = await setUp(t)
  upstream.answer((_request, reply) => { reply.upgrade(webSocketAccepted()).echo() })
  const sockets = Array.from({ length: 20 }, () => net.connect(front.port, '127.0.0.1'))
  await Promise.all(sockets.map(async (socket, i) => {
    socket.on('error', () => {})
    socket.write(`GET /exec HTTP/1.1\r\nHost: x\r\n${linesOf(webSocketHeaders())}\r\n\r\n`)
    if (i % 2 === 0) await once(socket, 'data')
    socket.write(Buffer.alloc(100_000))
    if (i % 3 === 0) await once(socket, 'data')
    socket.resetAndDestroy()
    const { over } = await front.next()
    t.equal(await over, undefined)
  }))
  t.equal(front.streams.count(), 0)
})

function linesOf(headers: readonly string[]): string {
  return headers.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []).join('\r\n')
}
