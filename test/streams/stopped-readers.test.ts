// Who reads nothing any more cannot keep open what was taken from it: its stream is over within the second all the same.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { callerEntry, upstreamToken } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startHeldUp } from '../support/held-up.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRawHttp2 } from '../support/raw-http2.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream, type RecordedConnection } from '../support/recording-upstream.ts'
import { spdyHeaders, webSocketHeaders } from '../support/upgrades.ts'

const second = 1000
const going = keyFor('going000')
const rules = [
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'], namespaces: ['a'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['a'] },
]
const both = { callers: [callerEntry('going', going, rules)] }
const none = { callers: [{ name: 'going', rules }] }
const upstream = await startUpstream(t, { aside: (target) => /^\/apis\/api(extensions|registration)/.test(target) })
const proxy = await startProxy(t, { upstreams: { prod: upstream }, token: upstreamToken, tls: makeAuthority(), callers: both })
const authorization = `Bearer ${going.key}`
const pods = '/api/v1/namespaces/a/pods'

/** Writes until nothing passes any more; resolves then. */
let stuck: Promise<RecordedConnection>
upstream.answer((request, reply) => {
  const { connection } = request
  const [upgrade] = request.all('upgrade')
  const write = pourer(reply, upgrade)
  stuck = (async () => {
    for (;;) {
      for (let i = 0; i < 20 && !connection.socket.writableNeedDrain; i += 1) write()
      const drained = once(connection.socket, 'drain', { signal: AbortSignal.timeout(500) })
      if (await drained.then(() => false, () => true)) return connection
    }
  })()
  stuck.catch(() => { /* whoever waits for it hears of it */ })
})

function pourer(reply: Parameters<Parameters<typeof upstream.answer>[0]>[1], upgrade: string | undefined): () => void {
  const bytes = Buffer.alloc(50_000, 'x')
  if (upgrade !== undefined) {
    const tunnel = reply.upgrade(['Connection', 'Upgrade', 'Upgrade', upgrade])
    const head = upgrade === 'websocket' ? Buffer.from([0x82, 126, bytes.length >> 8, bytes.length & 255]) : Buffer.from([0, 0, 0, 1, 0, 0, bytes.length >> 8, bytes.length & 255])
    return () => tunnel.write(Buffer.concat([head, bytes]))
  }
  reply.stream()
  return () => reply.chunk(bytes)
}

const ways: Readonly<Record<string, (t: Test) => Promise<void>>> = {
  'HTTP/1.1': async (t) => {
    const client = await connectRaw(t, proxy)
    client.socket.pause()
    client.request('GET', `${pods}?watch=true`, ['Authorization', authorization])
  },
  'HTTP/2, whose connection is read and whose stream is not': async (t) => {
    const client = await connectHttp2(t, { ...proxy, window: 0 })
    client.open('GET', `${pods}?watch=true`, { authorization }).on('error', () => {})
  },
  'HTTP/2, of which nothing is read': async (t) => {
    const { socket, request } = await connectRawHttp2(t, proxy).then((client) => ({ socket: client.socket, request: client.request.bind(client) }))
    // Windows as large as there are: what is in the way then is the connection itself.
    socket.write(Buffer.from('000006' + '0400' + '00000000' + '00047fffffff' + '000004' + '0800' + '00000000' + '7fff0000', 'hex'))
    void request([':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', `${pods}?watch=true`, 'authorization', authorization])
    socket.pause()
  },
  'WebSocket': async (t) => {
    const client = await connectRaw(t, proxy)
    client.socket.pause()
    client.request('GET', `${pods}/x/exec?command=sh`, ['Authorization', authorization, ...webSocketHeaders()])
  },
  'SPDY': async (t) => {
    const client = await connectRaw(t, proxy)
    client.socket.pause()
    client.request('POST', `${pods}/x/exec?command=sh`, ['Authorization', authorization, ...spdyHeaders()])
  },
}

for (const [way, open] of Object.entries(ways)) {
  t.test(`over ${way}`, async (t) => {
    await proxy.rewriteCallers(both)
    const before = proxy.events().length
    await open(t)
    await upstream.nextRequest()
    const connection = await stuck
    const ended = () => proxy.events().slice(before).find(({ annotations }) => annotations?.['portcullis.dev/ending'] === 'revoked')
    const heldUp = startHeldUp()
    const since = performance.now()
    const inForce = proxy.rewriteCallers(none)
    while (ended() === undefined && performance.now() - since < 20 * second) await new Promise((resolve) => setTimeout(resolve, 5))
    const after = performance.now() - since
    t.ok(after <= second + heldUp(), `its record is closed after ${Math.round(after)} ms`)
    t.equal(ended()?.stage, 'ResponseComplete')
    await connection.closed
    await inForce
    const metrics = await proxy.metrics()
    t.match(metrics, /^portcullis_streams\{kind="(?:watch|websocket|spdy)"\} 0$/m)
    const [, count] = /^portcullis_revocation_seconds_count (\d+)$/m.exec(metrics) ?? []
    t.equal(Number(count), Object.keys(ways).indexOf(way) + 1, 'it is measured once')
    const [, within] = /^portcullis_revocation_seconds_bucket\{le="10"\} (\d+)$/m.exec(metrics) ?? []
    t.equal(within, count, 'by the time of its file')
  })
}
