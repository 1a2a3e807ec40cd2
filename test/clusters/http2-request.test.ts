import { constants } from 'node:http2'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { translateUpstreamError } from '../../src/upstream-errors.ts'
import { http2Agents, startHttp2Upstream } from '../support/http2-upstream.ts'
import { startRawHttp2Server, type RawArrival } from '../support/raw-http2-server.ts'
import { until } from '../support/until.ts'

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, at) => at))

t.test('a request has the pseudo headers of HTTP/2 and none of a connection\'s, and each value keeps its bytes', async (t) => {
  const upstream = await startHttp2Upstream(t)
  upstream.answer(({ stream }) => stream.respond({ ':status': 200 }, { endStream: true }))
  const { ask } = http2Agents(t, upstream)
  const told = ask('/api/v1/pods?watch=1&fieldSelector=a%3Db', { headers: [
    'Host', 'api.example:6443', 'Authorization', 'Bearer x', 'X-Bytes', 'caf\xe9 \xff', 'Accept', 'a', 'Accept', 'b', 'Content-Type', 'one', 'content-type', 'two',
    'Connection', 'close', 'Keep-Alive', 'x', 'Transfer-Encoding', 'chunked', 'Upgrade', 'h2c', 'TE', 'trailers', 'Proxy-Connection', 'x', 'HTTP2-Settings', 'x',
  ] })
  const { raw } = await upstream.next()
  await told.over
  t.strictSame(raw, [
    ':method', 'GET', ':scheme', 'https', ':authority', 'api.example:6443', ':path', '/api/v1/pods?watch=1&fieldSelector=a%3Db',
    'authorization', 'Bearer x', 'x-bytes', 'caf\xe9 \xff', 'accept', 'a', 'accept', 'b', 'content-type', 'one',
  ])
})

for (const [title, headers] of Object.entries({ 'a name that is no token': ['a b', 'c'], 'a line break': ['A', 'b\r\nc'], 'NUL': ['A', 'b\0c'], 'a character whose last byte is a line break': ['A', 'b\u010ac'] })) {
  t.test(`a header with ${title} ends its request before it is sent, and no other`, async (t) => {
    const upstream = await startHttp2Upstream(t)
    const { ask } = http2Agents(t, upstream)
    const other = ask('/watch')
    const { stream } = await upstream.next()
    const told = ask('/', { headers })
    t.equal(await told.over, 'error')
    t.match(told.error, { code: 'UND_ERR_INVALID_ARG' })
    stream.respond({ ':status': 200 })
    stream.end('x')
    t.equal(await other.over, 'end')
    t.equal(upstream.arrivals.length, 1)
  })
}

t.test('a path that is none is not sent', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { ask } = http2Agents(t, upstream)
  for (const path of ['*', '/a b', '/a\r\n']) t.match((await (async () => { const told = ask(path); await told.over; return told })()).error, { code: 'UND_ERR_INVALID_ARG' })
  t.equal(upstream.arrivals.length, 0)
})

