import { createHash } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { connectHttp2 } from '../support/http2-client.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type Answer, type Handler } from '../support/recording-upstream.ts'
import { startForwarder, type ForwarderOptions } from '../support/forwarder.ts'
import type { Scope } from '../support/scope.ts'

async function start(t: Scope, options: Partial<ForwarderOptions> = {}) {
  const upstream = await startUpstream(t)
  const forwarder = await startForwarder(t, { upstream, ...options })
  const raw = () => connectRaw(t, { port: forwarder.port, ...(forwarder.ca === undefined ? {} : { ca: forwarder.ca }) })
  return { upstream, forwarder, raw, client: await raw() }
}

const pods = '/api/v1/namespaces/a/pods'
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

t.test('a request goes up as it came, with our credential, and its answer comes back as it was', async (t) => {
  const { upstream, client, forwarder } = await start(t)
  upstream.answer(() => ({ status: 201, message: 'Made', headers: ['X-b', '1', 'x-A', '2', 'Content-Type', 'application/json'], body: '{"a":1}' }))
  client.request('POST', `${pods}?dryRun=All&x=%41`, ['x-B', '2', 'Content-Type', 'application/vnd.kubernetes.protobuf', 'X-a', '1'], 'k8s\0body')
  const answer = await client.response()
  t.equal(answer.status, 201)
  t.equal(answer.message, 'Made')
  t.strictSame(answer.headers.slice(2, 8), ['X-b', '1', 'x-A', '2', 'Content-Type', 'application/json'])
  t.equal(answer.body.toString(), '{"a":1}')
  const request = await upstream.nextRequest()
  t.equal(request.target, `${pods}?dryRun=All&x=%41`)
  t.strictSame(request.all('authorization'), ['Bearer upstream-token'])
  t.strictSame(request.all('content-type'), ['application/vnd.kubernetes.protobuf'])
  t.strictSame(request.headers.filter((_, i) => i % 2 === 0 && /^x-[ab]$/i.test(request.headers[i]!)), ['x-B', 'X-a'])
  t.equal((await request.body).sha256, sha256('k8s\0body'))
  t.strictSame(request.all('content-length'), ['8'])
  t.match(await forwarder.records[0]?.trail.finished, { status: 201, ending: 'complete', bytesOut: 7 })
  t.strictSame(answer.all('audit-id'), request.all('audit-id'))
})

t.test('chunked bodies stay chunked, and both directions stream', async (t) => {
  const { upstream, client } = await start(t)
  upstream.answer(async (request, reply) => {
    reply.stream(200)
    reply.chunk(`got ${(await request.body).pieces > 1 ? 'pieces' : 'one'}`)
    reply.end()
  })
  client.request('POST', pods, ['Transfer-Encoding', 'chunked'])
  client.send('4\r\nkube\r\n')
  const request = await upstream.nextRequest()
  t.strictSame(request.all('transfer-encoding'), ['chunked'], 'sent up before its end')
  client.send('3\r\nctl\r\n0\r\n\r\n')
  const answer = await client.response()
  t.strictSame(answer.all('transfer-encoding'), ['chunked'])
  t.equal(answer.body.toString(), 'got pieces')
  t.equal((await request.body).sha256, sha256('kubectl'))
})

t.test('a watch passes each event on at once, and upstream goes when the caller does', async (t) => {
  const { upstream, client, forwarder } = await start(t)
  let next = (_event: string) => {}
  upstream.answer((_request, reply) => {
    reply.stream(200)
    next = event => reply.chunk(event)
  })
  client.request('GET', `${pods}?watch=true`)
  const watch = await client.streamed()
  t.equal(forwarder.streams.count('watch'), 1)
  for (const event of ['{"type":"ADDED"}\n', '{"type":"DELETED"}\n']) {
    next(event)
    t.equal(String(await watch.next()), event)
  }
  const { connection } = await upstream.nextRequest()
  client.close()
  await connection.closed
  t.match(await forwarder.records[0]?.trail.finished, { status: 200, ending: 'caller-left' })
  t.equal(forwarder.records[0]?.trail.startedWith, 200)
  t.equal(forwarder.streams.count(), 0)
})

