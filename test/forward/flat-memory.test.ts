// 100 MB pass somebody who stops reading again and again: every byte arrives, and the proxy's memory does not grow with them.
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ClientHttp2Stream } from 'node:http2'
import https from 'node:https'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { callerEntry, upstreamToken } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { startProxyProcess, type MemoryUse } from '../support/proxy-process.ts'
import { startUpstream, type RecordedConnection } from '../support/recording-upstream.ts'

t.setTimeout(120_000)

const MB = 1_000_000
const mostGrowth = 30 * MB

const caller = keyFor('bulk0000')
const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], acknowledge: ['build-strategy'] }]
const upstream = await startUpstream(t, { aside: (target) => /^\/apis\/api(extensions|registration)/.test(target) })
const proxy = await startProxyProcess(t, {
  upstreams: { prod: { url: upstream.url, ca: upstream.ca } },
  token: upstreamToken,
  callers: { callers: [callerEntry('bulk', caller, rules)] },
})
const authorization = { authorization: `Bearer ${caller.key}` }

/** So many bytes at the pace of whoever reads them, counted and hashed as they go. */
class Source extends Readable {
  produced = 0
  readonly #hash: Hash = createHash('sha256')
  readonly #size: number

  constructor(size: number) {
    super({ highWaterMark: 65_536 })
    this.#size = size
  }

