import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import t from 'tap'
import { connectRaw } from './raw-client.ts'
import { startUpstream } from './recording-upstream.ts'

t.test('a request is recorded as it stood on the wire, and answered by default', async (t) => {
  const upstream = await startUpstream(t)
  const client = await connectRaw(t, upstream)
  t.equal(upstream.bytes, 0)
  client.request('PATCH', '/a?b=%20', ['x-ONE', '1', 'X-one', ' 2'], 'body')
  const response = await client.response()
  t.equal(response.status, 200)
  t.strictSame(response.json(), {})
  const request = await upstream.nextRequest()
  t.equal(request.target, '/a?b=%20')
  t.strictSame(request.headers, ['Host', 'localhost', 'x-ONE', '1', 'X-one', '2', 'Content-Length', '4'])
  t.match(await request.body, { bytes: 4, sha256: createHash('sha256').update('body').digest('hex'), start: Buffer.from('body') })
  t.equal(upstream.bytes, request.raw.length + 4)
})

t.test('pipelined and chunked requests are told apart and answered in order', async (t) => {
  const upstream = await startUpstream(t, { tls: false })
  upstream.answer(async (request) => ({ status: 200, headers: ['Seen', request.target], body: (await request.body).start }))
  const client = await connectRaw(t, { port: upstream.port })
  client.send('POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\nGET /2 HTTP/1.1\r\n\r\n')
  t.equal((await client.response()).body.toString(), 'abcde')
  t.strictSame((await client.response()).all('seen'), ['/2'])
  t.strictSame((await upstream.requests[0]?.body)?.trailers, ['T', 'x'])
})

t.test('ambiguous framing is a fault that ends the connection', async (t) => {
  const upstream = await startUpstream(t, { tls: false })
  for (const head of [
    'Content-Length: 1\r\nTransfer-Encoding: chunked', 'Content-Length: 1\r\ncontent-length: 1', 'Transfer-Encoding: xchunked',
    'Content-Length: +1', ' Content-Length: 1', 'Content-Length : 1', 'X: a\rb', 'X: a\nb', 'X: a\r\n b',
  ]) {
    const client = await connectRaw(t, { port: upstream.port })
    client.send(`POST / HTTP/1.1\r\n${head}\r\n\r\nx`)
    t.equal((await client.closed()).length, 0, JSON.stringify(head))
  }
  t.equal(upstream.faults.length, 9)
  t.equal(upstream.requests.length, 0)
})

t.test('an answer can be streamed, cut in mid-body, held, raw, early, or twice', async (t) => {
  const upstream = await startUpstream(t)
  const client = await connectRaw(t, upstream)
  upstream.answer((_, reply) => { reply.stream(); reply.chunk('one') })
  client.request('GET', '/watch')
  const response = await client.streamed()
  t.equal((await response.next())?.toString(), 'one')
  upstream.connections[0]?.cut()
  await t.rejects(response.next(), /cut/)

  const second = await connectRaw(t, upstream)
  upstream.answer(() => ({ status: 403, body: 'no', early: true }))
  second.send('POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n')
  t.equal((await second.response()).status, 403)

  const third = await connectRaw(t, upstream)
  upstream.answer(() => 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 K\r\nContent-Length: 1\r\n\r\nx')
  third.request('GET', '/')
  t.equal((await third.response()).status, 100)
  t.equal((await third.response()).status, 204)
  t.equal((await third.response()).body.toString(), 'x')
  upstream.answer(() => 'cut')
  third.request('GET', '/')
  await t.rejects(third.response(), /closed/)
  await t.rejects(third.response(), /closed/, 'and says so again')
})

t.test('a stream goes out chunked at the reader\'s pace', async (t) => {
  const upstream = await startUpstream(t)
  const body = Buffer.alloc(1 << 20, 'x')
  upstream.answer(() => ({ status: 200, body: Readable.from([body, body]) }))
  const client = await connectRaw(t, upstream)
  client.request('GET', '/')
  const response = await client.response()
  t.equal(response.body.length, 2 << 20)
  t.strictSame(response.all('transfer-encoding'), ['chunked'])
})

t.test('after a 101 both sides are raw, whatever was sent early', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer((_, reply) => { reply.upgrade(['Upgrade', 'x', 'Connection', 'Upgrade']).echo() })
  const client = await connectRaw(t, upstream)
  client.send('GET /exec HTTP/1.1\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nearly')
  t.equal((await client.response()).status, 101)
  t.equal((await client.tunnelled())?.toString(), 'early')
  client.send('later')
  t.equal((await client.tunnelled())?.toString(), 'later')
  client.socket.end()
  t.equal(await client.tunnelled(), undefined)
})

t.test('it can go down and come back on the same port', async (t) => {
  const upstream = await startUpstream(t)
  await upstream.close()
  await t.rejects(connectRaw(t, upstream), { code: 'ECONNREFUSED' })
  await upstream.listenAgain()
  const client = await connectRaw(t, upstream)
  client.request('GET', '/')
  t.equal((await client.response()).status, 200)
})