t.test('an answer comes byte for byte, its lines flat, without pseudo headers and trailers, whatever came before it', async (t) => {
  const upstream = await startHttp2Upstream(t)
  upstream.answer(({ stream }) => {
    stream.additionalHeaders({ ':status': 103, 'link': '</x>' })
    stream.respond({ ':status': 201, 'x-bytes': 'caf\xe9', 'set-cookie': ['a', 'b'] }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': 'late' }))
    stream.end(everyByte)
  })
  const { ask } = http2Agents(t, upstream)
  const told = ask('/')
  t.equal(await told.over, 'end')
  t.equal(told.status, 201)
  const lines = told.headers.filter((_, at) => told.headers[at - at % 2] !== 'date')
  t.strictSame(lines, ['x-bytes', 'caf\xe9', 'set-cookie', 'a', 'set-cookie', 'b'])
  t.strictSame(told.body, everyByte)
  t.strictSame(told.calls, ['start', 'head', 'data', 'end'])
})

const bodiless: [string, number, string][] = [['GET', 204, ''], ['GET', 304, ''], ['HEAD', 200, '12']]
for (const [method, status, length] of bodiless) {
  t.test(`a ${status} to a ${method} ends with its head`, async (t) => {
    const upstream = await startHttp2Upstream(t)
    upstream.answer(({ stream }) => stream.respond({ ':status': status, ...length === '' ? {} : { 'content-length': length } }, { endStream: true }))
    const told = http2Agents(t, upstream).ask('/', { method: method as 'GET' })
    t.equal(await told.over, 'end')
    t.strictSame(told.calls, ['start', 'head', 'end'])
    t.equal(told.status, status)
  })
}

const breaks: Record<string, (arrival: RawArrival) => void> = {
  'a reset with INTERNAL_ERROR': ({ connection, id }) => connection.reset(id, constants.NGHTTP2_INTERNAL_ERROR),
  'a reset with CANCEL': ({ connection, id }) => connection.reset(id, constants.NGHTTP2_CANCEL),
  'a reset with NO_ERROR': ({ connection, id }) => connection.reset(id, constants.NGHTTP2_NO_ERROR),
  'REFUSED_STREAM': ({ connection, id }) => connection.reset(id, constants.NGHTTP2_REFUSED_STREAM),
  'a connection that is closed': ({ connection }) => connection.socket.end(),
  'a connection that is reset': ({ connection }) => connection.break(),
  'a GOAWAY and a connection that is closed': ({ connection }) => { connection.goaway(2 ** 31 - 1, 0); connection.socket.end() },
  'a GOAWAY and a connection that is reset': ({ connection }) => { connection.goaway(2 ** 31 - 1, 0); setTimeout(() => connection.break(), 20) },
  'a GOAWAY with an error': ({ connection, id }) => { connection.goaway(id, constants.NGHTTP2_INTERNAL_ERROR) },
}
for (const [title, cut] of Object.entries(breaks)) {
  t.test(`${title} in mid-answer is a broken answer, never a whole one`, async (t) => {
    const upstream = await startRawHttp2Server(t)
    const told = http2Agents(t, upstream).ask('/watch')
    const arrival = await upstream.next()
    arrival.connection.headers(arrival.id, 200)
    arrival.connection.data(arrival.id, '{}\n')
    await told.has(3)
    cut(arrival)
    t.equal(await told.over, 'error')
    t.strictSame(told.calls, ['start', 'head', 'data', 'error'])
    const refusal = translateUpstreamError(told.error, { sent: true })
    t.match([refusal.code, refusal.retryAfter], ['BadUpstream', undefined])
    t.equal(upstream.arrivals.length, 1)
  })
}

t.test('an abort is a RST_STREAM with CANCEL, and ends no other stream', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { ask } = http2Agents(t, upstream)
  const [one, other] = [ask('/1'), ask('/2')]
  const [first, second] = [await upstream.next(), await upstream.next()]
  const closed = new Promise(resolve => first.stream.once('close', resolve))
  first.stream.respond({ ':status': 200 })
  first.stream.write(Buffer.alloc(100_000))
  one.onHead = controller => controller.pause()
  await one.head
  one.controller?.abort(new Error('the caller left'))
  t.equal(await one.over, 'error')
  t.match(one.error, { message: 'the caller left' })
  await closed
  t.equal(first.stream.rstCode, constants.NGHTTP2_CANCEL)
  second.stream.respond({ ':status': 200 })
  second.stream.end('alive')
  t.equal(await other.over, 'end')
  t.equal(upstream.sessions.length, 1)
})

t.test('one that was aborted before it was sent is not sent', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { long, ask } = http2Agents(t, upstream)
  const calls: string[] = []
  const over = new Promise<void>((resolve) => {
    long.send({ method: 'GET', target: '/gone', headers: [], body: undefined, patience: 0 }, {
      onRequestStart: controller => controller.abort(new Error('gone')),
      onResponseError: (_, { message }) => { calls.push(message); resolve() },
    })
  })
  const told = ask('/here')
  const { headers, stream } = await upstream.next()
  t.equal(headers[':path'], '/here')
  await over
  t.strictSame(calls, ['gone'])
  stream.respond({ ':status': 200 }, { endStream: true })
  await told.over
})

t.test('a caller that does not read holds up its own stream alone, and no more than a window of it is held', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { ask } = http2Agents(t, upstream)
  const slow = Array.from({ length: 80 }, (_, at) => {
    const told = ask(`/slow/${at}`)
    told.onHead = controller => controller.pause()
    return told
  })
  let sent = 0
  for (let at = 0; at < slow.length; at += 1) {
    const { stream } = await upstream.next()
    stream.respond({ ':status': 200 })
    const more = () => { do { sent += 16_384 } while (stream.write(Buffer.alloc(16_384))) }
    stream.on('drain', more)
    more()
  }
  await Promise.all(slow.map(({ head }) => head))
  // All of it is more than the window of the connection.
  const quick = ask('/quick')
  const { stream } = await upstream.next()
  stream.respond({ ':status': 200 })
  stream.end(Buffer.alloc(4 * 1024 * 1024))
  t.equal(await quick.over, 'end')
  t.equal(quick.body.length, 4 * 1024 * 1024)
  t.ok(sent < 80 * 400_000, `${sent} bytes were taken of 80 streams that nobody reads`)
  t.ok(sent > 16 * 1024 * 1024, 'and those were more than the window of the connection')
  const [first] = slow
  first?.controller?.resume()
  await first?.has(1_000_000)
})

