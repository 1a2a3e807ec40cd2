// A key that is revoked, removed, expires, or loses its scope ends what it opened within a second, and nobody else's.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { callerEntry, startTarget } from '../support/attack-target.ts'
import { startHeldUp } from '../support/held-up.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor, type TestKey } from '../support/keys.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const going = keyFor('going000')
const staying = keyFor('staying0')
const rules = [
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'watch'], namespaces: ['a'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['a'] },
]
const both = [callerEntry('going', going, rules), callerEntry('staying', staying, rules)]
const target = await startTarget(t, { callers: both })

const pods = '/api/v1/namespaces/a/pods'
target.upstream.answer((request, reply) => {
  if (request.all('upgrade').length > 0) {
    const tunnel = reply.upgrade(['Connection', 'Upgrade', 'Upgrade', request.all('upgrade')[0]!])
    return tunnel.write(request.method === 'GET' ? Buffer.from([0x82, 1, 120]) : Buffer.from([0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 2]))
  }
  if (/watch=|follow=/.test(request.target)) {
    reply.stream()
    return reply.chunk('{"type":"ADDED"}\n')
  }
  return { status: 200, body: '{}' }
})

interface Open { readonly name: string, readonly ended: Promise<string> }

async function openHttp1(way: 'plain' | 'tls', path: string, { key }: TestKey): Promise<Open> {
  const client = await target.connect(way)
  client.request('GET', path, ['Authorization', `Bearer ${key}`])
  const response = await client.streamed()
  await response.next()
  const ended = response.next().then((piece) => piece === undefined ? 'ended' : 'went on', () => 'cut')
  return { name: `${way} ${path}`, ended }
}

async function openTunnel(way: 'plain' | 'tls', method: 'GET' | 'POST', { key }: TestKey): Promise<Open> {
  const client = await target.connect(way)
  const handshake = method === 'GET' ? webSocketHeaders() : spdyHeaders()
  client.request(method, `${pods}/x/exec?command=sh`, ['Authorization', `Bearer ${key}`, ...handshake])
  if ((await client.response()).status !== 101) throw new Error('no tunnel')
  await client.tunnelled()
  const ended = client.tunnelled().then((farewell) => farewell === undefined ? 'cut' : method === 'GET' ? `close frame ${farewell[0] === 0x88}` : `control frame ${farewell[0] === 0x80}`)
  return { name: `${way} exec by ${method}`, ended }
}

async function openHttp2(t: Test, { key }: TestKey): Promise<Open> {
  const client = await connectHttp2(t, target.tls)
  const stream = client.open('GET', `${pods}?watch=true`, { authorization: `Bearer ${key}` })
  await once(stream, 'data')
  return { name: 'http2 watch', ended: new Promise((resolve) => stream.once('end', () => resolve('ended')).once('error', () => resolve('cut')).resume()) }
}

const openAll = (t: Test, key: TestKey) => Promise.all([
  ...(['plain', 'tls'] as const).flatMap((way) => [
    openHttp1(way, `${pods}?watch=true`, key), openHttp1(way, `${pods}/x/log?follow=true`, key), openTunnel(way, 'GET', key), openTunnel(way, 'POST', key),
  ]),
  openHttp2(t, key),
])

async function assertEnded(t: Test, open: readonly Open[], others: readonly Open[], what: () => Promise<void>): Promise<void> {
  let fell: string | undefined
  for (const { name, ended } of others) void ended.then(() => { fell ??= name })
  await what()
  const [since, heldUp] = [performance.now(), startHeldUp()]
  for (const { name, ended } of open) t.match(await ended, /^(ended|close frame true|control frame true)$/, `${name} ends properly`)
  const took = performance.now() - since
  t.ok(took < 1500 + heldUp(), `within a second: ${Math.round(took)} ms`)
  t.equal(fell, undefined, 'nobody else\'s')
}

const day = { createdAt: '2026-01-01T00:00:00Z' }
const entry = ({ id, sha256 }: TestKey, more: object = {}) => ({ id, sha256, ...day, ...more })
const changes: Record<string, () => object[]> = {
  'its key is revoked': () => [{ name: 'going', rules, keys: [entry(going, { revokedAt: '2026-01-02T00:00:00Z' })] }],
  'its key is removed': () => [{ name: 'going', rules, keys: [] }],
  'the caller is removed': () => [],
  'its scope is taken away': () => [callerEntry('going', going, [])],
  'its scope is narrowed to another namespace': () => [callerEntry('going', going, rules.map((rule) => ({ ...rule, namespaces: ['b'] })))],
  'its clusters are': () => [callerEntry('going', going, rules, { clusters: ['other'] })],
  'its key now ends earlier': () => [{ name: 'going', rules, keys: [entry(going, { expiresAt: new Date(Date.now() + 300).toISOString() })] }],
}

const write = (callers: readonly object[]) =>
  Promise.all([target.plain, target.tls].map((proxy) => proxy.rewriteCallers({ callers: [target.rootEntry, ...callers] })))

for (const [name, changed] of Object.entries(changes)) {
  t.test(`streams end when ${name}`, async (t) => {
    await write(both)
    const open = await openAll(t, going)
    const others = await openAll(t, staying)
    await assertEnded(t, open, others, async () => { await write([...changed(), both[1]!]) })
  })
}

t.test('streams end when the key they opened with expires, without any reload', async (t) => {
  const short = keyFor('short000')
  const expiresAt = new Date(Date.now() + 2000)
  await write([{ name: 'short', rules, keys: [entry(short, { expiresAt: expiresAt.toISOString() })] }, both[1]!])
  const open = await openAll(t, short)
  const others = await openAll(t, staying)
  const heldUp = startHeldUp()
  await assertEnded(t, open, others, async () => { await Promise.race(open.map(({ ended }) => ended)) })
  t.ok(Date.now() >= Number(expiresAt), 'and not before')
  t.ok(Date.now() < Number(expiresAt) + 1500 + heldUp(), 'nor much later')
})

t.test('a reload that changes nothing ends nothing', async (t) => {
  await write(both)
  const open = await openAll(t, going)
  let fell: string | undefined
  for (const { name, ended } of open) void ended.then(() => { fell ??= name })
  await write([...both].reverse())
  for (const way of ['plain', 'tls'] as const) await target.settle(way)
  t.equal(fell, undefined)
})

t.test('no sink holds a secret', (t) => target.silentSinks(t, [going.key, staying.key]))
