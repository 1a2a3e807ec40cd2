import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import type { IncomingMessage } from 'node:http'
import { Duplex, Readable } from 'node:stream'
import t from 'tap'
import { relay } from '../../src/tunnel/relay.ts'
import { resolved } from '../support/builders.ts'
import { clusterFor } from '../support/cluster-builders.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { startUpstream, type Upstream } from '../support/recording-upstream.ts'
import type { Scope } from '../support/scope.ts'
import { startFront, type Front } from '../support/tunnel-front.ts'
import { webSocketHeaders } from '../support/upgrades.ts'

async function setUp(t: Scope): Promise<{ upstream: Upstream, front: Front, client: RawClient }> {
  const upstream = await startUpstream(t)
  const front = await startFront(t, clusterFor(t, upstream))
  const client = await connectRaw(t, { port: front.port })
  return { upstream, front, client }
}

const turn = () => new Promise(resolve => setImmediate(resolve))
const exec = (client: RawClient) => client.request('GET', '/exec', webSocketHeaders('v5.channel.k8s.io'))

t.test('an answer that is no 101 is relayed as it is, and the connection closed', async (t) => {
  const { upstream, front, client } = await setUp(t)
  upstream.answer(() => ({
    status: 403, message: 'Forbidden!', headers: ['x-B', '1', 'Warning', '299 - "w"', 'X-a', '2', 'x-B', '3', 'Connection', 'keep-alive, X-a'],
    body: '{"kind":"Status"}',
  }))
  exec(client)
  const response = await client.response()
  t.strictSame([response.status, response.message, response.body.toString()], [403, 'Forbidden!', '{"kind":"Status"}'])
  t.strictSame(response.headers, [
    'Audit-Id', '11111111-2222-4333-8444-555555555555', 'x-B', '1', 'Warning', '299 - "w"', 'x-B', '3',
    'Content-Length', '17', 'Connection', 'close',
  ])
  await client.closed()
  const passed = await front.next()
  t.equal(await passed.over, undefined)
  t.strictSame(passed.trail.outcome, { status: 403, ending: 'complete', bytesOut: 17 })
  t.equal(passed.trail.startedWith, undefined)
  t.equal(front.streams.count(), 0)
})

t.test('after a refused upgrade nothing more is forwarded (CVE-2018-1002105)', async (t) => {
  const { upstream, client } = await setUp(t)
  upstream.answer(() => ({ status: 400, body: 'no' }))
  const smuggled = 'GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\n\r\n'
  client.send(`GET /exec HTTP/1.1\r\nHost: x\r\n${linesOf(webSocketHeaders())}\r\n\r\n${smuggled}`)
  t.equal((await client.response()).status, 400)
  client.send(smuggled)
  const all = (await client.closed()).toString()
  t.equal(all.match(/HTTP\/1\.1/g)?.length, 1, 'one answer, and no more')
  await upstream.connections[0]?.closed
  t.strictSame(upstream.requests.map(request => request.target), ['/exec'])
  t.equal(upstream.bytes, upstream.requests[0]?.raw.length, 'not one byte behind the head')
})

t.test('a second answer that nobody asked for is not relayed', async (t) => {
  const { upstream, client } = await setUp(t)
  const answer = 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'
  upstream.answer(() => `${answer}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret`)
  exec(client)
  t.equal((await client.response()).status, 403)
  t.notMatch((await client.closed()).toString(), 'secret')
})

t.test('a body of unknown length arrives with its end marked', async (t) => {
  const { upstream, front, client } = await setUp(t)
  const body = randomBytes(3 << 20)
  upstream.answer(() => ({ status: 200, body: Readable.from([body.subarray(0, 1), body.subarray(1)]) }))
  exec(client)
  const response = await client.response()
  t.strictSame([response.all('transfer-encoding'), response.all('content-length')], [['chunked'], []])
  t.equal(sha256(response.body), sha256(body))
  const { trail } = await front.next()
  t.strictSame(await trail.finished, { status: 200, ending: 'complete', bytesOut: body.length })
  t.equal(trail.startedWith, 200, 'it may have been a watch')
})

