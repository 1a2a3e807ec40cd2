// Watches through the whole proxy to an API server by HTTP/2: what callers and the audit log see is what they see by HTTP/1.1.
import { once } from 'node:events'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { startHttp2Upstream, type Http2Arrival, type Http2UpstreamOptions } from '../support/http2-upstream.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const token = 'upstream-token-0123456789'
const key = keyFor('watcher0')
const rules = [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods', 'pods/log'], namespaces: ['a'] }]
const watch = '/api/v1/namespaces/a/pods?watch=true'
const authorization = `Bearer ${key.key}`
const event = Buffer.from('{"type":"ADDED","object":{}}\n')

async function start(t: Test, options: Http2UpstreamOptions = {}) {
  const upstream = await startHttp2Upstream(t, { ...options, alsoHttp1: true })
  const proxy = await startProxy(t, { upstreams: { prod: upstream }, token, http2: true, tls: makeAuthority(), callers: { callers: [callerEntry('watcher', key, rules)] } })
  /** A watch by HTTP/1.1, its head and the first event there. */
  const open1 = async () => {
    const client = await connectRaw(t, proxy)
    client.request('GET', watch, ['Authorization', authorization])
    const arrival = await upstream.next()
    begin(arrival)
    const answer = await client.streamed()
    t.strictSame(await answer.next(), event)
    return { client, answer, ...arrival }
  }
  return { upstream, proxy, open1 }
}

function begin({ stream }: Http2Arrival): void {
  stream.respond({ ':status': 200, 'content-type': 'application/json', 'audit-id': 'theirs' })
  stream.write(event)
}

const closed = async (stream: ServerHttp2Stream): Promise<number> => {
  if (!stream.closed) await once(stream, 'close')
  return stream.rstCode
}

t.test('callers\' watches of either protocol are streams of one connection, audited as ever', async (t) => {
  const { upstream, proxy, open1 } = await start(t)
  const one = await open1()
  const client = await connectHttp2(t, proxy)
  const two = client.open('GET', watch, { authorization })
  const second = await upstream.next()
  begin(second)
  const [headers] = await once(two, 'response') as [Record<string, string>]
  t.strictSame(await once(two, 'data'), [event])
  t.equal(second.session, one.session)
  t.strictSame(second.raw.filter((_, at) => second.raw[at - at % 2] === 'authorization'), ['authorization', `Bearer ${token}`])
  t.equal(second.headers['audit-id'], headers['audit-id'])
  t.equal(second.headers[':authority'], new URL(upstream.url).host)
  t.notOk(JSON.stringify(second.raw).includes(key.key))

  one.stream.end(event)
  t.strictSame([await one.answer.next(), await one.answer.next()], [event, undefined])
  second.stream.end()
  await once(two, 'end')
  for (const id of [one.answer.all('audit-id')[0], headers['audit-id']]) {
    await until(() => proxy.events().filter(({ auditID }) => auditID === id).length === 2)
    const [started, complete] = proxy.events().filter(({ auditID }) => auditID === id)
    t.match([started, complete], [
      { stage: 'ResponseStarted', verb: 'watch', responseStatus: { code: 200 } },
      { stage: 'ResponseComplete', verb: 'watch', responseStatus: { code: 200 }, annotations: { 'portcullis.dev/bytes-out': String(id === headers['audit-id'] ? event.length : 2 * event.length) } },
    ])
  }
})

t.test('a caller that resets its stream ends that one upstream, and no other', async (t) => {
  const { upstream, proxy } = await start(t)
  const client = await connectHttp2(t, proxy)
  const [one, two] = [client.open('GET', watch, { authorization }), client.open('GET', watch, { authorization })]
  const arrivals = [await upstream.next(), await upstream.next()]
  arrivals.forEach(begin)
  await Promise.all([once(one, 'data'), once(two, 'data')])
  one.close(constants.NGHTTP2_CANCEL)
  await until(() => arrivals.some(({ stream }) => stream.closed))
  t.strictSame(arrivals.map(({ stream }) => stream.closed).sort(), [false, true])
  t.equal(arrivals.find(({ stream }) => stream.closed)?.stream.rstCode, constants.NGHTTP2_CANCEL)
  arrivals.find(({ stream }) => !stream.closed)?.stream.end(event)
  t.strictSame(await once(two, 'data'), [event])
  await once(two, 'end')
})

t.test('a caller by HTTP/1.1 that leaves cancels its stream; one whose upstream is cut is cut', async (t) => {
  const { proxy, open1 } = await start(t)
  const left = await open1()
  left.client.close()
  t.equal(await closed(left.stream), constants.NGHTTP2_CANCEL)
  const cut = await open1()
  cut.session.destroy()
  await t.rejects(cut.answer.next())
  const id = cut.answer.all('audit-id')[0]
  await until(() => proxy.events().some(({ auditID, stage }) => auditID === id && stage === 'ResponseComplete'))
  t.match(proxy.events().findLast(({ auditID }) => auditID === id)?.annotations, { 'portcullis.dev/ending': 'upstream-failed' })
})

t.test('a reader that stopped holds up its own stream alone', async (t) => {
  const { proxy, open1, upstream } = await start(t)
  const slow = await open1()
  slow.client.socket.pause()
  let sent = 0
  const more = () => { do { sent += 65_536 } while (slow.stream.write(Buffer.alloc(65_536, 'x'))) }
  slow.stream.on('drain', more)
  more()
  for (let last = -1; last !== sent;) {
    last = sent
    const client = await connectHttp2(t, proxy)
    const watching = client.open('GET', watch, { authorization })
    const arrival = await upstream.next()
    begin(arrival)
    await once(watching, 'data')
    t.equal(arrival.session, slow.session)
    watching.close(constants.NGHTTP2_CANCEL)
    await closed(arrival.stream)
  }
  t.ok(sent < 24 << 20, `${sent >> 10} KiB are under way`)
  slow.client.socket.destroy()
  await closed(slow.stream)
})

t.test('a new token ends nothing, and a 401 renews it and asks again', async (t) => {
  const { upstream, proxy, open1 } = await start(t)
  const old = await open1()
  const client = await connectHttp2(t, proxy)
  // Upstream takes the old one no more before the file is read.
  const path = join(proxy.folder, 'token')
  await writeFile(`${path}.next`, 'the-next-token-0123456789', { mode: 0o600 })
  proxy.leaks.learn('the-next-token-0123456789')
  upstream.answer((arrival) => {
    if (arrival.headers.authorization === 'Bearer the-next-token-0123456789') begin(arrival)
    else arrival.stream.respond({ ':status': 401, 'www-authenticate': 'Bearer' }, { endStream: true })
  })
  await rename(`${path}.next`, path)
  const fresh = client.open('GET', watch, { authorization })
  const [headers] = await once(fresh, 'response') as [Record<string, unknown>]
  t.equal(headers[':status'], 200)
  old.stream.write(event)
  t.strictSame(await old.answer.next(), event, 'what was open goes on')
  t.equal(upstream.sessions.filter(({ destroyed }) => !destroyed).length >= 1, true)
  old.client.close()
  fresh.close()
})

t.test('a key that goes ends its watches as their protocol does, and upstream\'s', async (t) => {
  const { upstream, proxy, open1 } = await start(t)
  const one = await open1()
  const client = await connectHttp2(t, proxy)
  const two = client.open('GET', watch, { authorization })
  const second = await upstream.next()
  begin(second)
  await once(two, 'data')
  const ended = once(two, 'end')
  await proxy.rewriteCallers({ callers: [] })
  t.equal(await one.answer.next(), undefined)
  await ended
  t.strictSame([await closed(one.stream), await closed(second.stream)], [constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL])
})

t.test('a shutdown ends watches as their protocol does, and closes the connection', async (t) => {
  const { proxy, open1 } = await start(t)
  const { answer, stream, session } = await open1()
  const gone = new Promise(resolve => session.once('close', resolve))
  const stopped = proxy.stop()
  t.equal(await answer.next(), undefined)
  await closed(stream)
  await Promise.all([stopped, gone])
})

t.test('so many watches take as few connections as the API server\'s limit allows', async (t) => {
  const { upstream, proxy } = await start(t, { settings: { maxConcurrentStreams: 20 } })
  const client = await connectHttp2(t, proxy)
  const watches = Array.from({ length: 50 }, () => client.open('GET', watch, { authorization }))
  for (const _ of watches) begin(await upstream.next())
  await Promise.all(watches.map(each => each.readableLength > 0 ? undefined : once(each, 'data')))
  const used = new Set(upstream.arrivals.map(({ session }) => session))
  // Those of the proxy itself take streams too.
  t.ok(used.size <= 4, `${used.size} connections`)
  for (const each of watches) each.close()
})
