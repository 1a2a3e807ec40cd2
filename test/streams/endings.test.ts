// However a stream ends: its last event says why, for how long it was open, and how many bytes it was.
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { callerEntry, upstreamToken } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy, type AuditEvent, type TestProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import type { Ending } from '../../src/model/trail.ts'
import { until } from '../support/until.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const key = keyFor('ending00')
const rules = [
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'], namespaces: ['a'] },
  { apiGroups: [''], resources: ['pods/exec', 'pods/attach', 'pods/portforward', 'pods/proxy'], verbs: ['get', 'create'], namespaces: ['a'] },
]
const pods = '/api/v1/namespaces/a/pods'
const said = 'first'

/** How upstream ends a stream, by the number in its query. */
interface Voice { readonly end: () => void, readonly cut: () => void }

interface Open {
  readonly name: string
  readonly auditId: string
  readonly voice: Voice
  readonly isTunnel: boolean
  leave(): void
}

interface SetUp { readonly proxy: TestProxy, readonly streams: readonly Open[] }

let numbers = 0

async function setUp(t: Test): Promise<SetUp> {
  const upstream = await startUpstream(t, { aside: target => /^\/apis\/api(extensions|registration)/.test(target) })
  const voices = new Map<string, Voice>()
  upstream.answer((request, reply) => {
    const number = /\d+$/.exec(request.target)?.[0] ?? ''
    const [upgrade] = request.all('upgrade')
    if (upgrade === undefined) {
      reply.stream()
      reply.chunk(said)
      voices.set(number, { end: () => reply.end(), cut: () => reply.cut() })
    } else {
      const tunnel = reply.upgrade(['Connection', 'Upgrade', 'Upgrade', upgrade])
      tunnel.incoming.once('data', () => tunnel.write(frameOf(upgrade)))
      tunnel.incoming.resume()
      voices.set(number, { end: () => tunnel.end(), cut: () => reset(request.connection.socket) })
    }
  })
  const proxy = await startProxy(t, { upstreams: { prod: upstream }, token: upstreamToken, tls: makeAuthority(), callers: { callers: [callerEntry('c', key, rules)] } })
  return { proxy, streams: await openAll(t, proxy, voices) }
}

/** Of a tunnel only that is no end: nobody says how long it is. */
function reset(socket: Socket): void {
  const { _parent: below } = socket as Socket & { _parent: Socket }
  below.resetAndDestroy()
}

/** A whole frame, so that a farewell can follow. */
function frameOf(upgrade: string): Buffer {
  const head = upgrade === 'websocket' ? [0x82, said.length] : [0, 0, 0, 1, 0, 0, 0, said.length]
  return Buffer.concat([Buffer.from(head), Buffer.from(said)])
}

const reads: [string, string][] = [['watch', `${pods}?watch=true&x=`], ['log', `${pods}/x/log?follow=true&x=`], ['proxy', `${pods}/x/proxy/a?x=`]]
const tunnels: [string, 'websocket' | 'SPDY/3.1'][] = [
  ['exec', 'websocket'], ['exec', 'SPDY/3.1'], ['attach', 'websocket'], ['attach', 'SPDY/3.1'], ['portforward', 'websocket'], ['portforward', 'SPDY/3.1'],
]

async function openAll(t: Test, proxy: TestProxy, voices: ReadonlyMap<string, Voice>): Promise<Open[]> {
  const opened: Open[] = []
  const authorization = `Bearer ${key.key}`
  const add = (name: string, number: number, auditId: string, leave: () => void, isTunnel = false) => {
    opened.push({ name, auditId, isTunnel, leave, voice: voices.get(String(number))! })
  }
  for (const [name, path] of reads) {
    const number = numbers += 1
    const client = await connectRaw(t, proxy)
    client.request('GET', `${path}${number}`, ['Authorization', authorization])
    const answer = await client.streamed()
    await answer.next()
    add(`${name} over HTTP/1.1`, number, answer.all('audit-id')[0] ?? '', () => client.close())
  }
  for (const [name, path] of reads) {
    const number = numbers += 1
    const { session, open } = await connectHttp2(t, proxy)
    const stream = open('GET', `${path}${number}`, { authorization })
    stream.on('error', () => {})
    const [[head]] = await Promise.all([
      new Promise<[Record<string, string>]>(resolve => stream.once('response', (...all) => resolve(all as never))),
      new Promise(resolve => stream.once('data', resolve)),
    ])
    add(`${name} over HTTP/2`, number, head['audit-id'] ?? '', () => session.destroy())
  }
  for (const [name, upgrade] of tunnels) {
    const number = numbers += 1
    const client = await connectRaw(t, proxy)
    const [method, handshake] = upgrade === 'websocket' ? ['GET', webSocketHeaders()] : ['POST', spdyHeaders()]
    client.request(method, `${pods}/x/${name}?command=${number}`, ['Authorization', authorization, ...handshake])
    const answer = await client.response()
    client.send('typed')
    await client.tunnelled()
    add(`${name} over ${upgrade}`, number, answer.all('audit-id')[0] ?? '', () => client.close(), true)
  }
  return opened
}

async function lastEvent(proxy: TestProxy, auditId: string): Promise<AuditEvent> {
  const find = () => proxy.events().find(({ auditID, stage }) => auditID === auditId && stage === 'ResponseComplete')
  await until(() => find() !== undefined)
  return find()!
}

const rows: [Ending, RegExp | undefined, (setUp: SetUp) => unknown][] = [
  ['caller-left', /the caller left/, ({ streams }) => { for (const stream of streams) stream.leave() }],
  ['complete', undefined, ({ streams }) => { for (const { voice } of streams) voice.end() }],
  ['upstream-failed', /broke off/, ({ streams }) => { for (const { voice } of streams) voice.cut() }],
  ['revoked', /key or the scope/, ({ proxy }) => proxy.rewriteCallers({ callers: [] })],
  ['drained', /shutting down/, ({ proxy }) => proxy.stop()],
]

for (const [ending, words, end] of rows) {
  t.test(`streams of every kind that end so say it: ${ending}`, async (t) => {
    const all = await setUp(t)
    t.equal(all.streams.length, 12)
    await end(all)
    for (const { name, auditId, isTunnel } of all.streams) {
      const event = await lastEvent(all.proxy, auditId)
      t.match(event, { responseStatus: { code: isTunnel ? 101 : 200, message: words } }, name)
      const { annotations = {} } = event
      t.match(annotations, { 'portcullis.dev/ending': ending, 'portcullis.dev/duration-ms': /^\d+$/ }, name)
      t.ok(Number(annotations['portcullis.dev/bytes-out']) >= said.length, `${name}: bytes out`)
      t.equal(annotations['portcullis.dev/bytes-in'], isTunnel ? '5' : undefined, `${name}: bytes in`)
      const stages = all.proxy.events().filter(({ auditID }) => auditID === auditId).map(({ stage }) => stage)
      t.strictSame(stages, ['ResponseStarted', 'ResponseComplete'], name)
    }
  })
}

t.test('of a stream whose request has a body, the bytes of that are told', async (t) => {
  const { proxy } = await setUp(t)
  const client = await connectRaw(t, proxy)
  client.request('POST', `${pods}/x/proxy/a?x=${numbers += 1}`, ['Authorization', `Bearer ${key.key}`], 'x'.repeat(1234))
  const answer = await client.streamed()
  await answer.next()
  client.close()
  const event = await lastEvent(proxy, answer.all('audit-id')[0] ?? '')
  t.equal(event.annotations?.['portcullis.dev/bytes-in'], '1234')
})