t.test('a watch whose key goes away ends with its last chunk, and so does its upstream', async (t) => {
  const { upstream, client, forwarder } = await start(t)
  upstream.answer((_request, reply) => reply.stream(200))
  client.request('GET', `${pods}?watch=1`)
  const watch = await client.streamed()
  const { connection } = await upstream.nextRequest()
  forwarder.allowed = false
  forwarder.streams.recheck()
  t.equal(await watch.next(), undefined, 'a proper end')
  await connection.closed
  t.match(await forwarder.records[0]?.trail.finished, { status: 200, ending: 'revoked' })
})

t.test('a watch that waits for its head when the key goes away is told so', async (t) => {
  const { upstream, client, forwarder } = await start(t)
  upstream.answer(() => 'hold')
  client.request('GET', `${pods}?watch=1`)
  await upstream.nextRequest()
  forwarder.allowed = false
  forwarder.streams.recheck()
  t.match((await client.response()).json(), { code: 401, details: { causes: [{ reason: 'RevokedKey' }] } })
})

t.test('over HTTP/2 a revoked watch ends its stream, and the connection lives on', async (t) => {
  const { upstream, forwarder } = await start(t)
  upstream.answer((_request, reply) => reply.stream(200))
  const client = await connectHttp2(t, { port: forwarder.port, ca: forwarder.ca! })
  const stream = client.open('GET', `${pods}?watch=1`)
  await once(stream, 'response')
  forwarder.allowed = false
  forwarder.streams.recheck()
  stream.resume()
  await once(stream, 'close')
  t.equal(stream.rstCode, 0)
  t.notOk(client.session.closed)
})

t.test('an answer that breaks off is never made to look whole', async (t) => {
  for (const framing of [['Transfer-Encoding', 'chunked'], ['Content-Length', '100']]) {
    const { upstream, client, forwarder } = await start(t)
    upstream.answer((_request, reply) => {
      reply.head(200, framing)
      reply.raw(framing[0] === 'Content-Length' ? 'half' : '4\r\nhalf\r\n')
      setImmediate(() => reply.cut())
    })
    client.request('GET', pods)
    await t.rejects(client.response(), framing.join(' '))
    t.match(await forwarder.records[0]?.trail.finished, { status: 200, ending: 'upstream-failed' })
  }
})

t.test('a caller that leaves in mid-body leaves no whole body upstream', async (t) => {
  const { upstream, client } = await start(t)
  client.request('POST', pods, ['Transfer-Encoding', 'chunked'])
  client.send('4\r\nkube\r\n')
  const request = await upstream.nextRequest()
  client.close()
  await t.rejects(request.body)
})

t.test('a bodyless request is sent again when its pooled connection had died, once, and nothing else is', async (t) => {
  const { upstream, client } = await start(t)
  client.request('GET', pods)
  await client.response()
  let dying = 0
  upstream.answer(request => request.connection.index === 0 && dying++ === 0 ? 'cut' : { status: 200, body: 'again' })
  client.request('DELETE', `${pods}/x`)
  t.equal((await client.response()).body.toString(), 'again')
  t.equal(upstream.requests.length, 3)

  upstream.answer(() => 'cut')
  client.request('POST', pods, [], '{}')
  t.match((await client.response()).json(), { code: 502, details: { causes: [{ reason: 'BadUpstream' }] } })
  t.equal(upstream.requests.length, 4, 'a body is sent once')
})

t.test('a pooled connection that dies in the middle of a head is no reason to repeat', async (t) => {
  const { upstream, client } = await start(t)
  client.request('GET', pods)
  await client.response()
  upstream.answer((_request, reply) => {
    reply.raw('HTTP/1.1 200 OK\r\nContent-')
    setImmediate(() => reply.cut())
  })
  client.request('GET', pods)
  t.equal((await client.response()).status, 502)
  t.equal(upstream.requests.length, 2)
})

t.test('a request whose fresh connection dies is not sent again', async (t) => {
  const { upstream, client } = await start(t)
  upstream.answer(() => 'cut')
  client.request('GET', pods)
  t.equal((await client.response()).status, 502)
  t.equal(upstream.requests.length, 1)
})

t.test('503 is sent once and relayed with its Retry-After', async (t) => {
  const { upstream, client } = await start(t)
  upstream.answer(() => ({ status: 503, headers: ['Retry-After', '7'], body: 'no' }))
  client.request('GET', pods)
  const answer = await client.response()
  t.equal(answer.status, 503)
  t.strictSame(answer.all('retry-after'), ['7'])
  t.equal(upstream.requests.length, 1)
})

