import { createHash, randomBytes } from 'node:crypto'
import { on, once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket, type RawData } from 'ws'
import { connectRaw } from '../support/raw-client.ts'
import { startSample, type TestSample } from '../support/sample.ts'

const v5 = 'v5.channel.k8s.io'
const pod = '/api/v1/namespaces/team-a/pods/web-0'
const shell = (script: string) => `${pod}/exec?command=sh&command=-c&command=${encodeURIComponent(script)}&container=main`

interface Exec {
  readonly webSocket: WebSocket
  send(channel: number, data: string | Buffer): void
  /** Resolves at the end with what came on each channel. */
  readonly ended: Promise<Buffer[]>
  readonly first: Promise<Buffer>
}

async function exec(t: Test, { sample, ca, token }: TestSample, path: string, protocols: string[] = [v5]): Promise<Exec> {
  const webSocket = new WebSocket(`wss://localhost:${sample.port}${path}`, protocols, { ca, headers: { authorization: `Bearer ${token}` } })
  t.teardown(() => webSocket.terminate())
  const channels: Buffer[][] = [[], [], [], []]
  webSocket.on('message', (data: RawData) => {
    const bytes = data as Buffer
    channels[bytes[0]!]!.push(bytes.subarray(1))
  })
  const first = once(webSocket, 'message').then(([data]) => data as Buffer)
  const ended = once(webSocket, 'close').then(() => channels.map((chunks) => Buffer.concat(chunks)))
  first.catch(() => {})
  await once(webSocket, 'open')
  return { webSocket, ended, first, send: (channel, data) => webSocket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)])) }
}

const printed = (channels: Buffer[]) => channels.map(String)

t.test('a command runs, prints and says how it ended', async (t) => {
  const sample = await startSample(t)
  const done = await exec(t, sample, `${shell('echo out; echo err >&2')}&stdout=true&stderr=true`)
  t.equal(done.webSocket.protocol, v5)
  t.strictSame(await done.first, Buffer.from([1]), 'an empty message says that it has begun')
  t.strictSame(printed(await done.ended), ['', 'out\n', 'err\n', '{"metadata":{},"status":"Success"}'])
  const failed = await exec(t, sample, `${shell('exit 3')}&stdout=true`)
  const status: unknown = JSON.parse(printed(await failed.ended)[3]!)
  t.match(status, { status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } })
})

t.test('stdin is closed by a message of v5; the newest protocol that both know is taken', async (t) => {
  const sample = await startSample(t)
  const cat = await exec(t, sample, `${shell('echo hi; cat')}&stdin=true&stdout=true`, ['v4.channel.k8s.io', v5])
  t.equal(cat.webSocket.protocol, v5)
  cat.send(0, 'line1\n')
  cat.send(0, 'line2\n')
  cat.send(255, Buffer.from([0]))
  t.strictSame(printed(await cat.ended), ['', 'hi\nline1\nline2\n', '', '{"metadata":{},"status":"Success"}'])
})

t.test('v4 has no such message: the command reads on until the caller goes', async (t) => {
  const sample = await startSample(t)
  const line = await exec(t, sample, `${pod}/exec?command=sh&stdin=true&stdout=true`, ['v4.channel.k8s.io'])
  t.equal(line.webSocket.protocol, 'v4.channel.k8s.io')
  line.send(0, 'echo one; exit 2\n')
  t.match(printed(await line.ended)[3], '"message":"2"')
})

t.test('what is not asked for is not sent', async (t) => {
  const sample = await startSample(t)
  const quiet = await exec(t, sample, `${shell('echo out; echo err >&2; cat')}&stderr=true`)
  t.strictSame(await quiet.first, Buffer.from([3]))
  t.strictSame(printed(await quiet.ended).slice(0, 3), ['', '', 'err\n'])
})

t.test('a terminal has one stream for all that is printed', async (t) => {
  const sample = await startSample(t)
  const terminal = await exec(t, sample, `${pod}/exec?command=sh&stdin=true&stdout=true&stderr=true&tty=true`)
  terminal.send(4, '{"Width":80,"Height":24}')
  terminal.send(0, 'nope\r')
  let screen = ''
  for await (const [data] of on(terminal.webSocket, 'message') as AsyncIterable<[Buffer]>) {
    screen += data.subarray(1).toString()
    if (screen.endsWith('not found\r\n$ ')) break
  }
  terminal.send(0, 'exit\r')
  t.strictSame(printed(await terminal.ended), ['', '$ nope\r\nnope: not found\r\n$ exit\r\n', '', '{"metadata":{},"status":"Success"}'])
})

