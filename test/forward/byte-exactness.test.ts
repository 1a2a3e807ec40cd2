// What goes through comes out as it went in: bodies, header order and case, targets, both ways, over every protocol.
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import fc from 'fast-check'
import t from 'tap'
import { startTarget } from '../support/attack-target.ts'
import { valuesOf } from '../support/http-reader.ts'
import { connectHttp2, type Http2Client } from '../support/http2-client.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { Answer, Reply } from '../support/recording-upstream.ts'

type Way = 'plain' | 'tls' | 'http2'
type Headers = readonly (readonly [name: string, value: string])[]

interface Body {
  readonly size: number
  /** Chunk sizes, used over and over; undefined: Content-Length. */
  readonly chunks: readonly number[] | undefined
}

interface Case {
  readonly method: string
  readonly target: string
  readonly contentType: string | undefined
  readonly headers: Headers
  /** Undefined: none, and no header that frames one. */
  readonly body: Body | undefined
  readonly status: number
  readonly message: string
  readonly answerHeaders: Headers
  readonly answer: Body
}

const MiB = 1 << 20
const target = await startTarget(t)

/** As many bytes that look like nothing, always the same ones for the same size. */
function bytesOf(size: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, size), Buffer.alloc(16)).update(Buffer.alloc(size))
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const pods = '/api/v1/namespaces/a/pods'
const targets = fc.constantFrom(
  pods, `${pods}/x`, `${pods}/x/`, `${pods}/x/status?dryRun=All&fieldManager=a%20b`, `${pods}?limit=500&continue=%41%2Bx&labelSelector=a%3Db,c`,
  // An opaque tail, and no limit: long-running.
  `${pods}/x/proxy/a%2Fb%20c/?q=%2F+%C3%BC&q=`, `${pods}/x/log?tailLines=5`,
  '/apis/apps/v1/namespaces/a/deployments/web', '/apis/batch/v1/jobs?x', '/metrics?a=%25', '/clusters/prod/api/v1/nodes/n1',
)

const contentTypes = fc.option(fc.constantFrom(
  'application/json', 'Application/JSON;charset=UTF-8', 'application/vnd.kubernetes.protobuf', 'application/cbor', 'application/yaml',
  'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json',
  'application/apply-patch+yaml', 'application/apply-patch+cbor', 'text/plain', 'multipart/form-data; boundary="a b"',
), { nil: undefined })

const sizes = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 400_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(3 * MiB, 3 * MiB - 1, 2 * MiB) },
)
// Large bodies in tiny chunks would only be slow.
const bodies: fc.Arbitrary<Body> = fc.tuple(sizes, fc.option(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 }), { nil: undefined }))
  .map(([size, chunks]) => ({ size, chunks: chunks?.map((chunk) => Math.max(chunk, Math.ceil(size / 500))) }))

/** Visible ASCII, bytes from 0x80 up, and blanks between them (RFC 9110, 5.5). */
const values = fc.oneof(
  fc.constantFrom('', 'a, b;q=0.5', '"x"', 'W/"1"', '*/*', 'k=v; Path=/'),
  fc.string({ unit: fc.constantFrom(...'aZ09-_.~!#$%&()*+,/:;<=>?@[]^`{|}"\\ \t\u00e9\u00ff\u0080'), maxLength: 40 }),
).map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''))
const strange = fc.string({ unit: fc.constantFrom(...'aAzZ09-_.!#$%&\'*+^`|~'), maxLength: 12 }).map((name) => `Zz${name}`)
const known = fc.constantFrom(
  'Accept', 'ACCEPT-Encoding', 'accept-language', 'User-Agent', 'Kubectl-Command', 'kubectl-session', 'If-None-Match', 'Range', 'X-Request-Id',
  'X-Stream-Protocol-Version', 'Via', 'Origin', 'referer', 'Traceparent', 'Warning',
)
const answered = fc.constantFrom(
  'Cache-Control', 'ETag', 'etag', 'X-Kubernetes-Pf-Flowschema-Uid', 'x-kubernetes-pf-prioritylevel-uid', 'Warning', 'Set-Cookie', 'Vary', 'Retry-After', 'LOCATION', 'Date',
  'Content-Encoding', 'Server', 'Link',
)
const headersOf = (names: fc.Arbitrary<string>) => fc.array(fc.tuple(fc.oneof(names, strange), values), { maxLength: 12 })

