import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { errors } from 'undici'
import { AnswerParser } from '../../../src/clusters/http1/answer.ts'
import type { AnswerHead } from '../../../src/clusters/http1/head.ts'
import { declaredFraming, MessageReader, type Framing } from '../../support/http-reader.ts'

interface Read {
  readonly heads: AnswerHead[]
  readonly body: string
  readonly ends: number
  /** Bytes behind the answer that were left alone. */
  readonly left: number
  readonly error: Error | undefined
}

/** What comes of these pieces, each in memory that is overwritten once it was read. */
function read(pieces: readonly Buffer[], { method = 'GET', close = false } = {}): Read {
  const seen = { heads: [] as AnswerHead[], body: '', ends: 0, left: 0, error: undefined as Error | undefined }
  const parser = new AnswerParser({
    held: false,
    head: head => { seen.heads.push(head) },
    data: chunk => { seen.body += chunk.toString('latin1') },
    end: () => { seen.ends += 1 },
  })
  parser.expect(method)
  try {
    for (const piece of pieces) {
      const shared = Buffer.from(piece)
      seen.left += shared.length - parser.take(shared)
      shared.fill('!')
    }
    if (close) parser.close()
  } catch (error) {
    seen.error = error as Error
  }
  return seen
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
const whole = (text: string, options = {}) => read([bytes(text)], options)
const byByte = (text: string, options = {}) => read([...bytes(text)].map(byte => Buffer.from([byte])), options)

/** As a reader without any leniency takes it (test/support/http-reader.ts). */
function reference(text: string, method: string): { status: number, body: string, ends: number } {
  const seen = { status: 0, body: '', ends: 0 }
  let informational = false
  const reader = new MessageReader({
    head({ startLine, headers }): Framing {
      const status = Number(startLine.split(' ')[1])
      informational = status < 200
      if (informational) return { kind: 'none' }
      seen.status = status
      return method === 'HEAD' || status === 204 || status === 304 ? { kind: 'none' } : declaredFraming(headers) ?? { kind: 'rest' }
    },
    body: (chunk) => { seen.body += chunk.toString('latin1') },
    end: () => { if (!informational) seen.ends += 1 },
    fault: (fault) => { throw fault },
  })
  reader.push(bytes(text))
  reader.close()
  return seen
}

const noise = fc.string({ unit: fc.constantFrom('a', '0', '\r', '\n', '\0', ':', ' ', '\xff', ';'), maxLength: 40 })
const value = fc.string({ unit: fc.constantFrom('a', ' ', '\t', '\xe4', ':', ';', ',', '7'), maxLength: 12 })
const lines = fc.array(fc.tuple(fc.constantFrom('X', 'Date', 'x-y', 'Keep-Alive', 'Trailer'), value), { maxLength: 3 })
  .map(fields => fields.map(([name, text]) => `${name}: ${text}\r\n`).join(''))
const framed = fc.oneof(
  noise.map(body => `Content-Length: ${body.length}\r\n\r\n${body}`),
  fc.tuple(fc.array(noise.filter(({ length }) => length > 0), { maxLength: 4 }), lines).map(([chunks, trailers]) =>
    `Transfer-Encoding: chunked\r\n\r\n${chunks.map(chunk => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n${trailers}\r\n`),
  noise.map(body => `\r\n${body}`),
)
const answers = fc.record({
  informational: fc.array(fc.constantFrom('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n'), { maxLength: 2 }),
  status: fc.constantFrom(200, 201, 401, 404, 503),
  lines,
  framed,
}).map(({ informational, status, lines, framed }) => `${informational.join('')}HTTP/1.1 ${status} Some\r\n${lines}${framed}`)
const cuts = fc.array(fc.nat(400), { maxLength: 12 })

function split(text: string, at: readonly number[]): Buffer[] {
  const all = bytes(text)
  const ends = [...new Set(at.filter(end => end < all.length)), all.length].sort((a, b) => a - b)
  return ends.map((end, i) => all.subarray(ends[i - 1] ?? 0, end))
}

t.test('a valid answer is read as a reader without leniency reads it, in any pieces', async () => {
  fc.assert(fc.property(answers, cuts, (text, at) => {
    const expected = reference(text, 'GET')
    for (const seen of [whole(text, { close: true }), read(split(text, at), { close: true }), byByte(text, { close: true })]) {
      assert.deepEqual({ status: seen.heads[0]?.status, body: seen.body, ends: seen.ends, error: seen.error }, { ...expected, error: undefined })
    }
  }), { numRuns: 150 })
})

t.test('whatever is broken in it is told in any pieces alike, and never as a whole answer', async () => {
  const broken = fc.tuple(answers, fc.nat(300), fc.constantFrom('', '\r', '\n', '\0', ' ', 'x', '\r\n', 'HTTP/1.1 200 OK\r\n\r\n'))
    .map(([text, at, instead]) => text.slice(0, at) + instead + text.slice(at + 1))
  fc.assert(fc.property(broken, cuts, (text, at) => {
    const tell = ({ heads, body, ends, left, error }: Read) => ({ heads, body, ends, left: left > 0, error: error !== undefined })
    assert.deepEqual(tell(read(split(text, at))), tell(whole(text)))
    assert.deepEqual(tell(byByte(text)), tell(whole(text)))
  }), { numRuns: 150 })
})

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

t.test('what is no chunk is an error', async (t) => {
  for (const rest of [
    '\r\n', ' 5\r\nhello\r\n', '5 \r\nhello\r\n', '5\t\r\nhello\r\n', '0x5\r\nhello\r\n', '+5\r\nhello\r\n', '-5\r\nhello\r\n', '5\n\r\nhello\r\n', '5\r\r\nhello\r\n',
    '5;a\nb\r\nhello\r\n', '5;a\rb\r\nhello\r\n', '5;\0\r\nhello\r\n', 'g\r\n', '5,5\r\nhello\r\n', '1000000000000\r\n', `${'0'.repeat(13)}\r\n`, 'fffffffffffffffff\r\n',
    `5;${'x'.repeat(4095)}\r\n`, '5\r\nhello0\r\n\r\n', '5\r\nhello\n0\r\n\r\n', '5\r\nhello\r0\r\n\r\n', '5\r\nhelloXY\r\n', '5\r\nhello\r\n\r\n',
  ]) {
    for (const seen of [whole(chunked + rest), byByte(chunked + rest)]) {
      t.ok(seen.error, JSON.stringify(rest).slice(0, 40))
      t.equal(seen.ends, 0)
    }
  }
  t.ok(whole(chunked + '5'.repeat(4097)).error instanceof errors.HeadersOverflowError, 'though no line end has come')
  t.ok(whole(`${chunked}5\r\nhelloXYZ`).error, 'nor one behind a chunk')
})

t.test('extensions of chunks mean nothing, nor do trailers, whatever their names', async (t) => {
  const text = `${chunked}5;a=b;c="\xe4"\r\nhello\r\n5 \t;x\r\nworld\r\n00;last\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nAuthorization: a\r\nX:\r\n\r\n`
  for (const seen of [whole(text), byByte(text)]) {
    t.match(seen, { body: 'helloworld', ends: 1, left: 0, error: undefined })
    t.strictSame(seen.heads[0]?.headers, ['Transfer-Encoding', 'chunked'])
  }
})

t.test('trailers are lines as those of a head are', async (t) => {
  for (const rest of ['X\r\n', ' X: a\r\n', 'X : a\r\n', ': a\r\n', 'X: a\nb\r\n', 'X: a\rb\r\n', 'X: a\0\r\n', 'X: a\n\nHTTP/1.1 200 OK\r\n']) {
    const seen = whole(`${chunked}0\r\n${rest}\r\n`)
    t.ok(seen.error instanceof errors.HTTPParserError, JSON.stringify(rest))
    t.equal(seen.ends, 0)
  }
})

t.test('64 KiB of head, of heads with those of 1xx, and of trailers; a byte more is an error', async (t) => {
  const line = (size: number) => `X: ${'x'.repeat(size - 3)}`
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n'
  const early = 'HTTP/1.1 103 Early'
  const room = 65_536
  const rows: readonly (readonly [what: string, text: (size: number) => string])[] = [
    ['a head', size => `${head}${line(size - head.length)}\r\n\r\n`],
    ['a head behind another', size => `${early}\r\n\r\n${head}${line(size - head.length - early.length)}\r\n\r\n`],
    ['trailers of one line', size => `${chunked}0\r\n${line(size)}\r\n\r\n`],
    ['trailers of two', size => `${chunked}0\r\n${line(9)}\r\n${line(size - 9)}\r\n\r\n`],
  ]
  for (const [what, text] of rows) {
    t.match(whole(text(room)), { ends: 1, error: undefined }, what)
    t.match(whole(text(room + 1)), { ends: 0, error: errors.HeadersOverflowError }, what)
    t.match(read(split(text(room + 1), [20, 40_000])), { ends: 0, error: errors.HeadersOverflowError }, what)
  }
  t.ok(whole('HTTP/1.1 100 Continue\r\n\r\n'.repeat(10_000)).error instanceof errors.HeadersOverflowError, 'nor any number of small ones')
  t.match(whole(`${chunked}${`1;${'x'.repeat(4000)}\r\na\r\n`.repeat(40)}0\r\n\r\n`), { ends: 1, error: undefined }, 'sizes of chunks have no part in that')
})

t.test('the room is that of one answer', async (t) => {
  let ends = 0
  const parser = new AnswerParser({ held: false, head() {}, data() {}, end() { ends += 1 } })
  for (let i = 0; i < 3; i += 1) {
    parser.expect('GET')
    parser.take(bytes(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`))
  }
  t.equal(ends, 3)
})

t.test('a switch of protocols that nobody asked for is an error, behind a 100 too', async (t) => {
  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
  for (const text of [upgrade, `HTTP/1.1 100 Continue\r\n\r\n${upgrade}`]) t.match(whole(text), { heads: [], ends: 0, error: errors.HTTPParserError })
})

t.test('bytes behind an answer are left alone', async (t) => {
  const rows: readonly (readonly [method: string, text: string])[] = [
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na'], ['GET', `${chunked}0\r\n\r\n`], ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
    ['HEAD', chunked], ['GET', 'HTTP/1.1 204 No\r\n\r\n'], ['GET', 'HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n'],
  ]
  for (const [method, text] of rows) t.match(whole(`${text}HTTP/1.1 `, { method }), { ends: 1, left: 9, error: undefined }, text)
})

t.test('only a body without any other end ends with the connection', async (t) => {
  t.match(whole('HTTP/1.1 200 OK\r\n\r\nall', { close: true }), { body: 'all', ends: 1 })
  for (const text of ['', 'HTTP/1.1 200', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nall', `${chunked}3\r\nall\r\n`, `${chunked}0\r\n`, `${chunked}0\r\nX: a\r\n`]) {
    t.equal(whole(text, { close: true }).ends, 0, text)
  }
})
