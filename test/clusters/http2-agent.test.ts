import { constants } from 'node:http2'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { createConnector, secureContextOf } from '../../src/clusters/connector.ts'
import { createHttp2Sender } from '../../src/clusters/http2/sender.ts'
import { isStaleSocket } from '../../src/upstream-errors.ts'
import { http2Agents, startHttp2Upstream, Told, type Http2Arrival } from '../support/http2-upstream.ts'
import { Clock } from '../support/manual-clock.ts'
import { startRawHttp2Server } from '../support/raw-http2-server.ts'
import type { Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const end = ({ stream }: Http2Arrival) => { stream.respond({ ':status': 200 }); stream.end('x') }

/** With a clock of the test's own. */
function timed(t: Scope, { url, ca }: { readonly url: string, readonly ca: string }) {
  const clock = new Clock(0)
  const options = { ca, servername: '', timeouts: { connect: 5000 } }
  const agent = createHttp2Sender({
    origin: url, otherwise: http2Agents(t, { url, ca }, { http2: false }).long, timeouts: { connect: 5000 },
    connect: createConnector(options, secureContextOf(options), { allowH2: true, onConnect() {} }),
    schedule: (ms, run) => clock.schedule(run, ms),
  })
  t.teardown(() => agent.destroy())
  const ask = (path: string): Told => {
    const told = new Told()
    agent.send({ method: 'GET', target: path, headers: [], body: undefined, patience: 0 }, told)
    return told
  }
  return { clock, ask, agent }
}

t.test('requests that come at once share the one connection that is made for them', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { ask } = http2Agents(t, upstream)
  const told = Array.from({ length: 50 }, (_, at) => ask(`/${at}`))
  for (let at = 0; at < 50; at += 1) {
    const arrival = await upstream.next()
    t.equal(arrival.headers[':path'], `/${at}`)
    end(arrival)
  }
  t.strictSame(await Promise.all(told.map(({ over }) => over)), Array(50).fill('end'))
  t.equal(upstream.sessions.length, 1)
  // Less what has been sent since it was last given back.
  t.ok((upstream.sessions[0]?.state.remoteWindowSize ?? 0) > 8 * 1024 * 1024, 'what all of them may send together')
})

t.test('a server gets no more streams on a connection than it says, and further ones on further connections', async (t) => {
  const upstream = await startHttp2Upstream(t, { settings: { maxConcurrentStreams: 10 } })
  const { ask } = http2Agents(t, upstream)
  const told = Array.from({ length: 25 }, () => ask('/watch'))
  const arrivals: Http2Arrival[] = []
  for (const _ of told) arrivals.push(await upstream.next())
  t.equal(upstream.sessions.length, 3)
  t.strictSame(upstream.sessions.map(session => arrivals.filter(arrival => arrival.session === session).length), [10, 10, 5])
  arrivals.forEach(end)
  t.strictSame(await Promise.all(told.map(({ over }) => over)), Array(25).fill('end'))
  const again = ask('/again')
  const last = await upstream.next()
  end(last)
  await again.over
  t.equal(last.session, upstream.sessions[0], 'room that became free is used')
})

t.test('a limit that is lowered holds from then on, and ends nothing', async (t) => {
  const upstream = await startHttp2Upstream(t, { settings: { maxConcurrentStreams: 10 } })
  const { ask } = http2Agents(t, upstream)
  const told = [ask('/1'), ask('/2'), ask('/3')]
  const arrivals = [await upstream.next(), await upstream.next(), await upstream.next()]
  const [session] = upstream.sessions
  session?.settings({ maxConcurrentStreams: 2 })
  await new Promise(resolve => session?.once('localSettings', resolve))
  const later = ask('/4')
  const fourth = await upstream.next()
  t.not(fourth.session, session)
  ;[...arrivals, fourth].forEach(end)
  t.strictSame(await Promise.all([...told, later].map(({ over }) => over)), Array(4).fill('end'))
})

t.test('a server that takes no streams at all is an error, not a row of connections', async (t) => {
  const upstream = await startRawHttp2Server(t, { streams: 0 })
  const told = http2Agents(t, upstream).ask('/')
  t.equal(await told.over, 'error')
  t.equal(upstream.connections.length, 1)
})