const cases: fc.Arbitrary<Case> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'),
  target: targets,
  contentType: contentTypes,
  headers: headersOf(known),
  body: fc.option(bodies, { nil: undefined }),
  status: fc.constantFrom(200, 200, 200, 201, 202, 204, 206, 304, 307, 400, 403, 404, 409, 410, 422, 429, 500, 503),
  message: fc.constantFrom('OK', 'Created', 'Not quite', 'a\u00e9'),
  answerHeaders: headersOf(answered),
  answer: bodies,
})

/** Set by us, or about one connection alone. */
const ours = new Set(['host', 'authorization', 'audit-id', 'x-forwarded-for', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'])

/** Name and value of every line that has to pass, in order and case. */
function passing(headers: readonly string[], also: readonly string[] = []): string[] {
  return headers.filter((_, at) => {
    const name = headers[at - at % 2]?.toLowerCase() ?? ''
    return !ours.has(name) && !also.includes(name)
  })
}

/** HTTP/2 has lower-case names, and node:http2 keeps lines of one name together. */
function grouped(headers: readonly string[]): string[] {
  const names = [...new Set(headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()))]
  return names.flatMap((name) => valuesOf(headers, name).flatMap((value) => [name, value]))
}

function sentHeaders({ contentType, headers }: Case): string[] {
  return [...headers.flat(), ...(contentType === undefined ? [] : ['Content-type', contentType])]
}

/** The body as it is written to an HTTP/1.1 connection. */
function* framed({ size, chunks }: Body): Generator<Buffer> {
  const bytes = bytesOf(size)
  if (chunks === undefined) return yield bytes
  for (let at = 0, i = 0; at < size; i += 1) {
    const piece = bytes.subarray(at, at + chunks[i % chunks.length]!)
    at += piece.length
    yield Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
  }
  yield Buffer.from('0\r\n\r\n')
}

function framing({ size, chunks }: Body): string[] {
  return chunks === undefined ? ['CONTENT-Length', String(size)] : ['transfer-Encoding', 'chunked']
}

const hasAnswerBody = ({ method, status }: Case) => method !== 'HEAD' && status !== 204 && status !== 304

function answerOf(wanted: Case, reply: Reply): Answer {
  const { status, message, answerHeaders, answer } = wanted
  // A HEAD's answer may say what a GET's would have been (RFC 9110, 8.6).
  const frame = hasAnswerBody(wanted) || (wanted.method === 'HEAD' && status !== 204) ? framing(answer) : []
  const lines = [...answerHeaders.flat(), ...frame]
  const text = lines.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${lines[at + 1] ?? ''}\r\n`] : []).join('')
  reply.raw(Buffer.from(`HTTP/1.1 ${status} ${message}\r\n${text}\r\n`, 'latin1'))
  if (hasAnswerBody(wanted)) for (const piece of framed(answer)) reply.raw(piece)
  return undefined
}

interface Received {
  readonly status: number
  readonly message: string | undefined
  readonly headers: readonly string[]
  readonly body: Buffer
}

type Send = (wanted: Case) => Promise<Received>

const authorization = `Bearer ${target.root.key}`

function overHttp1(client: RawClient): Send {
  return async (wanted) => {
    const { method, target: path, body } = wanted
    const lines = ['Host', 'localhost', 'Authorization', authorization, ...sentHeaders(wanted), ...(body === undefined ? [] : framing(body))]
    const text = lines.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${lines[at + 1] ?? ''}\r\n`] : []).join('')
    client.send(Buffer.from(`${method} ${path} HTTP/1.1\r\n${text}\r\n`, 'latin1'))
    if (body !== undefined) for (const piece of framed(body)) client.send(piece)
    return client.response({ headOnly: method === 'HEAD' })
  }
}

