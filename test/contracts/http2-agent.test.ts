import net, { type AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { createConnector, secureContextOf } from '../../src/clusters/connector.ts'
import { createHttp2Sender } from '../../src/clusters/http2/sender.ts'
import { isCertificateRefused, translateUpstreamError } from '../../src/upstream-errors.ts'
import { makeAuthority, selfSigned } from '../support/certificates.ts'
import { http2Agents, startHttp2Upstream, Told } from '../support/http2-upstream.ts'
import { Clock } from '../support/manual-clock.ts'
import { startRawHttp2Server } from '../support/raw-http2-server.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { alerts, startRefusingServer } from '../support/refusing-tls-server.ts'

// What long-running requests over HTTP/2 rely on in Node's TLS and ALPN: the same as over HTTP/1.1 (agents.test.ts).

const authority = makeAuthority()
const hour = 3_600_000

const wrongCertificates = {
  'self-signed': selfSigned(),
  'of another authority': makeAuthority().issue(),
  'expired': authority.issue({ notAfter: Date.now() - hour, notBefore: Date.now() - 2 * hour }),
  'not valid yet': authority.issue({ notBefore: Date.now() + hour }),
  'for another name': authority.issue({ names: ['other.example'] }),
}

for (const [title, tls] of Object.entries(wrongCertificates)) {
  t.test(`a certificate ${title}: a 502, and not one byte is sent`, async (t) => {
    const upstream = await startHttp2Upstream(t, { tls, ca: authority.ca })
    const told = http2Agents(t, upstream).ask('/')
    t.equal(await told.over, 'error')
    t.match(translateUpstreamError(told.error, { sent: false }), { code: 'BadUpstream', message: /certificate/ })
    t.strictSame([upstream.bytes, upstream.arrivals.length, told.calls], [0, 0, ['error']])
  })
}

t.test('no environment variable turns verification off', async (t) => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const upstream = await startHttp2Upstream(t, { tls: selfSigned(), ca: authority.ca })
  const told = http2Agents(t, upstream).ask('/')
  t.equal(await told.over, 'error')
  t.equal(upstream.bytes, 0)
})

