// A key goes, and with it all it opened, within a second of the file's renaming; what others opened goes on.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { upstreamToken } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startHeldUp } from '../support/held-up.ts'
import { connectHttp2, type Http2Client } from '../support/http2-client.ts'
import { keyFor, type TestKey } from '../support/keys.ts'
import { startProxy, type CallersFile } from '../support/proxy.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { startUpstream, type RecordedConnection } from '../support/recording-upstream.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const second = 1000
const going = keyFor('going000')
const staying = keyFor('staying0')

const reading = { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'], namespaces: ['a'] }
const executing = { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['a'] }

const keyEntry = ({ id, sha256 }: TestKey, more: object = {}) => ({ id, sha256, createdAt: '2026-01-01T00:00:00Z', ...more })
const scopes = [
  { name: 'reading', rules: [reading] }, { name: 'executing', rules: [executing] },
  { name: 'all', rules: [reading, executing] },
]
const caller = (keys: readonly object[], scopes: readonly unknown[] = ['reading', 'executing']) => ({ name: 'going', scopes, keys })
const other = { name: 'staying', scopes: ['all'], keys: [keyEntry(staying)] }
const both: CallersFile = { scopes, callers: [caller([keyEntry(going)]), other] }
/** The other one as ever, and of this one what is given. */
const file = (...callers: readonly object[]): CallersFile => ({ scopes, callers: [...callers, other] })

const upstream = await startUpstream(t, { aside: (target) => /^\/apis\/api(extensions|registration)/.test(target) })
const proxy = await startProxy(t, { upstreams: { prod: upstream }, token: upstreamToken, tls: makeAuthority(), callers: both })

/** What upstream says on a stream, by the number in its query. */
const voices = new Map<string, { say: (text: string) => void, connection: RecordedConnection }>()
upstream.answer((request, reply) => {
  const number = /\d+$/.exec(request.target)?.[0] ?? ''
  const { connection } = request
  const [upgrade] = request.all('upgrade')
  if (upgrade === undefined) {
    reply.stream()
    voices.set(number, { connection, say: (text) => reply.chunk(text) })
  } else {
    const tunnel = reply.upgrade(['Connection', 'Upgrade', 'Upgrade', upgrade])
    voices.set(number, { connection, say: (text) => tunnel.write(frameOf(upgrade, text)) })
  }
  voices.get(number)?.say('first')
})

/** A whole frame: a binary message, or data of stream 1. */
function frameOf(upgrade: string, text: string): Buffer {
  const head = upgrade === 'websocket' ? [0x82, text.length] : [0, 0, 0, 1, 0, 0, 0, text.length]
  return Buffer.concat([Buffer.from(head), Buffer.from(text)])
}

interface Open {
  readonly name: string
  readonly kind: 'read' | 'exec'
  /** How it ended, and when. */
  readonly ended: Promise<{ readonly how: string, readonly at: number }>
  /** Resolves when upstream's connection is gone. */
  readonly released: Promise<void>
  /** Whether what upstream says now arrives. */
  stillSpeaks(): Promise<boolean>
}

let numbers = 0

function describe(name: string, kind: Open['kind'], number: number, pieces: { next: () => Promise<Buffer | undefined>, how: (last: Buffer | undefined) => string }): Open {
  const { connection, say } = voices.get(String(number))!
  let heard = () => {}
  const follow = async (): Promise<string> => {
    for (;;) {
      const piece = await pieces.next()
      if (piece?.includes('again') !== true) return pieces.how(piece)
      heard()
    }
  }
  const ended = follow().catch((error: unknown) => `cut: ${String(error)}`).then((how) => ({ how, at: performance.now() }))
  const speaks = () => new Promise<boolean>((resolve) => {
    heard = () => resolve(true)
    void ended.then(() => resolve(false))
    say('again')
  })
  return { name, kind, ended, released: connection.closed, stillSpeaks: speaks }
}

const connect = (t: Test): Promise<RawClient> => connectRaw(t, proxy)
const pods = '/api/v1/namespaces/a/pods'

async function openHttp1(t: Test, name: string, path: string, { key }: TestKey): Promise<Open> {
  const number = numbers += 1
  const client = await connect(t)
  client.request('GET', `${path}${number}`, ['Authorization', `Bearer ${key}`])
  const answer = await client.streamed()
  await answer.next()
  return describe(name, 'read', number, { next: () => answer.next(), how: (last) => last === undefined ? 'last chunk' : String(last) })
}

async function openTunnel(t: Test, upgrade: 'websocket' | 'SPDY/3.1', { key }: TestKey): Promise<Open> {
  const number = numbers += 1
  const client = await connect(t)
  const [method, handshake] = upgrade === 'websocket' ? ['GET', webSocketHeaders()] : ['POST', spdyHeaders()]
  client.request(method, `${pods}/x/exec?command=${number}`, ['Authorization', `Bearer ${key}`, ...handshake])
  if ((await client.response()).status !== 101) throw new Error('no tunnel')
  await client.tunnelled()
  const farewell = (last: Buffer | undefined) => upgrade === 'websocket'
    ? `close frame ${last?.[0] === 0x88 ? last.readUInt16BE(2) : last?.toString('hex')}`
    : `GOAWAY ${last?.subarray(0, 4).toString('hex')}`
  return describe(`exec over ${upgrade}`, 'exec', number, { next: () => client.tunnelled(), how: farewell })
}

async function openHttp2(client: Http2Client, name: string, path: string, { key }: TestKey): Promise<Open> {
  const number = numbers += 1
  const stream = client.open('GET', `${path}${number}`, { authorization: `Bearer ${key}` })
  stream.on('error', () => { /* told by its code */ })
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>
  await pieces.next()
  const closed = new Promise<string>((resolve) => stream.once('close', () => resolve(`END_STREAM, code ${stream.rstCode}`)))
  const next = async () => {
    const { value, done } = await pieces.next()
    return done === true ? Buffer.from(await closed) : value
  }
  return describe(name, 'read', number, { next, how: String })
}

/** Everything a key can hold open; HTTP/2 streams share one connection with whoever else is on it. */
async function openAll(t: Test, shared: Http2Client, key: TestKey): Promise<Open[]> {
  return Promise.all([
    openHttp1(t, 'HTTP/1.1 watch', `${pods}?watch=true&resourceVersion=`, key),
    openHttp1(t, 'HTTP/1.1 log', `${pods}/x/log?follow=true&tailLines=`, key),
    openTunnel(t, 'websocket', key),
    openTunnel(t, 'SPDY/3.1', key),
    openHttp2(shared, 'HTTP/2 watch', `${pods}?watch=true&resourceVersion=`, key),
    openHttp2(shared, 'HTTP/2 log', `${pods}/x/log?follow=true&tailLines=`, key),
  ])
}

const properly = /^(last chunk|close frame 1008|GOAWAY 80030007|END_STREAM, code 0)$/

interface Change {
  /** Made at the moment of the test, for its dates. */
  readonly file: () => CallersFile
  /** Milliseconds from the renaming on in which nothing may end yet. */
  readonly notBefore?: number
  /** Those that stay, though the rest of that key's go. */
  readonly spared?: Open['kind']
}

const changes: Readonly<Record<string, Change>> = {
  'its key is gone from the file': { file: () => file(caller([])) },
  'its caller is gone from the file': { file: () => file() },
  'its key is revoked': { file: () => file(caller([keyEntry(going, { revokedAt: '2026-02-01T00:00:00Z' })])) },
  'its key has expired': { file: () => file(caller([keyEntry(going, { expiresAt: '2026-02-01T00:00:00Z' })])) },
  'its key expires, some time after': {
    file: () => file(caller([keyEntry(going, { expiresAt: new Date(Date.now() + second).toISOString() })])),
    notBefore: second,
  },
  'its scopes are taken away': { file: () => file(caller([keyEntry(going)], [])) },
  'it may use its scopes in another namespace only': {
    file: () => file(caller([keyEntry(going)], [{ name: 'reading', namespaces: ['b'] }, { name: 'executing', namespaces: ['b'] }])),
  },
  'its scopes themselves allow less': {
    file: () => ({
      ...both,
      scopes: [{ name: 'reading', rules: [{ ...reading, verbs: ['list'] }] }, { name: 'executing', rules: [] }, scopes[2]!],
    }),
  },
  'it may come from elsewhere only': { file: () => file({ ...caller([keyEntry(going)]), allowedFrom: ['10.0.0.0/8'] }) },
  'only its right to exec is taken away': { file: () => file(caller([keyEntry(going)], ['reading'])), spared: 'read' },
}

for (const [name, { file, notBefore = 0, spared }] of Object.entries(changes)) {
  t.test(`streams end properly, and nobody else's, when ${name}`, async (t) => {
    await proxy.rewriteCallers(both)
    const shared = await connectHttp2(t, proxy)
    const mine = await openAll(t, shared, going)
    const others = await openAll(t, shared, staying)
    const doomed = mine.filter(({ kind }) => kind !== spared)
    const heldUp = startHeldUp()
    const since = performance.now()
    const inForce = proxy.rewriteCallers(file())
    const ends = await Promise.all(doomed.map(async ({ ended }) => ended))
    await Promise.all(doomed.map(async ({ released }) => released))
    const released = performance.now() - since
    const latest = notBefore + second + heldUp()
    for (const [i, { how, at }] of ends.entries()) {
      const [name, after] = [doomed[i]!.name, Math.round(at - since)]
      t.match(how, properly, `${name}: ${how}`)
      // A timer may be a millisecond early.
      t.ok(after >= notBefore - 2 && after <= latest, `${name}: after ${after} ms`)
    }
    t.ok(released <= latest, `upstream is let go after ${Math.round(released)} ms`)
    await inForce
    for (const open of [...others, ...mine.filter(({ kind }) => kind === spared)]) t.ok(await open.stillSpeaks(), `${open.name} of another goes on`)
    await t.rejects(openTunnel(t, 'websocket', going), { message: 'no tunnel' }, 'nor is anything opened anew')
  })
}

t.test('a stream whose reader has stopped is let go upstream all the same', async (t) => {
  await proxy.rewriteCallers(both)
  const client = await connect(t)
  const number = numbers += 1
  client.request('GET', `${pods}?watch=true&resourceVersion=${number}`, ['Authorization', `Bearer ${going.key}`])
  await client.streamed()
  client.socket.pause()
  const { connection, say } = voices.get(String(number))!
  const flood = setInterval(() => { for (let i = 0; i < 20 && !connection.socket.writableNeedDrain; i += 1) say('x'.repeat(100_000)) }, 1)
  t.teardown(() => clearInterval(flood))
  while (!connection.socket.writableNeedDrain) await once(connection.socket, 'drain', { signal: AbortSignal.timeout(20) }).catch(() => {})
  const heldUp = startHeldUp()
  const since = performance.now()
  const inForce = proxy.rewriteCallers(file())
  await connection.closed
  t.ok(performance.now() - since <= second + heldUp(), `after ${Math.round(performance.now() - since)} ms`)
  await inForce
})