function overHttp2(client: Http2Client): Send {
  return async (wanted) => {
    const { method, target: path, body } = wanted
    const headers: Record<string, string[]> = {}
    const length = body === undefined || body.chunks !== undefined ? [] : ['content-length', String(body.size)]
    const lines = grouped([...sentHeaders(wanted), ...length])
    for (let at = 0; at < lines.length; at += 2) (headers[lines[at]!] ??= []).push(lines[at + 1]!)
    const single = Object.entries(headers).map(([name, all]) => [name, all.length === 1 ? all[0] : all])
    const stream = client.open(method, path, { authorization, ...Object.fromEntries(single) as Record<string, string> }, { endStream: body === undefined })
    if (body !== undefined) stream.end(bytesOf(body.size))
    const pieces: Buffer[] = []
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    const [[answer, , raw]] = await Promise.all([once(stream, 'response') as Promise<[Record<string, string>, number, string[]]>, once(stream, 'end')])
    return { status: Number(answer[':status']), message: undefined, headers: raw.slice(2), body: Buffer.concat(pieces) }
  }
}

/** Names that node:http2 sends once, or joins, whatever it was given. */
const onceInHttp2 = /^(user-agent|if-none-match|range|referer|origin|etag|location|retry-after|server|content-encoding|date|cache-control)$/i
const unfit = (way: Way, headers: Headers) => way === 'http2'
  && headers.some(([name], at) => onceInHttp2.test(name) && headers.findIndex(([other]) => other.toLowerCase() === name.toLowerCase()) !== at)

async function connect(way: Way): Promise<{ send: Send, close: () => void }> {
  if (way === 'http2') {
    const client = await connectHttp2(t, target.tls)
    return { send: overHttp2(client), close: () => client.session.destroy() }
  }
  const client = await target.connect(way)
  return { send: overHttp1(client), close: () => client.close() }
}

function same(what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`)
}

async function passes(way: Way, wanted: Case, send: Send): Promise<void> {
  const from = target.upstream.requests.length
  target.upstream.answer(async (request, reply) => {
    await request.body
    return answerOf(wanted, reply)
  })
  const received = await send(wanted)
  const request = target.upstream.requests[from]!
  const { sha256: sent, bytes } = await request.body
  const http2 = way === 'http2'
  same('requests sent up', target.upstream.requests.length - from, 1)
  same('target', request.target, wanted.target.replace(/^\/clusters\/prod/, ''))
  same('method', request.method, wanted.method)
  same('size up', bytes, wanted.body?.size ?? 0)
  same('hash up', sent, sha256(bytesOf(wanted.body?.size ?? 0)))
  same('headers up', passing(request.headers), http2 ? grouped(passing(sentHeaders(wanted))) : passing(sentHeaders(wanted)))

  same('status', received.status, wanted.status)
  if (!http2 && !wanted.message.includes('\u00e9')) same('message', received.message, wanted.message)
  same('size down', received.body.length, hasAnswerBody(wanted) ? wanted.answer.size : 0)
  same('hash down', sha256(received.body), sha256(bytesOf(hasAnswerBody(wanted) ? wanted.answer.size : 0)))
  // Node adds a Date where there is none.
  const added = wanted.answerHeaders.some(([name]) => name.toLowerCase() === 'date') ? [] : ['date']
  const relocated = wanted.answerHeaders.map(([name, value]) => [name, relocation(wanted, name, value)]).flat()
  const down = passing(received.headers, added)
  same('headers down', down, http2 ? grouped(relocated) : relocated)
}

function relocation({ target: path }: Case, name: string, value: string): string {
  return path.startsWith('/clusters/prod') && name === 'LOCATION' && /^\/(?!\/)/.test(value) ? `/clusters/prod${value}` : value
}

const randomSeed = Date.now() | 0
/** Milliseconds for each of the six. */
const within = 2500

for (const way of ['plain', 'tls', 'http2'] as const) {
  const fit = cases.filter(({ headers, answerHeaders }) => !unfit(way, headers) && !unfit(way, answerHeaders))
  for (const [what, seed] of [['the fixed seed', 20261121], ['a random seed', randomSeed]] as const) {
    t.test(`${way}: all that passes, passes byte for byte, with ${what} ${seed}`, async (t) => {
      let count = 0
      const enoughAt = performance.now() + within
      const property = fc.asyncProperty(fc.array(fit, { minLength: 1, maxLength: 4 }), async (requests) => {
        // fast-check's own time limits leave the last one running into the next test.
        if (performance.now() > enoughAt && count > 10) return
        const { send, close } = await connect(way)
        for (const wanted of requests) await passes(way, wanted, send)
        count += requests.length
        close()
      })
      await fc.assert(property, { seed, numRuns: 1000 })
      t.comment(`${count} requests`)
      t.ok(count > 10, 'enough of them')
    })
  }
}
