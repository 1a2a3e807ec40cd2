import t, { type Test } from 'tap'
import { FrameReader, dataFrame, pingFrame, type Frame } from '../../src/protocols/spdy-frames.ts'
import { HeaderReader, dictionary } from '../../src/protocols/spdy-headers.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { startSample, type TestSample } from '../support/sample.ts'

/** What kubectl 1.27 sent to open its streams, byte for byte: error, stdin, stdout, stderr. */
const opening = {
  error: '8003000100000029000000010000000000007 8f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff'.replaceAll(' ', ''),
  stdin: '80030001000000170000000300000000 0000c22e555c92929907000000ffff'.replaceAll(' ', ''),
  stdout: '80030001000000190000000500000000 0000c22ac5565c92925f5a02000000ffff'.replaceAll(' ', ''),
  stderr: '80030001000000150000000700000000 0000c229975a5404000000ffff'.replaceAll(' ', ''),
}
const streams = { error: 1, stdin: 3, stdout: 5, stderr: 7 }
const bytes = (hex: string) => Buffer.from(hex, 'hex')
const pod = '/api/v1/namespaces/team-a/pods/web-0'

async function upgraded(t: Test, { sample, ca, token }: TestSample, path: string): Promise<RawClient> {
  const client = await connectRaw(t, { port: sample.port, ca })
  const offers = ['v4', 'v3', 'v2'].flatMap((version) => ['X-Stream-Protocol-Version', `${version}.channel.k8s.io`])
  client.request('POST', path, ['Host', 'x', 'Authorization', `Bearer ${token}`, 'Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', 'Content-Length', '0', ...offers])
  const answer = await client.response()
  t.equal(answer.status, 101)
  t.strictSame(answer.headers, ['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', 'X-Stream-Protocol-Version', 'v4.channel.k8s.io'])
  return client
}

/** Everything that comes until the end, as frames. */
async function framesOf(client: RawClient): Promise<Frame[]> {
  const reader = new FrameReader()
  const frames: Frame[] = []
  for (let chunk = await client.tunnelled(); chunk !== undefined; chunk = await client.tunnelled()) frames.push(...reader.push(chunk))
  return frames
}

function on(frames: readonly Frame[], stream: number): { readonly text: string; readonly last: boolean } {
  const own = frames.filter((frame) => frame.kind === 'data').filter((frame) => frame.stream === stream)
  return { text: Buffer.concat(own.map(({ data }) => data)).toString(), last: own.at(-1)?.last ?? false }
}

t.test('an exec with stdin, as kubectl before 1.31 does it', async (t) => {
  const sample = await startSample(t)
  const client = await upgraded(t, sample, `${pod}/exec?command=sh&command=-c&command=echo+hi%3B+cat%3B+exit+3&container=main&stderr=true&stdin=true&stdout=true`)
  for (const open of Object.values(opening)) client.send(bytes(open))
  client.send(pingFrame(1))
  client.send(Buffer.concat([dataFrame(streams.stdin, Buffer.from('line1\n')), dataFrame(streams.stdin, Buffer.alloc(0), true)]))
  const frames = await framesOf(client)
  t.strictSame(on(frames, streams.stdout), { text: 'hi\nline1\n', last: true })
  t.strictSame(on(frames, streams.stderr), { text: '', last: true })
  t.match(JSON.parse(on(frames, streams.error).text), { status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: '3' }] } })
  t.ok(on(frames, streams.error).last)
  t.ok(frames.some((frame) => frame.kind === 'ping' && frame.id === 1), 'a ping is answered')
  t.equal(frames.filter((frame) => frame.kind === 'other').length, 5, 'four replies and the goodbye')
})

t.test('frames are found however they are cut', async (t) => {
  const sample = await startSample(t)
  const client = await upgraded(t, sample, `${pod}/exec?command=echo&command=x&container=main&stdout=true`)
  // Without stdin kubectl opens error and stdout; the second block follows the first in the one compressed stream.
  const { error } = opening
  const stdout = '800300010000001900000003000000000000c22ac5565c92925f5a02000000ffff'
  for (const byte of bytes(error + stdout)) client.send(Buffer.from([byte]))
  t.equal(on(await framesOf(client), 3).text, 'x\n')
})

t.test('what is no SPDY, or not expected, ends the connection', async (t) => {
  const sample = await startSample(t)
  const path = `${pod}/exec?command=cat&container=main&stdin=true&stdout=true`
  const table: [name: string, bytes: Buffer][] = [
    ['another version', bytes(opening.error.replace('8003', '8002'))],
    ['a frame too large', bytes('0000000300ffffff')],
    ['a header block that is not compressed', bytes('800300010000000e000000010000000000000102030405')],
    ['a stream nobody asked for', bytes(Object.values(opening).join(''))],
    ['a frame too short', bytes('8003000600000000')],
  ]
  for (const [name, sent] of table) {
    const client = await upgraded(t, sample, path)
    client.send(sent)
    await t.resolves(client.closed(), name)
  }
})

t.test('a client of other protocols is refused', async (t) => {
  const { sample, ca, token } = await startSample(t)
  const client = await connectRaw(t, { port: sample.port, ca })
  client.request('POST', `${pod}/exec?command=cat&stdout=true`, [
    'Host', 'x', 'Authorization', `Bearer ${token}`, 'Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', 'X-Stream-Protocol-Version', 'v1.channel.k8s.io',
  ])
  const answer = await client.response()
  t.equal(answer.status, 403)
  t.match(answer.json(), { message: /server accepts \[v4\.channel\.k8s\.io\]/ })
})

t.test('header blocks are read with the dictionary of SPDY/3', async (t) => {
  t.equal(dictionary.length, 1423)
  const reader = new HeaderReader()
  t.teardown(() => reader.close())
  for (const [type, hex] of Object.entries(opening)) {
    const [frame] = new FrameReader().push(bytes(hex))
    if (frame?.kind !== 'open') throw new Error('no stream was opened')
    t.strictSame([...await reader.read(frame.headers)], [['streamtype', type]])
  }
  await t.rejects(reader.read(Buffer.alloc(20_000)), RangeError)
})
