import { once } from 'node:events'
import t from 'tap'
import type { Audit } from '../../src/audit/audit.ts'
import { ProxyError } from '../../src/errors.ts'
import { createDataServer } from '../../src/listen/data-server.ts'
import { createParserRefusal } from '../../src/listen/parser-refusal.ts'
import { createRequestHandler, type RequestHandlerOptions } from '../../src/listen/request.ts'
import { createSourceIPs } from '../../src/listen/source.ts'
import { createUpgradeHandler } from '../../src/listen/upgrade.ts'
import type { Admitted } from '../../src/model/admitted.ts'
import type { Arrival } from '../../src/model/arrival.ts'
import type { Exchange } from '../../src/model/exchange.ts'
import { admitted, trailOf, type RecordedTrail } from '../support/builders.ts'
import { makeAuthority } from '../support/certificates.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { connectRaw } from '../support/raw-client.ts'
import type { Scope } from '../support/scope.ts'

const log = { warn() {}, error() {}, debug() {}, info() {}, trace() {}, fatal() {}, silent() {}, level: 'silent', child: () => log } as never
const authority = makeAuthority()

interface Setup {
  readonly plain?: boolean
  readonly admit?: RequestHandlerOptions['admit']
  readonly onward?: RequestHandlerOptions['onward']
  readonly headerTimeout?: number
  readonly maxHeaderSize?: number
  readonly patience?: number
}

async function start(t: Scope, setup: Setup = {}) {
  const seen: { arrival: Arrival, trail: RecordedTrail }[] = []
  const audit: Audit = {
    open: (arrival) => {
      const trail = trailOf()
      seen.push({ arrival, trail })
      return trail
    },
    healthy: () => true,
    close: async () => {},
  }
  const drain = { closing: false, refusing: false }
  const sourceIPs = createSourceIPs([])
  const now = Date.now
  const options = {
    audit, sourceIPs, now, log, drain, patience: setup.patience ?? 60_000, takeTurn: () => undefined,
    admit: setup.admit ?? (async arrival => admitted({ arrival })),
    onward: setup.onward ?? (async (_admitted, { body, reply }) => {
      if (body !== undefined) for await (const _chunk of body) { /* a forwarder reads it all */ }
      reply.head(200, 'Fine', ['X-One', '1', 'x-one', '2', 'Content-Length', '2'])
      reply.end(Buffer.from('ok'))
    }),
    tunnel: async () => { throw new ProxyError('UpstreamUnreachable', 'no tunnel here', { retryAfter: 1 }) },
  } satisfies RequestHandlerOptions & { tunnel: unknown }
  const server = await createDataServer({
    host: '127.0.0.1', port: 0, http2: true, keepAlive: 120_000, maxConnections: 100, log,
    headerTimeout: setup.headerTimeout ?? 10_000, maxHeaderSize: setup.maxHeaderSize ?? 65_536,
    tls: setup.plain === true ? undefined : { ...authority.issue(), clientCa: undefined },
    onRequest: createRequestHandler(options),
    onUpgrade: createUpgradeHandler(options),
    onUnreadable: createParserRefusal({ audit, sourceIPs, now }),
  })
  t.teardown(async () => {
    server.destroy()
    await server.close()
  })
  const ca = setup.plain === true ? {} : { ca: authority.ca }
  return { port: server.port, server, seen, drain, raw: () => connectRaw(t, { port: server.port, ...ca }) }
}

/** Bytes of answers: one that goes out in one piece with its head, and one that the buffers of a connection do not hold. */
const sizes = [100, 16 << 20]

/** As upstream's do, whose memory is the next one's. */
async function answerAndOverwrite({ arrival: { target } }: Admitted, { reply }: Exchange): Promise<void> {
  const chunk = Buffer.alloc(Number(target.slice(1)), 'x')
  reply.head(200, '', ['Content-Length', String(chunk.length)])
  reply.endCopy(chunk)
  chunk.fill('!')
}