t.test('a body that ends with its connection arrives with its end marked', async (t) => {
  const { upstream, client } = await setUp(t)
  upstream.answer((_request, reply) => {
    reply.raw('HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\nall')
    upstream.connections[0]?.socket.end()
  })
  exec(client)
  const response = await client.response()
  t.strictSame([response.body.toString(), response.complete], ['all', true])
})

for (const status of [204, 304]) {
  t.test(`a ${status} has no body, and none is framed`, async (t) => {
    const { upstream, client } = await setUp(t)
    upstream.answer(() => ({ status }))
    exec(client)
    t.strictSame((await client.response()).headers.slice(2), ['Connection', 'close'])
    t.ok((await client.closed()).toString().endsWith('\r\n\r\n'))
  })
}

for (const [how, head] of [['a length', 'Content-Length: 100'], ['chunks', 'Transfer-Encoding: chunked']] as const) {
  t.test(`an answer of ${how} that breaks off does not look whole`, async (t) => {
    const { upstream, front, client } = await setUp(t)
    upstream.answer((_request, reply) => { reply.raw(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n3\r\nabc\r\n`) })
    exec(client)
    const response = await client.streamed()
    await response.next()
    upstream.connections[0]?.cut()
    await t.rejects((async () => { while (await response.next() !== undefined); })(), /cut/)
    const { trail } = await front.next()
    t.match(await trail.finished, { status: 200, ending: 'upstream-failed' })
  })
}

t.test('a reason phrase with control characters is not passed on', async (t) => {
  const { upstream, client } = await setUp(t)
  upstream.answer((_request, reply) => { reply.raw('HTTP/1.1 403 a\0b\x01c\r\nContent-Length: 0\r\n\r\n') })
  exec(client)
  const { status, message } = await client.response()
  t.strictSame([status, message], [403, ''])
})

t.test('a redirect is relayed and not followed', async (t) => {
  const { upstream, client } = await setUp(t)
  upstream.answer(() => ({ status: 302, headers: ['Location', `${upstream.url}/elsewhere`] }))
  exec(client)
  const response = await client.response()
  t.strictSame([response.status, response.all('location')], [302, [`${upstream.url}/elsewhere`]])
  await client.closed()
  t.equal(upstream.requests.length, 1)
})

t.test('a caller that reads slowly holds upstream back', async (t) => {
  const { upstream, front, client } = await setUp(t)
  const block = Buffer.alloc(1 << 20)
  let taken = 0
  upstream.answer((request, reply) => {
    const pour = () => {
      do taken += 1
      while (taken < 256 && request.connection.socket.write(block))
    }
    reply.head(200)
    request.connection.socket.on('drain', pour)
    pour()
  })
  client.socket.pause()
  exec(client)
  const { trail, socket } = await front.next()
  // With nothing read, what was taken stops growing once the buffers between are full.
  for (let before = -1; before !== taken;) {
    before = taken
    await new Promise(resolve => setTimeout(resolve, 150))
  }
  t.ok(taken < 64, `${taken} MiB`)
  t.ok(socket.writableLength < 1 << 20)
  client.socket.destroy()
  t.match(await trail.finished, { ending: 'caller-left' })
  await upstream.connections[0]?.closed
})

t.test('upstream is let go when the caller leaves, by closing or by ending its side', async (t) => {
  for (const leave of ['destroy', 'end', 'resetAndDestroy'] as const) {
    const { upstream, front, client } = await setUp(t)
    upstream.answer((_request, reply) => { reply.stream(); reply.chunk('{}') })
    exec(client)
    await (await client.streamed()).next()
    client.send(Buffer.alloc(200_000))
    client.socket[leave]()
    await upstream.connections[0]?.closed
    const { trail } = await front.next()
    t.strictSame(await trail.finished, { status: 200, ending: 'caller-left', bytesOut: 2 }, leave)
  }
})

t.test('a long answer is counted as an open stream and ends with the key', async (t) => {
  const { upstream, front, client } = await setUp(t)
  upstream.answer((_request, reply) => { reply.stream(); reply.chunk('{}') })
  exec(client)
  const response = await client.streamed()
  await response.next()
  t.equal(front.streams.count('websocket'), 1)
  front.allow(false)
  front.streams.recheck()
  await t.rejects(response.next(), /cut/)
  await upstream.connections[0]?.closed
  t.match(await (await front.next()).trail.finished, { status: 200, ending: 'revoked' })
  t.equal(front.streams.count(), 0)
})

t.test('a caller that stops reading is cut off all the same when its key goes', async (t) => {
  const { upstream, front, client } = await setUp(t)
  upstream.answer((request, reply) => {
    reply.head(200)
    request.connection.socket.write(Buffer.alloc(32 << 20))
  })
  client.socket.pause()
  exec(client)
  const { socket, trail } = await front.next()
  while (!socket.writableNeedDrain) await turn()
  front.allow(false)
  front.streams.recheck()
  await once(socket, 'close')
  t.match(await trail.finished, { status: 200, ending: 'revoked' })
})

t.test('a caller that takes its time over the last bytes has it, in a drain too, and loses it with its key', async (t) => {
  for (const [reason, ending] of [['drained', 'complete'], ['revoked', 'revoked']] as const) {
    const response = Object.assign(Readable.from([Buffer.from('{}')]), { statusCode: 200, statusMessage: 'OK' }) as IncomingMessage
    const held: (() => void)[] = []
    const caller = new Duplex({ read() {}, write(_chunk, _encoding, done) { held.push(done) } })
    const stop = new AbortController()
    const ended = relay({ response, caller, reason: 'OK', headers: [], stop, lingerMs: 1 })
    while (!caller.writableEnded) await turn()
    stop.abort(reason)
    await turn()
    t.equal(caller.destroyed, reason === 'revoked')
    while (!caller.writableFinished && !caller.destroyed) {
      held.shift()?.()
      await turn()
    }
    t.equal((await ended).ending, ending)
  }
})

t.test('a short answer is no stream in the record', async (t) => {
  const upstream = await startUpstream(t)
  const front = await startFront(t, clusterFor(t, upstream), { resolved: resolved({ longRunning: false }) })
  const client = await connectRaw(t, { port: front.port })
  exec(client)
  t.equal((await client.response()).status, 200)
  t.equal((await front.next()).trail.startedWith, undefined)
})

t.test('an answer of which the last bytes were never taken is not complete', async (t) => {
  const response = Object.assign(Readable.from([Buffer.from('{}')]), { statusCode: 200, statusMessage: 'OK' }) as IncomingMessage
  const caller = new Duplex({ read() {}, write(_chunk, _encoding, done) { if (this.writableLength < 100) done() } })
  caller.on('error', () => {})
  const ended = relay({ response, caller, reason: 'OK', headers: [], stop: new AbortController() })
  await once(response, 'end')
  caller.destroy()
  t.equal((await ended).ending, 'caller-left')
})

t.test('a caller that keeps its side open after the answer is closed all the same', async (t) => {
  const { upstream, front } = await setUp(t)
  upstream.answer(() => ({ status: 403, body: 'no' }))
  const socket = net.connect({ port: front.port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  socket.write(`GET /exec HTTP/1.1\r\nHost: x\r\n${linesOf(webSocketHeaders())}\r\n\r\n`)
  socket.resume()
  await once(socket, 'end')
  t.match(await (await front.next()).trail.finished, { status: 403, ending: 'complete' })
})

function linesOf(headers: readonly string[]): string {
  return headers.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []).join('\r\n')
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