t.test('a 401 to our credential renews it once, and is never shown', async (t) => {
  const { upstream, client, forwarder } = await start(t)
  upstream.answer(request => request.all('authorization')[0] === 'Bearer newer'
    ? { status: 200, body: 'ok' }
    : { status: 401, headers: ['WWW-Authenticate', 'Basic realm="upstream"'], body: 'who?' })
  forwarder.credential.next = 'newer'
  client.request('GET', pods)
  t.equal((await client.response()).body.toString(), 'ok')
  forwarder.credential.token = 'old'
  forwarder.credential.next = undefined
  client.request('GET', pods)
  const answer = await client.response()
  t.match(answer.json(), { code: 502, details: { causes: [{ reason: 'CredentialRejected' }] } })
  t.strictSame(answer.all('www-authenticate'), [])
  forwarder.credential.next = 'newer'
  client.request('POST', pods, [], '{}')
  t.match((await client.response()).json(), { code: 502, message: /it has been renewed, but a request with a body is never sent twice: send it again$/ })
  client.request('GET', pods)
  t.equal((await client.response()).status, 200, 'but the credential was renewed')
})

/** An API server that takes one token, before a program that asks its own users who they are. */
function before(program: Answer, token: string): Handler {
  return ({ target, all }) => {
    if (all('authorization')[0] !== `Bearer ${token}`) return { status: 401, headers: ['WWW-Authenticate', 'Basic realm="kubernetes-master"'], body: 'Unauthorized' }
    return target === '/version' ? { status: 200, body: '{}' } : program
  }
}

for (const path of ['/api/v1/namespaces/a/services/grafana:http/proxy/login', '/apis/build.openshift.io/v1/namespaces/a/buildconfigs/b/webhooks/s/generic']) {
  t.test(`a 401 for ${path} is its own where the API server takes our credential`, async (t) => {
    const { upstream, client, forwarder } = await start(t)
    const own401 = '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Unauthorized","code":401}'
    for (const [method, body] of [['GET', '{"message":"Invalid username or password"}'], ['GET', ''], ['GET', 'x'.repeat(1_000_000)], ['GET', own401], ['POST', 'no'], ['HEAD', '']] as const) {
      upstream.answer(before({ status: 401, headers: ['WWW-Authenticate', 'Basic realm="grafana"'], body }, 'upstream-token'))
      client.request(method, path)
      const answer = await client.response()
      t.equal(answer.status, 401)
      t.equal(answer.body.toString(), body)
      t.strictSame(answer.all('www-authenticate'), ['Basic realm="grafana"'])
    }
    t.strictSame(forwarder.credential.rejected, [])
    t.equal(upstream.requests.filter(({ target }) => target === '/version').length, 1, 'asked once in a second')
  })

  t.test(`a 401 for ${path} that is about our credential renews it`, async (t) => {
    const { upstream, client, forwarder } = await start(t)
    upstream.answer(before({ status: 200, body: 'ok' }, 'newer'))
    client.request('GET', path)
    const answer = await client.response()
    t.match(answer.json(), { code: 502, details: { causes: [{ reason: 'CredentialRejected' }] } })
    t.strictSame(answer.all('www-authenticate'), [])
    forwarder.credential.next = 'newer'
    client.request('GET', path)
    t.equal((await client.response()).body.toString(), 'ok')
  })
}

t.test('a caller that leaves while it is asked whose a 401 is leaves nothing behind', async (t) => {
  const { upstream, raw, forwarder } = await start(t)
  upstream.answer(({ target }) => target === '/version' ? 'hold' : { status: 401, body: 'x'.repeat(1_000_000) })
  const client = await raw()
  client.request('GET', '/api/v1/namespaces/a/services/web/proxy/')
  while ((await upstream.nextRequest()).target !== '/version') { /* the program's first */ }
  client.close()
  t.match(await forwarder.records[0]?.trail.finished, { ending: 'caller-left' })
})

t.test('an upstream that is down, silent or nonsense is a Status', async (t) => {
  const { upstream, client, forwarder } = await start(t, { responseTimeout: 1000 })
  upstream.answer(() => 'hold')
  client.request('GET', pods)
  t.match((await client.response()).json(), { code: 504, details: { causes: [{ reason: 'UpstreamTimeout' }] } })
  upstream.answer(() => 'HTTP/1.1 banana\r\n\r\n')
  client.request('GET', pods)
  t.match((await client.response()).json(), { code: 502, details: { causes: [{ reason: 'BadUpstream' }] } })
  await upstream.close()
  client.request('GET', pods)
  const answer = await client.response()
  t.match(answer.json(), { code: 503, details: { causes: [{ reason: 'UpstreamUnreachable' }] } })
  t.strictSame(answer.all('retry-after'), ['1'])
  t.match(await forwarder.records.at(-1)?.trail.finished, { refusal: { code: 'UpstreamUnreachable' } })
})

