// A refusal that waits for its turn: who waits, what goes on meanwhile, and what becomes of one that is not waited for.
import { once } from 'node:events'
import t from 'tap'
import type { Audit } from '../../src/audit/audit.ts'
import { ProxyError } from '../../src/errors.ts'
import type { TakeTurn } from '../../src/limits/pacer.ts'
import { createDataServer } from '../../src/listen/data-server.ts'
import { createParserRefusal } from '../../src/listen/parser-refusal.ts'
import { createRequestHandler } from '../../src/listen/request.ts'
import { createSourceIPs } from '../../src/listen/source.ts'
import { createUpgradeHandler } from '../../src/listen/upgrade.ts'
import { admitted, trailOf, type RecordedTrail } from '../support/builders.ts'
import { makeAuthority } from '../support/certificates.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { Queue } from '../support/queue.ts'
import { connectRaw } from '../support/raw-client.ts'
import type { Scope } from '../support/scope.ts'
import { webSocketHeaders } from '../support/upgrades.ts'

const log = { warn() {}, error() {}, debug() {}, info() {}, trace() {}, fatal() {}, silent() {}, level: 'silent', child: () => log } as never
const authority = makeAuthority()

interface Waiting {
  readonly who: string
  readonly begin: () => void
  readonly gone: Promise<void>
}

/** Refuses what names `/limited`, `/paced` with a turn, and answers all else. */
async function start(t: Scope, crowded = false) {
  const trails: RecordedTrail[] = []
  const turns = new Queue<Waiting>()
  const audit: Audit = {
    open: () => {
      const trail = trailOf()
      trails.push(trail)
      return trail
    },
    healthy: () => true,
    close: async () => {},
  }
  const takeTurn: TakeTurn = (who, onGone) => {
    if (crowded) return 'crowded'
    const gone = new Promise<void>((resolve) => onGone(resolve))
    return new Promise((begin) => {
      turns.put({ who, begin, gone })
      void gone.then(begin)
    })
  }
  const sourceIPs = createSourceIPs([])
  const options = {
    audit, sourceIPs, now: Date.now, log, drain: { closing: false, refusing: false }, takeTurn,
    admit: async (arrival: Parameters<Parameters<typeof createRequestHandler>[0]['admit']>[0]) => {
      if (arrival.target === '/paced') throw new ProxyError('RateLimited', 'too many', { retryAfter: 7, pacedAs: 'caller ci' })
      if (arrival.target === '/limited') throw new ProxyError('RateLimited', 'too many', { retryAfter: 7 })
      return admitted({ arrival })
    },
    onward: async (_admitted: unknown, { reply }: Parameters<Parameters<typeof createRequestHandler>[0]['onward']>[1]) => {
      reply.head(200, '', ['Content-Length', '2'])
      reply.end(Buffer.from('ok'))
    },
    tunnel: async () => { throw new Error('no tunnels here') },
  }
  const server = await createDataServer({
    host: '127.0.0.1', port: 0, http2: true, keepAlive: 120_000, maxConnections: 100, log, headerTimeout: 10_000, maxHeaderSize: 65_536,
    tls: { ...authority.issue(), clientCa: undefined },
    onRequest: createRequestHandler(options), onUpgrade: createUpgradeHandler(options), onUnreadable: createParserRefusal({ audit, sourceIPs, now: Date.now }),
  })
  t.teardown(async () => {
    server.destroy()
    await server.close()
  })
  return { trails, turns, raw: () => connectRaw(t, { port: server.port, ca: authority.ca }), http2: () => connectHttp2(t, { port: server.port, ca: authority.ca }) }
}

const refused = { code: 'RateLimited', message: 'too many', reason: 'TooManyRequests' }

t.test('over HTTP/2 a refusal waits, and what else is on its connection does not', async (t) => {
  const { turns, http2 } = await start(t)
  const client = await http2()
  const paced = client.request('GET', '/paced')
  const { who, begin } = await turns.take()
  t.equal(who, 'caller ci')
  t.equal((await client.request('GET', '/other')).status, 200)
  t.equal((await client.request('GET', '/limited')).status, 429, 'nor does a refusal that is not paced')
  begin()
  const { status, headers } = await paced
  t.strictSame([status, headers['retry-after']], [429, '7'])
})

t.test('over HTTP/1.1 a refusal waits, with its body read away, and its connection serves on', async (t) => {
  const { turns, raw } = await start(t)
  const client = await raw()
  client.request('POST', '/paced', [], 'x'.repeat(10_000))
  ;(await turns.take()).begin()
  t.equal((await client.response()).status, 429)
  client.request('GET', '/other')
  t.equal((await client.response()).status, 200)
})

t.test('an upgrade waits as a request does', async (t) => {
  const { turns, raw, trails } = await start(t)
  const client = await raw()
  client.request('GET', '/paced', webSocketHeaders())
  const { begin } = await turns.take()
  t.equal(trails[0]?.outcome, undefined)
  begin()
  t.equal((await client.response()).status, 429)
})

for (const way of ['HTTP/1.1', 'HTTP/2', 'upgrade'] as const) {
  t.test(`${way}: who leaves is waited for no longer, and was refused`, async (t) => {
    const { turns, raw, http2, trails } = await start(t)
    let leave: () => void
    if (way === 'HTTP/2') {
      const stream = (await http2()).open('GET', '/paced')
      stream.on('error', () => {})
      leave = () => stream.close(8)
    } else {
      const client = await raw()
      client.request('GET', '/paced', way === 'upgrade' ? webSocketHeaders() : [])
      leave = () => client.close()
    }
    const { gone } = await turns.take()
    leave()
    await gone
    t.match(await trails[0]?.finished, { refusal: refused })
  })
}

t.test('where too many wait the answer comes at once, and the connection ends with it', async (t) => {
  const { raw, http2 } = await start(t, true)
  const client = await raw()
  client.request('GET', '/paced')
  const answer = await client.response()
  t.strictSame([answer.status, answer.all('connection')], [429, ['close']])
  await client.closed()

  const session = await http2()
  const goaway = once(session.session, 'goaway')
  t.equal((await session.request('GET', '/paced')).status, 429)
  await goaway
  await session.closed
})
