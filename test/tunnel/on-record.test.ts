import { once } from 'node:events'
import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createRecordings, type RecordingsOptions } from '../../src/recordings/create.ts'
import { realDisk, type Disk } from '../../src/recordings/disk.ts'
import { protocolEnds } from '../../src/tunnel/ends.ts'
import { resolved } from '../support/builders.ts'
import { readCasts } from '../support/casts.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import type { Tunnel as UpstreamTunnel } from '../support/recorded-connection.ts'
import { startUpstream, type Upstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'
import { channelFrame, SpdyClientFrames } from '../support/session-frames.ts'
import { startFront } from '../support/tunnel-front.ts'
import { spdyAccepted, spdyHeaders, webSocketAccepted, webSocketHeaders } from '../support/upgrades.ts'

const v5 = 'v5.channel.k8s.io'

function session(subresource: string) {
  const target = `/api/v1/namespaces/a/pods/web-0/${subresource}?command=sh`
  return { resolved: resolved({ target, longRunning: true, attributes: { verb: 'create', name: 'web-0', subresource, path: target } }) }
}

/** A front whose policy wants every session recorded. */
async function setUp(t: Test, { subresource = 'exec', ...options }: Partial<RecordingsOptions> & { subresource?: string } = {}) {
  const upstream = await startUpstream(t)
  const parent = await mkdtemp(join(tmpdir(), 'portcullis-on-record-'))
  removeLater(t, parent)
  const folder = join(parent, 'recordings')
  const recordings = createRecordings({
    strict: false, secrets: () => [], now: Date.now, elapsed: () => performance.now(), onDropped() {}, onError() {}, ...options,
  })
  recordings.configure({ folder, maxSize: 1 << 20 })
  const front = await startFront(t, clusterFor(t, upstream, { credential: credentialOf('upstream-token') }), session(subresource), recordings)
  return { upstream, folder, front, client: await connectRaw(t, { port: front.port }) }
}

function switchTo(upstream: Upstream, headers: readonly string[]): Promise<UpstreamTunnel> {
  return new Promise((resolve) => {
    upstream.answer((_request, reply) => { resolve(reply.upgrade(headers)) })
  })
}

async function untilSaid(client: RawClient, what: Buffer): Promise<void> {
  let all = Buffer.alloc(0)
  while (all.length < what.length) all = Buffer.concat([all, await client.tunnelled() ?? Buffer.alloc(what.length)])
  if (!all.equals(what)) throw new Error(`${all.toString('hex')} is not ${what.toString('hex')}`)
}

const file = async (folder: string) => (await readdir(folder).catch(() => [])).join()

t.test('a recorded session passes byte for byte, is told in the trail, and its bytes are counted both ways', async (t) => {
  const { upstream, front, client, folder } = await setUp(t)
  const switched = switchTo(upstream, webSocketAccepted(v5))
  client.request('GET', '/exec', webSocketHeaders(v5))
  t.equal((await client.response()).status, 101)
  const tunnel = await switched
  const up = channelFrame('stdin', 'ls\r')
  client.send(up)
  t.strictSame((await once(tunnel.incoming, 'data') as [Buffer])[0], up)
  const down = Buffer.concat([channelFrame('stdout', 'a\r\n', { masked: false }), channelFrame('error', '{"status":"Success"}', { masked: false })])
  tunnel.write(down)
  await untilSaid(client, down)
  tunnel.end()
  const { trail } = await front.next()
  await trail.finished
  t.equal(trail.facts.received?.bytes, up.length)
  const [cast] = readCasts(folder)
  t.match(trail.facts.session?.recording, { file: cast?.name, sha256: /^[0-9a-f]{64}$/, exitCode: 0 })
  t.strictSame([cast?.typed, cast?.shown, cast?.markers], ['ls\r', 'a\r\n', ['exit code 0']])
})

t.test('what no recorder can read passes all the same, byte for byte', async (t) => {
  const { upstream, front, client, folder } = await setUp(t)
  const switched = switchTo(upstream, webSocketAccepted(v5))
  client.request('GET', '/exec', webSocketHeaders(v5))
  await client.response()
  const tunnel = await switched
  for (const bytes of [Buffer.from('up'), Buffer.from([0xff, 0xff, 0x00])]) {
    client.send(bytes)
    t.strictSame((await once(tunnel.incoming, 'data') as [Buffer])[0], bytes)
    tunnel.write(bytes)
    await untilSaid(client, bytes)
  }
  tunnel.end()
  const { trail } = await front.next()
  t.match(await trail.finished, { ending: 'complete' })
  t.match(trail.facts.session?.recording, { truncated: 'unreadable' })
  t.match(readCasts(folder)[0]?.markers[0], /cannot be read/)
})

t.test('an upgrade that upstream refuses, or a caller that does not wait, leaves no recording', async (t) => {
  const { upstream, front, client, folder } = await setUp(t)
  upstream.answer(() => ({ status: 403, body: 'no' }))
  client.request('GET', '/exec', webSocketHeaders(v5))
  t.equal((await client.response()).status, 403)
  await (await front.next()).trail.finished
  t.equal(await file(folder), '')

  upstream.answer(() => 'hold')
  const impatient = await connectRaw(t, { port: front.port })
  impatient.request('GET', '/exec', webSocketHeaders(v5))
  await upstream.nextRequest()
  await upstream.nextRequest()
  t.match(await file(folder), /\.part$/, 'there is one before anything goes up')
  impatient.close()
  await (await front.next()).trail.finished
  t.equal(await file(folder), '')
})

for (const kind of ['websocket', 'spdy'] as const) {
  const ask = (client: RawClient) => kind === 'spdy' ? client.request('POST', '/exec', spdyHeaders()) : client.request('GET', '/exec', webSocketHeaders(v5))
  const accepted = kind === 'spdy' ? spdyAccepted : webSocketAccepted(v5)

  t.test(`strict: where the folder cannot be written no byte of the session goes upstream: ${kind}`, async (t) => {
    const { upstream, front, client, folder } = await setUp(t, { strict: true })
    await writeFile(folder, 'a file')
    ask(client)
    t.match((await client.response()).json(), { code: 503, details: { causes: [{ reason: 'AuditUnavailable' }] } })
    t.match(await (await front.next()).over, { code: 'AuditUnavailable' })
    t.equal(upstream.bytes, 0)
  })

  t.test(`strict: a disk that fills up in the middle ends the session as its protocol ends: ${kind}`, async (t) => {
    let fails = false
    const disk: Disk = {
      ...realDisk,
      async create(path) {
        const file = await realDisk.create(path)
        return { ...file, write: bytes => fails ? Promise.reject(new Error('ENOSPC')) : file.write(bytes) }
      },
    }
    const { upstream, front, client } = await setUp(t, { strict: true, disk })
    const switched = switchTo(upstream, accepted)
    ask(client)
    await client.response()
    const tunnel = await switched
    fails = true
    const opened = kind === 'spdy' ? new SpdyClientFrames().open(1, { streamtype: 'stdin' }) : Buffer.alloc(0)
    const typed = kind === 'spdy' ? Buffer.from('0000000100000003' + Buffer.from('ls\r').toString('hex'), 'hex') : channelFrame('stdin', 'ls\r')
    client.send(Buffer.concat([opened, typed]))
    tunnel.incoming.resume()
    await untilSaid(client, protocolEnds[kind].farewell('unrecorded'))
    const { trail } = await front.next()
    t.match(await trail.finished, { ending: 'unrecorded' })
    t.match(trail.facts.session?.recording, { truncated: 'failed' })
    t.ok(tunnel.incoming.readableEnded || tunnel.incoming.destroyed || await once(tunnel.incoming, 'close'))
  })
}

t.test('strict: a WebSocket with an extension is refused before the caller hears of it', async (t) => {
  const { upstream, front, client, folder } = await setUp(t, { strict: true })
  void switchTo(upstream, [...webSocketAccepted(v5), 'Sec-WebSocket-Extensions', 'permessage-deflate'])
  client.request('GET', '/exec', [...webSocketHeaders(v5), 'Sec-WebSocket-Extensions', 'permessage-deflate'])
  t.match((await client.response()).json(), { details: { causes: [{ reason: 'AuditUnavailable' }] } })
  await (await front.next()).over
  t.equal(await file(folder), '')
})

for (const hanging of ['close', 'remove'] as const) {
  const never = () => new Promise<never>(() => {})
  const hangs = (t: Test): Disk => ({
    ...realDisk,
    async create(path) {
      const file = await realDisk.create(path)
      t.teardown(() => file.close())
      return { ...file, close: hanging === 'close' ? never : async () => {} }
    },
    ...hanging === 'remove' ? { remove: never } : {},
  })

  t.test(`a session that we refuse is answered, though the disk's ${hanging} hangs`, async (t) => {
    const { upstream, front, client } = await setUp(t, { strict: true, disk: hangs(t), patience: 20 })
    void switchTo(upstream, [...webSocketAccepted(v5), 'Sec-WebSocket-Extensions', 'permessage-deflate'])
    client.request('GET', '/exec', [...webSocketHeaders(v5), 'Sec-WebSocket-Extensions', 'permessage-deflate'])
    t.match((await client.response()).json(), { details: { causes: [{ reason: 'AuditUnavailable' }] } })
    t.match(await (await front.next()).over, { code: 'AuditUnavailable' })
  })

  t.test(`the trail of a session that upstream refuses is finished, though the disk's ${hanging} hangs`, async (t) => {
    const { upstream, front, client } = await setUp(t, { disk: hangs(t), patience: 20 })
    upstream.answer(() => ({ status: 403, body: 'no' }))
    client.request('GET', '/exec', webSocketHeaders(v5))
    t.equal((await client.response()).status, 403)
    t.match(await (await front.next()).trail.finished, { status: 403 })
  })
}

t.test('a port-forward is not recorded; its ports are told', async (t) => {
  const { upstream, front, client, folder } = await setUp(t, { subresource: 'portforward' })
  const switched = switchTo(upstream, [...spdyAccepted.slice(0, 4), 'X-Stream-Protocol-Version', 'portforward.k8s.io'])
  client.request('POST', '/portforward', spdyHeaders())
  await client.response()
  const tunnel = await switched
  const frames = new SpdyClientFrames()
  client.send(Buffer.concat([frames.open(1, { streamtype: 'error', port: '8080' }), frames.open(3, { streamtype: 'data', port: '8080' })]))
  await once(tunnel.incoming, 'data')
  tunnel.end()
  const { trail } = await front.next()
  await trail.finished
  t.strictSame(trail.facts.session, { ports: [8080] })
  t.equal(await file(folder), '')
})