t.test('a short answer that stops in the middle is cut; a quiet watch is left alone', async (t) => {
  const { upstream, forwarder, raw } = await start(t, { responseTimeout: 500 })
  upstream.answer(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n')
  const [short, watch] = [await raw(), await raw()]
  watch.request('GET', `${pods}?watch=1`)
  await watch.streamed()
  short.request('GET', pods)
  await t.rejects(short.response())
  t.match(await forwarder.records[1]?.trail.finished, { status: 200, ending: 'upstream-failed' })
  t.ok(watch.socket.writable)
})

t.test('bodies are bounded, whether announced or not', async (t) => {
  const { upstream, client, raw } = await start(t, { maxRequestBody: 1000 })
  upstream.answer(() => 'hold')
  client.request('POST', pods, [], 'x'.repeat(1001))
  t.match((await client.response()).json(), { code: 413, details: { causes: [{ reason: 'BodyTooLarge' }] } })
  t.equal(upstream.requests.length, 0)
  const second = await raw()
  second.request('POST', pods, ['Transfer-Encoding', 'chunked'])
  second.send(`1\r\nx\r\n`)
  const request = await upstream.nextRequest()
  second.send(`3e8\r\n${'x'.repeat(1000)}\r\n0\r\n\r\n`)
  t.equal((await second.response()).status, 413)
  await t.rejects(request.body, 'upstream never sees the end')
})

t.test('a body that does not come in time is 408', async (t) => {
  const { client } = await start(t, { responseTimeout: 300 })
  client.request('POST', pods, ['Content-Length', '10'])
  client.send('x')
  t.match((await client.response()).json(), { code: 408, details: { causes: [{ reason: 'RequestTimeout' }] } })
})

t.test('an early answer is relayed, and the connection closed with the body unread', async (t) => {
  const { upstream, client } = await start(t, { maxRequestBody: 100_000_000 })
  upstream.answer(() => ({ status: 403, body: 'no', early: true }))
  client.request('POST', pods, ['Content-Length', '10000000'], Buffer.alloc(1000))
  const answer = await client.response()
  t.equal(answer.status, 403)
  t.strictSame(answer.all('connection'), ['close'])
  client.send('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.closed()
  t.equal(upstream.requests.length, 1)
})

t.test('redirects are handed to the caller, not followed', async (t) => {
  const { upstream, client } = await start(t)
  upstream.answer(() => ({ status: 302, headers: ['Location', 'https://evil.example/x'] }))
  client.request('GET', pods)
  const answer = await client.response()
  t.equal(answer.status, 302)
  t.strictSame(answer.all('location'), ['https://evil.example/x'])
  t.equal(upstream.requests.length, 1)
})

t.test('HEAD, 204 and 304 carry no body', async (t) => {
  const { upstream, client, forwarder } = await start(t)
  upstream.answer(request => request.method === 'HEAD'
    ? 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'
    : { status: request.target.includes('x') ? 204 : 304 })
  client.request('HEAD', pods)
  t.strictSame((await client.response()).all('content-length'), ['1000'])
  client.request('GET', `${pods}/x`)
  t.equal((await client.response()).status, 204)
  client.request('GET', pods)
  t.equal((await client.response()).status, 304)
  const h2 = await connectHttp2(t, { port: forwarder.port, ca: forwarder.ca! })
  t.equal((await h2.request('HEAD', pods)).status, 200)
  t.equal((await h2.request('GET', pods)).status, 304)
})

t.test('long-running requests use connections of their own', async (t) => {
  const { upstream, client, raw } = await start(t)
  upstream.answer((request, reply) => request.target.includes('watch') ? reply.stream(200) : { status: 200, body: 'ok' })
  for (let i = 0; i < 300; i++) {
    const watcher = i % 50 === 0 ? await raw() : undefined
    watcher?.request('GET', `${pods}?watch=1`)
    await watcher?.streamed()
  }
  client.request('GET', pods)
  t.equal((await client.response()).body.toString(), 'ok')
})