t.test('the configured server name is the one in SNI and in the certificate, whatever Host a request has', async (t) => {
  const upstream = await startHttp2Upstream(t, { tls: authority.issue({ names: ['kubernetes.default.svc'] }), ca: authority.ca })
  const headers = ['Host', 'evil.example', 'Authorization', 'Bearer token']
  const told = http2Agents(t, upstream, { servername: 'kubernetes.default.svc' }).ask('/', { headers })
  const { stream, session } = await upstream.next()
  t.equal((session.socket as TLSSocket & { servername: string }).servername, 'kubernetes.default.svc')
  stream.respond({ ':status': 200 }, { endStream: true })
  await told.over

  const other = await startHttp2Upstream(t, { tls: authority.issue({ names: ['evil.example'] }), ca: authority.ca })
  const named = http2Agents(t, other).ask('/', { headers })
  t.equal(await named.over, 'error')
  t.match(named.error, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  t.equal(other.bytes, 0, 'a Host that the certificate fits does not make it the right server')
})

t.test('a client certificate is presented', async (t) => {
  const clients = makeAuthority()
  const upstream = await startHttp2Upstream(t, { clientCa: clients.ca })
  const told = http2Agents(t, upstream, { certificate: clients.issue({ names: ['us'] }) }).ask('/')
  const { stream, session } = await upstream.next()
  t.ok((session.socket as TLSSocket).authorized)
  stream.respond({ ':status': 200 }, { endStream: true })
  await told.over
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`a client certificate that is refused within ${version} is told as such, with nothing sent`, async (t) => {
    const server = await startRefusingServer(t, { alert: alerts.required, version })
    const told = http2Agents(t, server).ask('/')
    t.equal(await told.over, 'error')
    t.ok(isCertificateRefused(told.error), String(told.error))
    t.strictSame(told.calls, ['error'])
    t.equal(server.refused, 1)
  })
}

t.test('a server that does not get as far as SETTINGS is given up in time', async (t) => {
  const silent = net.createServer(socket => t.teardown(() => socket.destroy())).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await new Promise(resolve => silent.once('listening', resolve))
  const dead = { url: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`, ca: authority.ca }
  for (const upstream of [dead, await startRawHttp2Server(t, { mute: true })]) {
    const told = http2Agents(t, upstream, { timeouts: { connect: 100, response: 1000 } }).ask('/')
    t.equal(await told.over, 'error')
    t.match(translateUpstreamError(told.error, { sent: false }), { code: 'UpstreamUnreachable', retryAfter: 1 })
    t.strictSame(told.calls, ['error'])
  }
})

t.test('nothing of a request leaves before the server has said what it is by SETTINGS', async (t) => {
  const upstream = await startRawHttp2Server(t, { mute: true })
  const { ask } = http2Agents(t, upstream)
  const told = ask('/')
  while (upstream.connections.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await new Promise(resolve => setTimeout(resolve, 50))
  const later = ask('/later')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(upstream.arrivals.length, 0)
  upstream.connections[0]?.settings(undefined)
  const { connection, id } = await upstream.next()
  connection.headers(id, 200, true)
  t.equal(await told.over, 'end')
  connection.headers((await upstream.next()).id, 200, true)
  t.equal(await later.over, 'end')
})

function timed(t: Test, { url, ca }: { readonly url: string, readonly ca: string }) {
  const clock = new Clock(0)
  const options = { ca, servername: '', timeouts: { connect: 5000 } }
  const connect = createConnector(options, secureContextOf(options), { allowH2: true, onConnect() {} })
  const offers: string[] = []
  const agent = createHttp2Sender({
    origin: url, otherwise: http2Agents(t, { url, ca }, { http2: false }).long, timeouts: { connect: 5000 },
    connect: (...target) => { offers.push(String(target[0].host)); connect(...target) },
    schedule: (ms, run) => clock.schedule(run, ms),
  })
  t.teardown(() => agent.destroy())
  const ask = async (path: string): Promise<Told> => {
    const told = new Told()
    agent.send({ method: 'GET', target: path, headers: ['Host', 'x', 'Authorization', 'Bearer token'], body: undefined, patience: 0 }, told)
    await told.over
    return told
  }
  return { clock, ask, offers }
}

t.test('a server that speaks no HTTP/2 is asked by HTTP/1.1, over verified TLS, and offered HTTP/2 again some minutes later', async (t) => {
  const upstream = await startUpstream(t)
  const { clock, ask, offers } = timed(t, upstream)
  const first = await Promise.all([ask('/1'), ask('/2')])
  t.strictSame(first.map(({ status, calls }) => [status, calls]), Array(2).fill([200, ['start', 'head', 'data', 'end']]))
  t.strictSame(upstream.requests.map(({ target }) => target).sort(), ['/1', '/2'])
  t.equal(upstream.connections.filter(({ bytes }) => bytes > 0).length, 2, 'on connections of their own')
  t.equal(offers.length, 1)
  t.strictSame(upstream.faults, [])
  await ask('/3')
  t.equal(offers.length, 1, 'it is remembered')
  clock.advance(300_000)
  await ask('/4')
  t.equal(offers.length, 2, 'for a while')
  t.equal(upstream.requests.length, 4)
})

t.test('a server in plain text is never sent a byte but the greeting of TLS', async (t) => {
  const upstream = await startUpstream(t, { tls: false })
  const told = http2Agents(t, { url: upstream.url.replace('http:', 'https:'), ca: authority.ca }, { timeouts: { connect: 300, response: 1000 } }).ask('/')
  t.equal(await told.over, 'error')
  t.equal(upstream.requests.length, 0)
  t.notMatch(Buffer.concat(upstream.connections.flatMap(({ received }) => received)).toString('latin1'), /Bearer|PRI \*/)
})