t.test('a GOAWAY lets the streams below it go on to their end, and new ones go to a new connection', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { ask } = http2Agents(t, upstream)
  const old = ask('/old')
  const first = await upstream.next()
  first.stream.respond({ ':status': 200 })
  first.stream.write('before')
  await old.has(6)
  // As Go's server shuts down: first all, then the last that it took (net/http, startGracefulShutdown).
  first.session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1)
  first.session.goaway(constants.NGHTTP2_NO_ERROR, 1)
  await until(() => { first.session.ping(() => {}); return true })
  await new Promise(resolve => first.session.once('goaway', resolve))
  const fresh = ask('/new')
  const second = await upstream.next()
  t.not(second.session, first.session)
  end(second)
  t.equal(await fresh.over, 'end')
  const closed = new Promise(resolve => first.session.once('close', resolve))
  first.stream.end(' and after')
  t.equal(await old.over, 'end')
  t.equal(old.body.toString(), 'before and after')
  await closed
})

for (const [title, code] of [['', 0], [' with an error', constants.NGHTTP2_ENHANCE_YOUR_CALM]] as const) {
  t.test(`what is above the last stream of a GOAWAY${title} is sent again, unless it has a body`, async (t) => {
    const upstream = await startRawHttp2Server(t)
    const { ask } = http2Agents(t, upstream)
    const [served, lost, posted] = [ask('/1'), ask('/2'), ask('/3', { method: 'POST', body: new PassThrough().on('error', () => {}) })]
    const { connection } = await upstream.next()
    await upstream.next()
    await upstream.next()
    connection.goaway(1, code)
    const again = await upstream.next()
    t.not(again.connection, connection)
    again.connection.headers(again.id, 200)
    again.connection.data(again.id, 'x', true)
    t.equal(await lost.over, 'end')
    t.strictSame(lost.calls, ['start', 'head', 'data', 'end'])
    t.equal(await posted.over, 'error')
    if (code === 0) {
      connection.headers(1, 200, true)
      t.equal(await served.over, 'end')
    } else {
      t.equal(await served.over, 'error', 'which may have been looked at')
    }
    t.equal(upstream.arrivals.length, 4)
  })
}

t.test('a stream that is refused is sent again on another connection, thrice at most', async (t) => {
  const upstream = await startRawHttp2Server(t)
  const { ask } = http2Agents(t, upstream)
  const told = ask('/')
  const seen = new Set<unknown>()
  for (let at = 0; at < 3; at += 1) {
    const { connection, id } = await upstream.next()
    seen.add(connection)
    connection.reset(id, constants.NGHTTP2_REFUSED_STREAM)
  }
  t.equal(await told.over, 'error')
  t.strictSame(told.calls, ['start', 'error'])
  t.equal(seen.size, 3)
  t.equal(upstream.arrivals.length, 3)
})

t.test('a request that is made just as a GOAWAY comes, and never leaves, is sent on another connection', async (t) => {
  const upstream = await startRawHttp2Server(t)
  const { ask } = http2Agents(t, upstream)
  const watch = ask('/watch')
  const { connection, id } = await upstream.next()
  let late: Told | undefined
  connection.headers(id, 200)
  await watch.head
  // node:http2 hands on the event while it reads the packet that has the GOAWAY too.
  watch.onChunk = () => { late = ask('/late') }
  const packet: Buffer[] = []
  connection.write = bytes => { packet.push(bytes) }
  connection.data(id, '{}')
  // As a server says first that is to shut down: it names no last stream yet.
  connection.goaway(2 ** 31 - 1, 0)
  connection.socket.write(Buffer.concat(packet))
  const second = await upstream.next()
  t.not(second.connection, connection)
  second.connection.headers(second.id, 200, true)
  t.equal(await late?.over, 'end')
  t.equal(upstream.arrivals.length, 2)
})

t.test('an error of a connection ends its streams and no others, each once', async (t) => {
  const upstream = await startHttp2Upstream(t, { settings: { maxConcurrentStreams: 2 } })
  const { ask } = http2Agents(t, upstream)
  const told = [ask('/1'), ask('/2'), ask('/3')]
  const arrivals = [await upstream.next(), await upstream.next(), await upstream.next()]
  for (const { stream } of arrivals) stream.respond({ ':status': 200 })
  await Promise.all(told.map(({ head }) => head))
  upstream.sessions[0]?.destroy()
  t.strictSame(await Promise.all(told.slice(0, 2).map(({ over }) => over)), ['error', 'error'])
  t.strictSame(told.map(({ calls }) => calls), [['start', 'head', 'error'], ['start', 'head', 'error'], ['start', 'head']])
  arrivals[2]?.stream.end('x')
  t.equal(await told[2]?.over, 'end')
})