t.test('a body goes up in pieces, no faster than it is read there', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const body = new PassThrough()
  const told = http2Agents(t, upstream).ask('/', { method: 'POST', body })
  const { stream } = await upstream.next()
  let written = 0
  while (body.write(Buffer.alloc(16_384, 1))) { written += 16_384; await setImmediate() }
  t.ok(written < 1_000_000, 'it waits')
  body.end('last')
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  t.equal(Buffer.concat(pieces).length, written + 16_384 + 4)
  stream.respond({ ':status': 200 }, { endStream: true })
  t.equal(await told.over, 'end')
})

t.test('a body that breaks off cancels its stream, and its error is the request\'s', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const body = new PassThrough()
  const told = http2Agents(t, upstream).ask('/', { method: 'POST', body })
  const { stream } = await upstream.next()
  const closed = new Promise(resolve => stream.once('close', resolve))
  body.write('x')
  body.destroy(new Error('the caller left in mid-body'))
  t.equal(await told.over, 'error')
  t.match(told.error, { message: 'the caller left in mid-body' })
  await closed
  t.equal(stream.rstCode, constants.NGHTTP2_CANCEL)
})

t.test('an answer before the end of the body is whole, and the rest of the body is not wanted', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const body = new Readable({ read() { /* for ever */ } })
  const told = http2Agents(t, upstream).ask('/', { method: 'POST', body })
  const { stream } = await upstream.next()
  const closed = new Promise(resolve => stream.once('close', resolve))
  stream.respond({ ':status': 403 })
  stream.end('no')
  t.equal(await told.over, 'end')
  t.equal(told.body.toString(), 'no')
  await closed
  t.ok(body.destroyed)
})

t.test('nor does it matter whether the server says so', async (t) => {
  const upstream = await startRawHttp2Server(t)
  const told = http2Agents(t, upstream).ask('/', { method: 'POST', body: new Readable({ read() { /* for ever */ } }) })
  const { connection, id } = await upstream.next()
  connection.headers(id, 403, true)
  t.equal(await told.over, 'end')
  await until(() => connection.resets.has(id))
  t.equal(connection.resets.get(id), constants.NGHTTP2_CANCEL)
})

t.test('an answer may have 64 KiB of headers, and no more', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { ask } = http2Agents(t, upstream)
  for (const [size, how] of [[60_000, 'end'], [66_000, 'error']] as const) {
    const told = ask('/')
    const { stream } = await upstream.next()
    stream.respond({ ':status': 200, 'x-long': 'x'.repeat(size) }, { endStream: true })
    t.equal(await told.over, how)
  }
  const many = ask('/')
  const { stream } = await upstream.next()
  stream.respond({ ':status': 200, 'x-many': Array.from({ length: 500 }, () => 'x') }, { endStream: true })
  t.equal(await many.over, 'end')
})

t.test('a request may have as many bytes of headers as the listener lets in', async (t) => {
  const upstream = await startHttp2Upstream(t, { settings: { maxHeaderListSize: 1024 * 1024 } })
  upstream.answer(({ stream }) => stream.respond({ ':status': 200 }, { endStream: true }))
  const told = http2Agents(t, upstream).ask('/', { headers: ['X-Long', '~'.repeat(65_000), 'Authorization', `Bearer ${'~'.repeat(4000)}`] })
  t.equal(await told.over, 'end')
})

t.test('a head that does not come in time, and a body that falls silent, end what asked for such a limit', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { ask } = http2Agents(t, upstream)
  const [head, body, patient] = [ask('/', { patience: 20 }), ask('/', { patience: 500 }), ask('/', { patience: 0 })]
  await upstream.next()
  const { stream } = await upstream.next()
  stream.respond({ ':status': 200 })
  t.strictSame([await head.over, await body.over], ['error', 'error'])
  t.match([head.error, body.error], [{ code: 'UND_ERR_HEADERS_TIMEOUT' }, { code: 'UND_ERR_BODY_TIMEOUT' }])
  const last = await upstream.next()
  last.stream.respond({ ':status': 200 })
  last.stream.end('x')
  t.equal(await patient.over, 'end')
})
