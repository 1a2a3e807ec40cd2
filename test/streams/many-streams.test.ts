// Hundreds of streams of every kind end with one key, within the second, while others go on and are served.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { callerEntry, upstreamToken } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startHeldUp } from '../support/held-up.ts'
import { connectHttp2, type Http2Client } from '../support/http2-client.ts'
import { keyFor, type TestKey } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const ofEach = 60
const second = 1000
const going = keyFor('going000')
const staying = keyFor('staying0')
const rules = [
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'], namespaces: ['a'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['a'] },
]
const stays = callerEntry('staying', staying, rules)
const upstream = await startUpstream(t, { aside: (target) => /^\/apis\/api(extensions|registration)/.test(target) })
const proxy = await startProxy(t, { upstreams: { prod: upstream }, token: upstreamToken, tls: makeAuthority(), callers: { callers: [callerEntry('going', going, rules), stays] } })
const pods = '/api/v1/namespaces/a/pods'

upstream.answer((request, reply) => {
  const [upgrade] = request.all('upgrade')
  if (upgrade !== undefined) return void reply.upgrade(['Connection', 'Upgrade', 'Upgrade', upgrade])
  if (!/watch=|follow=/.test(request.target)) return { status: 200, body: '{}' }
  reply.stream()
  reply.chunk('first')
})

interface Open {
  readonly kind: string
  readonly ended: Promise<{ readonly how: string, readonly at: number }>
}

async function read(t: Test, { key }: TestKey, path: string): Promise<Open> {
  const client = await connectRaw(t, proxy)
  client.request('GET', path, ['Authorization', `Bearer ${key}`])
  const answer = await client.streamed()
  await answer.next()
  const ended = answer.next().then((piece) => ({ how: piece === undefined ? 'last chunk' : 'more', at: performance.now() }), (error: unknown) => ({ how: String(error), at: performance.now() }))
  return { kind: 'HTTP/1.1', ended }
}

async function exec(t: Test, { key }: TestKey, method: 'GET' | 'POST'): Promise<Open> {
  const client = await connectRaw(t, proxy)
  client.request(method, `${pods}/x/exec?command=sh`, ['Authorization', `Bearer ${key}`, ...method === 'GET' ? webSocketHeaders() : spdyHeaders()])
  if ((await client.response()).status !== 101) throw new Error('no tunnel')
  const ended = client.tunnelled().then((bytes) => ({ how: bytes?.subarray(0, method === 'GET' ? 1 : 4).toString('hex') ?? 'cut', at: performance.now() }))
  return { kind: method === 'GET' ? 'WebSocket' : 'SPDY', ended }
}

async function stream(client: Http2Client, { key }: TestKey): Promise<Open> {
  const stream = client.open('GET', `${pods}?watch=true`, { authorization: `Bearer ${key}` }).on('error', () => {})
  await once(stream, 'data')
  return { kind: 'HTTP/2', ended: once(stream, 'close').then(() => ({ how: `END_STREAM, code ${stream.rstCode}`, at: performance.now() })) }
}

/** Five at a time: hundreds of handshakes at once are another test. */
async function openAll(t: Test, key: TestKey, count: number): Promise<Open[]> {
  const shared = await connectHttp2(t, proxy)
  const open: Open[] = []
  for (let i = 0; i < count; i += 1) {
    open.push(...await Promise.all([
      read(t, key, `${pods}?watch=true`), read(t, key, `${pods}/x/log?follow=true`),
      exec(t, key, 'GET'), exec(t, key, 'POST'), stream(shared, key),
    ]))
  }
  return open
}

const properly: Readonly<Record<string, string>> = { 'HTTP/1.1': 'last chunk', 'HTTP/2': 'END_STREAM, code 0', 'WebSocket': '88', 'SPDY': '80030007' }

t.test(`${5 * ofEach} streams of all kinds`, async (t) => {
  const mine = await openAll(t, going, ofEach)
  const others = await openAll(t, staying, 2)
  let othersEnded = 0
  for (const { ended } of others) void ended.then(() => { othersEnded += 1 })
  const heldUp = startHeldUp()
  const since = performance.now()
  const inForce = proxy.rewriteCallers({ callers: [{ name: 'going', rules }, stays] })
  const ends = await Promise.all(mine.map(({ ended }) => ended))
  const last = Math.max(...ends.map(({ at }) => at)) - since
  t.ok(last <= second + heldUp(), `the last ends after ${Math.round(last)} ms`)
  t.strictSame([...new Set(ends.map(({ how }, at) => `${mine[at]?.kind}: ${how}`))].sort(), Object.entries(properly).map(([kind, how]) => `${kind}: ${how}`).sort())
  await inForce
  const answer = await connectHttp2(t, proxy).then((client) => client.request('GET', pods, { authorization: `Bearer ${staying.key}` }))
  t.equal(answer.status, 200)
  t.equal(othersEnded, 0)
  for (;;) {
    const metrics = await proxy.metrics()
    const [, count] = /^portcullis_revocation_seconds_count (\d+)$/m.exec(metrics) ?? []
    if (Number(count) === 0) continue
    const [, sum] = /^portcullis_revocation_seconds_sum (\S+)$/m.exec(metrics) ?? []
    t.ok(Number(count) === 1 && Number(sum) > 0, `measured once: ${sum} s`)
    break
  }
})
