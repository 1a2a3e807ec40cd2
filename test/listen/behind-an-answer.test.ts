// What comes behind an answer that was said whole and that its caller does not take.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import type { Audit } from '../../src/audit/audit.ts'
import { createDataServer } from '../../src/listen/data-server.ts'
import { createParserRefusal } from '../../src/listen/parser-refusal.ts'
import { createRequestHandler, type RequestHandlerOptions } from '../../src/listen/request.ts'
import { createSourceIPs } from '../../src/listen/source.ts'
import { createUpgradeHandler } from '../../src/listen/upgrade.ts'
import type { Arrival } from '../../src/model/arrival.ts'
import { admitted, trailOf, type RecordedTrail } from '../support/builders.ts'
import { connectRaw } from '../support/raw-client.ts'
import type { Scope } from '../support/scope.ts'
import { webSocketHeaders } from '../support/upgrades.ts'

const log = { warn() {}, error() {}, debug() {}, info() {}, trace() {}, fatal() {}, silent() {}, level: 'silent', child: () => log } as never

/** More than the buffers of a connection hold. */
const answer = Buffer.alloc(64 << 20, 'x')

async function start(t: Scope, { patience }: { readonly patience: number }) {
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
  const served: ServerResponse[] = []
  let unreadable = 0
  const options = {
    audit, log, patience, sourceIPs: createSourceIPs([]), now: Date.now, drain: { closing: false, refusing: false }, takeTurn: () => undefined,
    admit: arrival => admitted({ arrival }),
    onward: async (_admitted, { reply }) => {
      reply.head(200, '', ['Content-Length', String(answer.length)])
      reply.end(answer)
    },
    tunnel: async () => {},
  } satisfies RequestHandlerOptions & { tunnel: unknown }
  const onRequest = createRequestHandler(options)
  const onUnreadable = createParserRefusal(options)
  const server = await createDataServer({
    host: '127.0.0.1', port: 0, http2: true, keepAlive: 120_000, maxConnections: 100, log, headerTimeout: 10_000, maxHeaderSize: 65_536, tls: undefined,
    onRequest: (request, response) => {
      served.push(response as ServerResponse)
      onRequest(request, response)
    },
    onUpgrade: createUpgradeHandler(options),
    onUnreadable: (...error) => {
      unreadable += 1
      onUnreadable(...error)
    },
  })
  t.teardown(async () => {
    server.destroy()
    await server.close()
  })
  const client = await connectRaw(t, { port: server.port })
  client.socket.pause()
  client.request('GET', '/a')
  await until(() => served[0]?.writableEnded === true)
  const [response] = served
  return { seen, client, response: response!, socket: response!.socket!, unreadable: () => unreadable }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}

t.test('an upgrade behind an answer that nobody takes does not keep the connection', async (t) => {
  const { client, seen, socket } = await start(t, { patience: 300 })
  client.request('GET', '/exec', webSocketHeaders('v5.channel.k8s.io'))
  await once(socket, 'close')
  await until(() => seen.length === 2)
  t.match(await seen[0]?.trail.finished, { status: 200, ending: 'caller-left' })
  t.match(await seen[1]?.trail.finished, { status: 400, refusal: { code: 'MalformedHeader' } })
})

t.test('an upgrade behind an answer that is taken late has all the time of an upgrade', async (t) => {
  const { client, seen, socket } = await start(t, { patience: 60_000 })
  client.request('GET', '/exec', webSocketHeaders('v5.channel.k8s.io'))
  client.socket.resume()
  t.equal((await client.response()).status, 200)
  await until(() => seen.length === 2)
  t.strictSame([socket.timeout, socket.listenerCount('timeout')], [0, 0])
})

t.test('what cannot be read, in many pieces behind an answer that is not taken, is waited with once, answered once, and recorded once', async (t) => {
  const { client, seen, response, unreadable } = await start(t, { patience: 60_000 })
  const before = response.listenerCount('close')
  for (let i = 0; i < 5; i += 1) {
    client.send('NO HTTP\r\n')
    await until(() => unreadable() > i)
  }
  t.equal(response.listenerCount('close'), before + 1)
  client.socket.resume()
  t.equal((await client.response()).status, 200)
  t.equal((await client.response()).status, 400)
  await client.closed()
  t.equal(seen.length, 2)
})