  override _read(): void {
    if (this.produced >= this.#size) return void this.push(null)
    const piece = Buffer.alloc(Math.min(65_536, this.#size - this.produced), this.produced / 65_536 % 251)
    this.#hash.update(piece)
    this.produced += piece.length
    this.push(piece)
  }

  sha256(): string {
    return this.#hash.digest('hex')
  }
}

/**
 * How far a proxy's memory grew beyond where it was. Garbage is collected before each
 * look: how much of it V8 lets lie says nothing about what the proxy holds on to.
 */
class Gauge {
  readonly #before: MemoryUse
  readonly #grown = { rss: 0, arrayBuffers: 0, heapUsed: 0 }

  constructor(before: MemoryUse) {
    this.#before = before
  }

  static async start(): Promise<Gauge> {
    return new Gauge(await proxy.memory({ collect: true }))
  }

  /** Looks once `count` no longer changes. To ask the proxy is to wait for what it has to do first. */
  async standstill(count: () => number): Promise<void> {
    for (let last = -1; last !== count();) {
      last = count()
      for (let i = 0; i < 10; i += 1) await proxy.memory()
    }
    await this.look()
  }

  async look(): Promise<void> {
    const now = await proxy.memory({ collect: true })
    for (const what of ['rss', 'arrayBuffers', 'heapUsed'] as const) {
      this.#grown[what] = Math.max(this.#grown[what], now[what] - this.#before[what])
    }
  }

  async check(t: Test): Promise<void> {
    await this.look()
    for (const [what, bytes] of Object.entries(this.#grown)) t.ok(bytes < mostGrowth, `${what} grew by ${(bytes / MB).toFixed(1)} MB`)
  }
}

type Answer = IncomingMessage | ClientHttp2Stream

interface Asked {
  readonly method: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Readable
}

/** Resolves when the head of the answer is there. */
type Ask = (t: Test, asked: Asked) => Promise<{ readonly status: number, readonly answer: Answer }>

const overHttp1: Ask = async (_t, { method, target, headers, body }) => {
  const request = https.request(proxy.url + target, { method, headers: { ...authorization, ...headers }, agent: false, ca: proxy.ca })
  if (body === undefined) request.end()
  else body.pipe(request)
  const [answer] = await once(request, 'response') as [IncomingMessage]
  return { status: answer.statusCode ?? 0, answer }
}

const overHttp2: Ask = async (t, { method, target, headers, body }) => {
  const client = await connectHttp2(t, proxy)
  const answer = client.open(method, target, { ...authorization, ...headers }, { endStream: body === undefined })
  body?.pipe(answer)
  const [head] = await once(answer, 'response') as [Record<string, number>]
  return { status: head[':status'] ?? 0, answer }
}

interface Way {
  readonly name: string
  readonly ask: Ask
  /** Of upstream's answer. */
  readonly framing: 'Content-Length' | 'chunked'
}

const ways: readonly Way[] = [
  { name: 'HTTP/1.1', ask: overHttp1, framing: 'Content-Length' },
  { name: 'HTTP/2', ask: overHttp2, framing: 'chunked' },
]

const pause = 20 * MB

/** Reads all of it, and nothing at all for a while every 20 MB. */
async function readSlowly(answer: Answer, source: Source, gauge: Gauge): Promise<{ bytes: number, sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  let stopAt = 0
  for await (const piece of answer as AsyncIterable<Buffer>) {
    hash.update(piece)
    bytes += piece.length
    if (bytes < stopAt) continue
    await gauge.standstill(() => source.produced)
    stopAt += pause
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Has upstream read nothing at all for a while every 20 MB. */
function receiveSlowly({ socket }: RecordedConnection, source: Source, gauge: Gauge): () => void {
  let bytes = 0
  let stopAt = 0
  const count = (piece: Buffer) => {
    bytes += piece.length
    if (bytes < stopAt) return
    stopAt += pause
    socket.pause()
    void gauge.standstill(() => source.produced).then(() => socket.resume())
  }
  socket.on('data', count)
  return () => { socket.off('data', count) }
}

async function download(t: Test, { ask, framing }: Way, size: number) {
  const source = new Source(size)
  const gauge = await Gauge.start()
  upstream.answer(() => ({ status: 200, headers: framing === 'chunked' ? [] : ['Content-Length', String(size)], body: source }))
  const { answer } = await ask(t, { method: 'GET', target: '/api/v1/namespaces/a/pods' })
  return { source, gauge, read: await readSlowly(answer, source, gauge) }
}

async function upload(t: Test, { ask }: Way, asked: Asked, size: number) {
  const source = new Source(size)
  const gauge = await Gauge.start()
  const from = upstream.requests.length
  upstream.answer(async (request) => {
    const done = receiveSlowly(request.connection, source, gauge)
    await request.body.finally(done)
    return { status: 201, body: '{}' }
  })
  const { status, answer } = await ask(t, { ...asked, body: source })
  await once(answer.resume(), 'end')
  const { bytes, sha256 } = await upstream.requests[from]!.body
  return { source, gauge, status, received: { bytes, sha256 } }
}

for (const way of ways) {
  t.test(`${way.name}: 100 MB, ${way.framing}, pass a slow reader`, async (t) => {
    // Code, pools and heap are there after the first time.
    await download(t, way, pause)
    const { source, gauge, read } = await download(t, way, 100 * MB)
    t.equal(read.bytes, 100 * MB)
    t.equal(read.sha256, source.sha256())
    await gauge.check(t)
  })

  t.test(`${way.name}: an upload of 3 MiB passes, as much as there may be`, async (t) => {
    const size = 3 << 20
    for (const headers of [{ 'content-length': String(size) }, {}]) {
      const { source, status, received } = await upload(t, way, { method: 'POST', target: '/api/v1/namespaces/a/configmaps', headers }, size)
      t.equal(status, 201)
      t.strictSame(received, { bytes: size, sha256: source.sha256() })
    }
  })

  t.test(`${way.name}: a build's source of 60 MB passes an API server that is slow to take it`, async (t) => {
    const target = '/apis/build.openshift.io/v1/namespaces/a/buildconfigs/x/instantiatebinary?name=x&asFile=a.tar'
    await upload(t, way, { method: 'POST', target }, pause)
    const { source, gauge, status, received } = await upload(t, way, { method: 'POST', target }, 60 * MB)
    t.equal(status, 201)
    t.strictSame(received, { bytes: 60 * MB, sha256: source.sha256() })
    await gauge.check(t)
  })
}