t.test('a connection that dies under a request is a stale one where it had answered before', async (t) => {
  const upstream = await startRawHttp2Server(t)
  const { ask } = http2Agents(t, upstream)
  const first = ask('/')
  ;(await upstream.next()).connection.break()
  await first.over
  t.notOk(isStaleSocket(first.error))
  const answered = ask('/')
  const { connection, id } = await upstream.next()
  connection.headers(id, 200, true)
  await answered.over
  const second = ask('/')
  await upstream.next()
  connection.break()
  await second.over
  t.ok(isStaleSocket(second.error))
})

t.test('a connection without streams is closed after a minute, and one with a quiet stream is not', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { clock, ask } = timed(t, upstream)
  const watch = ask('/watch')
  const arrival = await upstream.next()
  arrival.stream.respond({ ':status': 200 })
  await watch.head
  for (let at = 0; at < 40; at += 1) {
    clock.advance(14_000)
    await new Promise<void>(resolve => arrival.session.ping(() => resolve()))
  }
  t.notOk(arrival.session.closed)
  arrival.stream.end()
  await watch.over
  await until(() => clock.pending === 2)
  clock.advance(59_000)
  const short = ask('/again')
  end(await upstream.next())
  await short.over
  t.equal(upstream.sessions.length, 1)
  await until(() => clock.pending === 2)
  const closed = new Promise(resolve => arrival.session.once('close', resolve))
  clock.advance(60_000)
  await closed
  t.equal(clock.pending, 0, 'no timer is left of it')
})

t.test('a peer that answers no PING is dead, and its streams end; one that does is asked again and again', async (t) => {
  for (const answersPings of [true, false]) {
    const upstream = await startRawHttp2Server(t, { answersPings })
    const { clock, ask } = timed(t, upstream)
    const watches = [ask('/1'), ask('/2')]
    for (const watch of watches) {
      const { connection, id } = await upstream.next()
      connection.headers(id, 200)
      await watch.head
    }
    const [connection] = upstream.connections
    clock.advance(30_000)
    t.equal(connection?.pings, 0)
    for (let pings = 1; pings <= (answersPings ? 3 : 1); pings += 1) {
      for (let at = 0; connection?.pings !== pings && at < 4; at += 1) {
        clock.advance(15_000)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      t.equal(connection?.pings, pings)
    }
    clock.advance(15_000)
    if (answersPings) {
      await new Promise(resolve => setTimeout(resolve, 50))
      t.ok(watches.every(({ calls }) => !calls.includes('error')))
      continue
    }
    t.strictSame(await Promise.all(watches.map(({ over }) => over)), ['error', 'error'])
    t.match(watches[0]?.error, { code: 'UND_ERR_SOCKET', message: /PING/ })
  }
})

t.test('closed, it takes nothing new, lets what is open come to its end, and then closes its connections', async (t) => {
  const upstream = await startHttp2Upstream(t)
  const { long, ask } = http2Agents(t, upstream)
  const watch = ask('/watch')
  const { stream, session } = await upstream.next()
  stream.respond({ ':status': 200 })
  await watch.head
  let closed = false
  const closing = long.close().then(() => { closed = true })
  const late = ask('/late')
  t.equal(await late.over, 'error')
  t.match(late.error, { code: 'UND_ERR_CLOSED' })
  stream.write('on')
  await watch.has(2)
  t.notOk(closed)
  const gone = new Promise(resolve => session.once('close', resolve))
  stream.end()
  await Promise.all([watch.over, closing, gone])
  t.equal(upstream.arrivals.length, 1)
})

t.test('closed while its first connection is being made, what waits for that is still sent', async (t) => {
  const upstream = await startHttp2Upstream(t)
  upstream.answer(end)
  const { long, ask } = http2Agents(t, upstream)
  const told = ask('/')
  await Promise.all([long.close(), told.over])
  t.strictSame(told.calls, ['start', 'head', 'data', 'end'])
})

t.test('destroyed, it ends what is open and what waits, on the closing connections too', async (t) => {
  const upstream = await startHttp2Upstream(t, { settings: { maxConcurrentStreams: 1 } })
  const agents = http2Agents(t, upstream)
  const open = agents.ask('/open')
  const { stream } = await upstream.next()
  stream.respond({ ':status': 200 })
  await open.head
  const closing = agents.long.close()
  await agents.destroy()
  await closing
  t.equal(await open.over, 'error')
  t.match(open.error, { code: 'UND_ERR_DESTROYED' })
  const other = http2Agents(t, upstream)
  const waiting = other.ask('/waiting')
  await other.destroy()
  t.equal(await waiting.over, 'error')
  t.match(waiting.error, { code: 'UND_ERR_DESTROYED' })
})
