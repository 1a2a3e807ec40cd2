import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy'
import fastify from 'fastify'
import t from 'tap'
import { selfSigned } from '../support/certificates.ts'
import { clusterFor } from '../support/cluster-builders.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import type { Scope } from '../support/scope.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

// Why the data plane uses @fastify/http-proxy with a handler and agents of its own:
// what it does by default. Should one of these tests fail after an update, the
// plugin has changed for the better, and what stands around it may become simpler.

/** The plugin's types allow `websocket` in one of their branches only. */
type Options = Partial<FastifyHttpProxyOptions> & { websocket?: boolean, upstream: string }

async function startProxy(t: Scope, options: Options): Promise<number> {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(httpProxy, { destroyAgent: true, ...options } as FastifyHttpProxyOptions)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return (app.server.address() as AddressInfo).port
}

t.test('by default it does not verify upstream\'s certificate: the token goes to whoever answers', async (t) => {
  const upstream = await startUpstream(t, { tls: selfSigned({ names: ['elsewhere.example'] }) })
  const client = await connectRaw(t, { port: await startProxy(t, { upstream: upstream.url }) })
  client.request('GET', '/version', ['Authorization', 'Bearer token'])
  t.equal((await client.response()).status, 200)
  t.strictSame((await upstream.nextRequest()).all('authorization'), ['Bearer token'])
})

t.test('through an agent of ours the same server gets nothing', async (t) => {
  const upstream = await startUpstream(t, { tls: selfSigned({ names: ['elsewhere.example'] }) })
  const { own } = clusterFor(t, upstream)
  const client = await connectRaw(t, { port: await startProxy(t, { upstream: upstream.url, undici: own as never, destroyAgent: false }) })
  client.request('GET', '/version', ['Authorization', 'Bearer token'])
  t.equal((await client.response()).status, 500)
  t.equal(upstream.bytes, 0)
})

type Hooks = NonNullable<FastifyHttpProxyOptions['replyOptions']>

const hooks: Record<string, Hooks> = {
  'by default': {},
  'with maxRetriesOn503: 0': { maxRetriesOn503: 0 } as Hooks,
}

for (const [title, replyOptions] of Object.entries(hooks)) {
  t.test(`${title} it sends a GET that is answered 503 eleven times`, async (t) => {
    // The pause between two tries is 42 ms times this.
    t.intercept(Math, 'random', { value: () => 0.001 })
    const upstream = await startUpstream(t, { tls: false })
    upstream.answer(() => ({ status: 503, body: 'busy' }))
    const client = await connectRaw(t, { port: await startProxy(t, { upstream: upstream.url, replyOptions }) })
    client.request('GET', '/version')
    t.equal((await client.response()).status, 503)
    t.equal(upstream.requests.length, 11)
  })
}

t.test('it leaves undici\'s body timeout of five minutes in place, and ends a quiet watch by it', async (t) => {
  const { getUndiciOptions } = createRequire(createRequire(import.meta.url).resolve('@fastify/http-proxy'))('@fastify/reply-from/lib/request') as {
    getUndiciOptions(): object
  }
  t.strictSame(getUndiciOptions(), { pipelining: 1, connections: 128, tls: { rejectUnauthorized: false } })

  const upstream = await startUpstream(t, { tls: false })
  upstream.answer((_, reply) => { reply.stream(); reply.chunk('event') })
  const client = await connectRaw(t, { port: await startProxy(t, { upstream: upstream.url, undici: { bodyTimeout: 10 } }) })
  client.request('GET', '/api/v1/pods?watch=true')
  const watch = await client.streamed()
  t.equal((await watch.next())?.toString(), 'event')
  await t.rejects(watch.next(), 'the same thing five minutes earlier')
})

t.test('it does not let SPDY pass', async (t) => {
  const upstream = await startUpstream(t, { tls: false })
  const client = await connectRaw(t, { port: await startProxy(t, { upstream: upstream.url, websocket: true }) })
  client.request('POST', '/api/v1/namespaces/a/pods/x/exec', spdyHeaders())
  await client.closed()
  t.equal(upstream.bytes, 0)
})

/** Masked with a key of four bytes, as a client has to (RFC 6455, 5.3). */
function frame(first: number, text: string, mask: string): Buffer {
  const key = Buffer.from(mask, 'latin1')
  const masked = Buffer.from(text).map((byte, at) => byte ^ (key[at % 4] ?? 0))
  return Buffer.concat([Buffer.from([first, 0x80 | masked.length]), key, masked])
}

t.test('it takes WebSocket frames apart and makes its own: what arrives is not what was sent', async (t) => {
  const upstream = await startUpstream(t, { tls: false })
  const arrived = new Promise<Buffer>((resolve) => {
    upstream.answer((request, reply) => {
      const accept = createHash('sha1').update(`${request.all('sec-websocket-key')[0]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      reply.upgrade(['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', accept]).incoming.once('data', resolve)
    })
  })
  const client = await connectRaw(t, { port: await startProxy(t, { upstream: upstream.url, websocket: true }) })
  client.request('GET', '/exec', webSocketHeaders())
  t.equal((await client.response()).status, 101)
  const sent = Buffer.concat([frame(0x02, 'ab', 'key1'), frame(0x80, 'cd', 'key2')])
  client.send(sent)
  const received = await arrived
  t.equal(received[0], 0x82, 'two fragments became one message')
  t.equal(received.length, 2 + 4 + 4)
  t.notSame(received.subarray(2, 6), sent.subarray(2, 6), 'under another mask')
})

t.test('its handler option has the whole reply, and nothing is sent that the handler does not send', async (t) => {
  const upstream = await startUpstream(t, { tls: false })
  const port = await startProxy(t, {
    upstream: upstream.url,
    handler: (request, reply) => reply.send(`ours: ${request.raw.url ?? ''}`),
  })
  const client = await connectRaw(t, { port })
  client.request('GET', '/api/v1/namespaces/a/pods?x=%20')
  t.equal((await client.response()).body.toString(), 'ours: /api/v1/namespaces/a/pods?x=%20')
  t.equal(upstream.bytes, 0)
})