t.test('many megabytes pass through cat unchanged', async (t) => {
  const sample = await startSample(t)
  const cat = await exec(t, sample, `${pod}/exec?command=cat&stdin=true&stdout=true`)
  const sent = randomBytes(8 * 1024 * 1024)
  for (let offset = 0; offset < sent.length; offset += 64 * 1024) cat.send(0, sent.subarray(offset, offset + 64 * 1024))
  cat.send(255, Buffer.from([0]))
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  t.equal(digest((await cat.ended)[1]!), digest(sent))
})

t.test('who does not read holds up who writes: a command its caller, a caller its command', async (t) => {
  const sample = await startSample(t)
  const deaf = await exec(t, sample, `${pod}/exec?command=sleep&command=3600&stdin=true&stdout=true`)
  const paused = await exec(t, sample, `${pod}/exec?command=cat&stdin=true&stdout=true`)
  paused.webSocket.pause()
  const chunk = Buffer.alloc(64 * 1024)
  for (let sent = 0; sent < 32 * 1024 * 1024; sent += chunk.length) {
    deaf.send(0, chunk)
    paused.send(0, chunk)
  }
  const other = await exec(t, sample, `${pod}/exec?command=cat&stdin=true&stdout=true`)
  for (let sent = 0; sent < 32 * 1024 * 1024; sent += chunk.length) other.send(0, chunk)
  other.send(255, Buffer.from([0]))
  t.equal((await other.ended)[1]!.length, 32 * 1024 * 1024, 'meanwhile another has all its data')
  t.ok(deaf.webSocket.bufferedAmount > 8 * 1024 * 1024, 'the command did not read')
  t.ok(paused.webSocket.bufferedAmount > 8 * 1024 * 1024, 'the caller did not read')
})

t.test('the environment is that of the pod', async (t) => {
  const sample = await startSample(t)
  await sample.call('POST', '/api/v1/namespaces/team-b/pods', { body: { metadata: { name: 'own' }, spec: { containers: [{ name: 'c', env: [{ name: 'OWN', value: 'x' }] }] } } })
  const env = await exec(t, sample, '/api/v1/namespaces/team-b/pods/own/exec?command=env&stdout=true')
  t.match(printed(await env.ended)[1], /HOSTNAME=own\nPOD_NAMESPACE=team-b\nOWN=x\n/)
})

t.test('an exec that cannot be is a Status, not a 101', async (t) => {
  const sample = await startSample(t)
  const upgrade = async (path: string, extra: readonly string[]) => {
    const client = await connectRaw(t, { port: sample.sample.port, ca: sample.ca })
    client.request('GET', path, [
      'Host', 'x', 'Authorization', `Bearer ${sample.token}`, 'Connection', 'Upgrade', 'Upgrade', 'websocket',
      'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', randomBytes(16).toString('base64'), ...extra,
    ])
    return client.response()
  }
  const offer = ['Sec-WebSocket-Protocol', v5]
  const table: [path: string, headers: string[], status: number][] = [
    [`${pod}/exec?stdout=true`, offer, 400],
    [`${pod}/exec?command=true`, offer, 400],
    [`${pod}/exec?command=true&stdout=true&container=none`, offer, 400],
    ['/api/v1/namespaces/team-a/pods/none/exec?command=true&stdout=true', offer, 404],
    [`${pod}/exec?command=true&stdout=true`, [], 400],
    [`${pod}/exec?command=true&stdout=true`, ['Sec-WebSocket-Protocol', 'v1.channel.k8s.io'], 400],
  ]
  for (const [path, headers, status] of table) {
    const answer = await upgrade(path, headers)
    t.equal(answer.status, status, `${path} ${headers.join(' ')}`)
    t.match(answer.json(), { kind: 'Status', code: status })
  }
  t.equal((await sample.call('GET', `${pod}/exec?command=true&stdout=true`)).status, 400, 'without an upgrade')
})

t.test('a caller that goes ends its command, and close ends every exec', async (t) => {
  const sample = await startSample(t)
  const left = await exec(t, sample, `${pod}/exec?command=cat&stdin=true&stdout=true`)
  left.webSocket.terminate()
  await left.ended
  const open = await exec(t, sample, `${pod}/exec?command=sleep&command=3600&stdout=true`)
  await sample.sample.close()
  await open.ended
})
