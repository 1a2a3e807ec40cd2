import t from 'tap'
import { answerWith, lastingHeaders, matches, readAsker, relay } from '../../src/cache/answer.ts'
import { capturedAnswer } from '../support/captures.ts'

const captured = capturedAnswer('apis-kubectl')
const document = { headers: lastingHeaders(captured.headers), body: captured.body }
const etag = captured.headers[captured.headers.indexOf('etag') + 1] ?? ''
const namesOf = (headers: readonly string[]) => headers.filter((_, at) => at % 2 === 0)

t.test('what is said of the document is kept, what is said of one exchange is not', async (t) => {
  t.strictSame(namesOf(document.headers), ['cache-control', 'content-type', 'etag', 'vary'])
  const echoed = ['Set-Cookie', 'a=b', 'X-Echo', 'Bearer token', 'Date', 'x', 'Age', '1', 'Connection', 'etag', 'Content-Length', '9', 'ETag', '"x"']
  t.strictSame(lastingHeaders(echoed), ['ETag', '"x"'])
})

t.test('a hit is the document with its age', async (t) => {
  const answer = answerWith(document, readAsker('GET', []), 'hit', 61_999)
  t.strictSame(answer.headers, [...document.headers, 'Content-Length', String(captured.body.length), 'Age', '61', 'X-Portcullis-Cache', 'hit'])
  t.match(answer, { status: 200, body: captured.body, cache: 'hit' })
})

t.test('a miss has no age', async (t) => {
  const { headers } = answerWith(document, readAsker('GET', []), 'miss', 0)
  t.strictSame(namesOf(headers).slice(-2), ['Content-Length', 'X-Portcullis-Cache'])
})

t.test('a HEAD gets the head of the GET', async (t) => {
  const answer = answerWith(document, readAsker('HEAD', []), 'hit', 0)
  t.match(answer, { status: 200, body: undefined })
  t.strictSame(answer.headers, answerWith(document, readAsker('GET', []), 'hit', 0).headers)
})

t.test('who has the document already gets a 304, with the headers that the API server sends with one', async (t) => {
  const real = capturedAnswer('apis-v2-if-none-match')
  for (const method of ['GET', 'HEAD']) {
    const answer = answerWith(document, readAsker(method, ['if-none-match', etag]), 'stale', 2000)
    t.match(answer, { status: 304, body: undefined, cache: 'stale' })
    t.strictSame(answer.headers, [...lastingHeaders(real.headers), 'Age', '2', 'X-Portcullis-Cache', 'stale'])
  }
})

const tags: [ifNoneMatch: string[], etag: string | undefined, expected: boolean][] = [
  [['"a"'], '"a"', true],
  [['"b"'], '"a"', false],
  [['"b", "a"'], '"a"', true],
  [['"b","a"'], '"a"', true],
  [['"b"', '"a"'], '"a"', true],
  [['W/"a"'], '"a"', true],
  [['"a"'], 'W/"a"', true],
  [['"b", W/"a"'], 'W/"a"', true],
  [['"x,"a""'], '"a"', false],
  [['*'], '"a"', true],
  [[' * '], undefined, true],
  [['"a"'], undefined, false],
  [['a'], '"a"', false],
  [[''], '"a"', false],
  [[], '"a"', false],
]

for (const [lines, tag, expected] of tags) {
  t.test(`If-None-Match ${JSON.stringify(lines)} ${expected ? 'matches' : 'does not match'} ${String(tag)}`, async (t) => {
    const { ifNoneMatch } = readAsker('GET', lines.flatMap((line) => ['If-None-Match', line]))
    t.equal(matches(ifNoneMatch, tag), expected)
  })
}

t.test('an answer that is not kept is relayed with its own headers', async (t) => {
  const moved = capturedAnswer('openapi-v3-api-v1-badhash')
  const answer = relay(moved, readAsker('GET', []))
  t.equal(answer.status, 301)
  t.equal(answer.headers[answer.headers.indexOf('location') + 1], moved.headers[moved.headers.indexOf('location') + 1])
  t.strictSame(answer.headers.slice(-4), ['Content-Length', '0', 'X-Portcullis-Cache', 'miss'])
  const refused = { status: 403, headers: ['Set-Cookie', 'a=b', 'Transfer-Encoding', 'chunked', 'Warning', 'x'], body: Buffer.from('no') }
  t.strictSame(relay(refused, readAsker('HEAD', [])), {
    status: 403, headers: ['Warning', 'x', 'Content-Length', '2', 'X-Portcullis-Cache', 'miss'], body: undefined, cache: 'miss',
  })
  t.strictSame(relay({ status: 204, headers: [], body: Buffer.alloc(0) }, readAsker('GET', [])).headers, ['X-Portcullis-Cache', 'miss'])
})
