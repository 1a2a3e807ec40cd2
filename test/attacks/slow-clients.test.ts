// Slow header, slow body, and a watch reader that stops reading: bounded time where a request is not long-running, bounded memory.
import { once } from 'node:events'
import net from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { answerAll, codeOf, startTarget } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'

const target = await startTarget(t, { config: { limits: { headerTimeout: '500ms' } }, timeouts: { connect: '5s', response: '700ms' } })
const key = `Bearer ${target.root.key}`
const pods = '/api/v1/namespaces/a/pods'

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: a header that comes a byte at a time is 408, then closed`, async (t) => {
    const before = await target.settle(way)
    const client = await target.connect(way)
    const head = `GET ${pods} HTTP/1.1\r\nHost: a\r\nAuthorization: ${key}\r\nX: `
    client.send(head)
    const drip = setInterval(() => client.socket.write('x'), 50)
    t.teardown(() => clearInterval(drip))
    const response = await client.response()
    clearInterval(drip)
    t.equal(response.status, 408)
    t.equal(codeOf(response.body), 'RequestTimeout')
    client.close()
    await target.silent(t, target.proxyOf(way), before, way, 'RequestTimeout')
  })

  t.test(`${way}: a body that comes a byte at a time is given up`, async (t) => {
    const client = await target.connect(way)
    client.send(`POST ${pods} HTTP/1.1\r\nHost: a\r\nAuthorization: ${key}\r\nContent-Length: 100000\r\n\r\n`)
    const drip = setInterval(() => client.socket.write('x'), 50)
    t.teardown(() => clearInterval(drip))
    const response = await client.response()
    clearInterval(drip)
    t.equal(response.status, 408)
    t.equal(codeOf(response.body), 'RequestTimeout')
    await client.closed()
  })

  t.test(`${way}: an answer that does not begin is 504`, async (t) => {
    target.upstream.answer((request, reply) => request.target === pods ? 'hold' : answerAll(request, reply))
    const { status, body } = await target.send(way, {})
    target.upstream.answer(answerAll)
    t.equal(status, 504)
    t.equal(codeOf(body), 'UpstreamTimeout')
  })

  t.test(`${way}: a watch that stops being read holds upstream back, and nobody else`, async (t) => {
    const source = endless()
    target.upstream.answer((request, reply) => request.target.includes('watch=') ? { status: 200, body: source } : answerAll(request, reply))
    const client = await target.connect(way)
    client.request('GET', `${pods}?watch=true`, ['Authorization', key])
    await client.streamed()
    client.socket.pause()
    const held = await standstill(way, () => source.produced)
    t.ok(held < 24 << 20, `${held >> 10} KiB of an endless stream are under way`)
    client.close()
    await letGo(source)
    target.upstream.answer(answerAll)
  })
}

t.test('tls: whoever begins the handshake too late is told 408 as well, not that the request is malformed', async (t) => {
  const late = net.connect(target.tls.port, '127.0.0.1')
  t.teardown(() => late.destroy())
  await new Promise(resolve => setTimeout(resolve, 700))
  const socket = connectTls({ socket: late, ca: target.tls.ca, servername: 'localhost', ALPNProtocols: ['http/1.1'] })
  socket.on('error', () => { /* how it ends does not matter */ })
  t.match(await text(socket), /^HTTP\/1\.1 408 .*"reason":"RequestTimeout"/s)
})

t.test('http2: a stream that is not read holds upstream back, and not its neighbours', async (t) => {
  const source = endless()
  target.upstream.answer((request, reply) => request.target.includes('watch=') ? { status: 200, body: source } : answerAll(request, reply))
  const client = await connectHttp2(t, target.tls)
  const stream = client.open('GET', `${pods}?watch=true`, { authorization: key })
  await once(stream, 'response')
  const held = await standstill('tls', () => source.produced)
  t.ok(held < 24 << 20, `${held >> 10} KiB are under way`)
  t.equal((await client.request('GET', pods, { authorization: key })).status, 200, 'the same session')
  stream.close()
  await letGo(source)
  target.upstream.answer(answerAll)
})

/** Upstream's connection was closed, and the source with it, unfinished. */
const letGo = (source: Readable) => new Promise((resolve) => source.once('close', resolve))

/** As much as anybody asks for, counted. */
function endless(): Readable & { produced: number } {
  const piece = Buffer.alloc(65_536, '{"type":"BOOKMARK"}\n')
  const source = Object.assign(new Readable({ read: () => { source.produced += piece.length; source.push(piece) } }), { produced: 0 })
  return source
}

/** The count once it no longer grows while ten other requests are served. */
async function standstill(way: 'plain' | 'tls', count: () => number): Promise<number> {
  for (let last = -1; last !== count();) {
    last = count()
    for (let i = 0; i < 10; i += 1) await target.send(way, {})
  }
  return count()
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