for (const plain of [true, false]) {
  const over = plain ? 'plain HTTP/1.1' : 'HTTP/1.1 over TLS'

  t.test(`${over}: the target and the headers arrive as they were sent, and answers keep order, case and reason`, async (t) => {
    const { raw, seen } = await start(t, { plain })
    const client = await raw()
    client.request('GET', '/api/v1/pods?a=%2F;b&c', ['X-b', '2', 'x-A', '1'])
    const answer = await client.response()
    t.equal(answer.message, 'Fine')
    t.strictSame(answer.headers.slice(0, 4), ['X-One', '1', 'x-one', '2'])
    t.equal(seen[0]?.arrival.target, '/api/v1/pods?a=%2F;b&c')
    t.strictSame(seen[0]?.arrival.rawHeaders, ['Host', 'localhost', 'X-b', '2', 'x-A', '1'])
    t.strictSame(seen[0]?.arrival.sourceIPs, ['127.0.0.1'])
    t.match(await seen[0]?.trail.finished, { status: 200, ending: 'complete', bytesOut: 2 })
  })

  t.test(`${over}: whatever the method, target or type, nothing but admit decides`, async (t) => {
    const { raw, seen } = await start(t, { plain })
    const client = await raw()
    const cases = [
      ['GET', '//x/../%zz'], ['PROPFIND', '/x'], ['OPTIONS', '*'], ['GET', 'http://other/api'], ['TRACE', '/x'],
    ] as const
    for (const [method, target] of cases) {
      client.request(method, target)
      t.equal((await client.response()).status, 200, `${method} ${target}`)
    }
    for (const type of ['nonsense', 'a/b; c=', 'application/json', '']) {
      client.request('POST', '/x', type === '' ? [] : ['Content-Type', type], '{not json')
      t.equal((await client.response()).status, 200, type)
    }
    t.ok(seen.every(({ arrival }) => arrival.target !== ''))
  })

  t.test(`${over}: memory of an answer that ends may be overwritten at once, be it short or long, its request read or not`, async (t) => {
    const { raw } = await start(t, { plain, onward: answerAndOverwrite })
    for (const size of sizes) {
      const client = await raw()
      client.request('GET', `/${size}`)
      t.ok((await client.response()).body.equals(Buffer.alloc(size, 'x')), `${size} bytes`)
      client.request('POST', `/${size}`, ['Content-Length', '100'])
      t.ok((await client.response()).body.equals(Buffer.alloc(size, 'x')), `${size} bytes, the body still to come`)
    }
  })

  t.test(`${over}: a refusal is a Status with the Audit-Id of its record`, async (t) => {
    const admit = async () => { throw new ProxyError('MissingKey', 'no API key was presented', { cause: new Error('secret') }) }
    const { raw, seen } = await start(t, { plain, admit })
    const client = await raw()
    client.request('GET', '/api')
    const answer = await client.response()
    t.match(answer.json(), {
      kind: 'Status', status: 'Failure', code: 401, reason: 'Unauthorized', message: 'portcullis: no API key was presented',
      details: { causes: [{ reason: 'MissingKey' }] },
    })
    t.strictSame(answer.all('WWW-Authenticate'), ['Bearer realm="portcullis"'])
    t.strictSame(answer.all('Audit-Id'), [seen[0]?.arrival.auditId])
    t.match(await seen[0]?.trail.finished, { status: 401, refusal: { code: 'MissingKey' } })
    client.request('GET', '/api')
    t.equal((await client.response()).status, 401, 'the connection lives on')
  })

  t.test(`${over}: a refused body is not read as the next request, and the answer arrives before the connection ends`, async (t) => {
    const admit = async () => { throw new ProxyError('ScopeDenied', 'no') }
    const { raw, seen } = await start(t, { plain, admit })
    const client = await raw()
    client.request('POST', '/x', ['Content-Length', '100000'], 'x'.repeat(50_000))
    const answer = await client.response()
    t.equal(answer.status, 403)
    t.strictSame(answer.all('connection'), ['close'])
    client.send(`GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
    await client.closed()
    t.equal(seen.length, 1)
  })

  t.test(`${over}: what the parser refuses is a Status and a record`, async (t) => {
    const { raw, seen } = await start(t, { plain, maxHeaderSize: 16_384 })
    const cases = [
      ['a space before a name', 'GET / HTTP/1.1\r\nHost: a\r\n Content-Length: 1\r\n\r\n', 400],
      ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n', 400],
      ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx', 400],
      ['length and chunks', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
      ['an unknown coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n', 400],
      ['a head that is too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const
    for (const [what, bytes, status] of cases) {
      const before = seen.length
      const client = await raw()
      client.send(bytes)
      const answer = await client.response()
      t.equal(answer.status, status, what)
      t.match(answer.json(), { kind: 'Status', code: status }, what)
      await client.closed()
      t.equal(seen.length, before + 1, `${what}: one record`)
      t.match(await seen.at(-1)?.trail.finished, { status }, what)
    }
  })

  t.test(`${over}: a head that does not come ends with 408`, async (t) => {
    const { raw, seen } = await start(t, { plain, headerTimeout: 200 })
    const client = await raw()
    client.send('GET / HTTP/1.1\r\nHos')
    t.equal((await client.response()).status, 408)
    t.match(await seen[0]?.trail.finished, { refusal: { code: 'RequestTimeout' } })
  })

  t.test(`${over}: an upgrade passes the same door and is refused alike`, async (t) => {
    const admit = async () => { throw new ProxyError('ScopeDenied', 'no exec') }
    const { raw, seen } = await start(t, { plain, admit })
    const client = await raw()
    client.request('GET', '/api/v1/namespaces/a/pods/x/exec', ['Connection', 'Upgrade', 'Upgrade', 'websocket'])
    const answer = await client.response()
    t.equal(answer.status, 403)
    t.match(answer.json(), { details: { causes: [{ reason: 'ScopeDenied' }] } })
    t.strictSame(answer.all('connection'), ['close'])
    client.send('GET /again HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.closed()
    t.equal(seen.length, 1)
    t.equal(seen[0]?.arrival.upgrade, true)
  })

  t.test(`${over}: CONNECT comes to the door, and a body is asked for only behind it`, async (t) => {
    const { raw, seen } = await start(t, { plain, admit: async () => { throw new ProxyError('MethodNotAllowed', 'no') } })
    const client = await raw()
    client.send('CONNECT other:443 HTTP/1.1\r\nHost: other\r\n\r\n')
    t.equal((await client.response()).status, 405)
    t.equal(seen[0]?.arrival.target, 'other:443')
    const second = await raw()
    second.request('POST', '/x', ['Expect', '100-continue', 'Content-Length', '5'])
    t.equal((await second.response()).status, 405, 'no 100 before')
  })

  t.test(`${over}: draining refuses new requests, tells callers to try again, and ends connections`, async (t) => {
    const { raw, drain } = await start(t, { plain })
    const client = await raw()
    client.request('GET', '/x')
    await client.response()
    drain.closing = true
    drain.refusing = true
    client.request('GET', '/x')
    const answer = await client.response()
    t.equal(answer.status, 503)
    t.strictSame(answer.all('retry-after'), ['1'])
    t.strictSame(answer.all('connection'), ['close'])
    await client.closed()
  })
}

t.test('HTTP/2: memory of an answer that ends may be overwritten at once', async (t) => {
  const { port } = await start(t, { onward: answerAndOverwrite })
  const client = await connectHttp2(t, { port, ca: authority.ca })
  for (const size of sizes) t.ok((await client.request('GET', `/${size}`)).body.equals(Buffer.alloc(size, 'x')), `${size} bytes`)
})

t.test('HTTP/2: the same door, repeated headers kept apart, pseudo-headers left out', async (t) => {
  const { port, seen } = await start(t)
  const client = await connectHttp2(t, { port, ca: authority.ca })
  const answer = await client.request('POST', '/api/v1/x?y', { 'x-b': '1' }, 'body')
  t.equal(answer.status, 200)
  t.equal(answer.headers['x-one'], '1, 2')
  t.equal(seen[0]?.arrival.httpVersion, '2.0')
  t.ok(seen[0]?.arrival.rawHeaders.every(part => !part.startsWith(':')))
  t.match(await seen[0]?.trail.finished, { status: 200, ending: 'complete', bytesOut: 2 })
})

t.test('HTTP/2: names that every object knows are headers like any other', async (t) => {
  const { port } = await start(t, {
    onward: async (_admitted, { reply }) => {
      reply.head(200, '', ['constructor', '1', '__proto__', '2', 'toString', '3'])
      reply.end()
    },
  })
  const client = await connectHttp2(t, { port, ca: authority.ca })
  const stream = client.open('GET', '/x')
  const [headers] = await once(stream, 'response') as [Record<string, unknown>]
  t.equal(headers.constructor, '1')
  t.equal(headers.tostring, '3')
  stream.close()
})

t.test('HTTP/2: a stream that is cut is reset, one whose caller leaves is recorded so', async (t) => {
  const { port, seen } = await start(t, {
    onward: async ({ resolved: _ }, { arrival, reply }) => {
      reply.head(200, '', ['Content-Type', 'text/plain'], { flush: true })
      reply.write(Buffer.from('begun'))
      if (arrival.target === '/cut') reply.cut('upstream-failed')
    },
  })
  const client = await connectHttp2(t, { port, ca: authority.ca })
  await t.rejects(client.request('GET', '/cut'))
  t.match(await seen[0]?.trail.finished, { status: 200, ending: 'upstream-failed' })
  const stream = client.open('GET', '/leave')
  await once(stream, 'response')
  stream.close()
  t.match(await seen[1]?.trail.finished, { status: 200, ending: 'caller-left', bytesOut: 5 })
})

t.test('HTTP/2: a caller that takes nothing of a refusal does not keep its stream, nor the record open', async (t) => {
  const admit = async () => { throw new ProxyError('MissingKey', 'no API key was presented') }
  const { port, seen } = await start(t, { admit, patience: 100 })
  const client = await connectHttp2(t, { port, ca: authority.ca, window: 0 })
  const streams = ['/a', '/b'].map((target) => client.open('GET', target))
  await Promise.all(streams.map((stream) => once(stream, 'close').catch(() => {})))
  for (const { trail } of seen) t.match(await trail.finished, { status: 401, refusal: { code: 'MissingKey' }, ending: 'caller-left' })
  t.equal(seen.length, 2)
})

for (const plain of [true, false]) {
  t.test(`${plain ? 'plain' : 'TLS'}: a caller that reads nothing of an answer loses the connection; one that reads slowly does not`, async (t) => {
    const answer = Buffer.alloc(24 << 20)
    const onward: Setup['onward'] = async (_admitted, { reply }) => {
      reply.head(200, '', ['Content-Length', String(answer.length)])
      reply.end(answer)
    }
    const { raw, seen } = await start(t, { plain, onward, patience: 300 })
    const [deaf, slow] = [await raw(), await raw()]
    deaf.request('GET', '/deaf')
    deaf.socket.pause()
    slow.request('GET', '/slow')
    const drip = setInterval(() => { if (slow.socket.isPaused()) slow.socket.resume(); else slow.socket.pause() }, 20)
    t.teardown(() => clearInterval(drip))
    t.equal((await slow.response()).body.length, answer.length)
    const endings = Object.fromEntries(await Promise.all(seen.map(async ({ arrival, trail }) => [arrival.target, (await trail.finished).ending] as const)))
    t.strictSame(endings, { '/deaf': 'caller-left', '/slow': 'complete' })
    slow.request('GET', '/again')
    slow.socket.resume()
    clearInterval(drip)
    t.equal((await slow.response()).status, 200, 'the connection lives on')
  })
}

t.test('closing says GOAWAY, lets open streams finish, and takes nothing new', async (t) => {
  let finish = () => {}
  const { port, server } = await start(t, {
    onward: async (_admitted, { reply }) => {
      reply.head(200, '', [], { flush: true })
      finish = () => reply.end(Buffer.from('whole'))
    },
  })
  const client = await connectHttp2(t, { port, ca: authority.ca })
  const stream = client.open('GET', '/x')
  await once(stream, 'response')
  const goaway = once(client.session, 'goaway')
  const closed = server.close()
  await goaway
  await t.rejects(connectRaw(t, { port, ca: authority.ca }))
  finish()
  let body = ''
  for await (const chunk of stream) body += String(chunk)
  t.equal(body, 'whole')
  await closed
})

t.test('a certificate is replaced for new connections', async (t) => {
  const { port, server } = await start(t)
  const other = makeAuthority()
  server.setTls({ ...other.issue(), clientCa: undefined })
  await t.rejects(connectRaw(t, { port, ca: authority.ca }))
  const client = await connectRaw(t, { port, ca: other.ca })
  client.request('GET', '/x')
  t.equal((await client.response()).status, 200)
})
