// Node's parser drops headers beyond a number, silently, and its HTTP/2 side throws for some that come twice: neither may change what is asked or answered.
import t from 'tap'
import { answerAll, codeOf, startTarget } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { valuesOf } from '../support/http-reader.ts'

const target = await startTarget(t)
const many = Array.from({ length: 4000 }, (_, i) => [`X-${i}`, '']).flat()

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: a header behind thousands of others is passed on like any`, async (t) => {
    const { request } = await target.forwarded(way, { headers: [...many, 'X-Last', 'here'] })
    t.strictSame(request.all('x-last'), ['here'])
    t.equal(request.headers.filter((name) => /^X-\d+$/.test(name)).length, 4000)
  })

  t.test(`${way}: an Impersonate-User behind thousands of others is refused like any`, async (t) => {
    await target.refused(t, way, { headers: [...many, 'Impersonate-User', 'admin'] }, { status: 403, code: 'ImpersonationDenied' }, 'behind others')
  })

  t.test(`${way}: of an answer too, none is lost`, async (t) => {
    target.upstream.answer(() => ({ status: 200, headers: [...many, 'X-Last', 'here'], body: '{}' }))
    const { headers } = await target.send(way, {})
    t.strictSame(valuesOf(headers, 'x-last'), ['here'])
  })
}

t.test('HTTP/2: more than its parser keeps is refused whole, never in part', async (t) => {
  const before = await target.settle('http2')
  const { status, body } = await target.send('http2', { headers: [...many.slice(0, 1000), 'Impersonate-User', 'admin'] })
  t.ok(status === 0 || status >= 400, `${status} ${codeOf(body)}`)
  const after = await target.settle('http2')
  t.equal(after.bytes - before.bytes, after.markerBytes, 'no byte upstream')
})

t.test('HTTP/2: what an answer may say only once and says twice is said once, and is an answer', async (t) => {
  const twice = ['ETag', '"1"', 'Content-Type', 'application/json', 'X-Content-Type-Options', 'nosniff']
  target.upstream.answer(() => ({ status: 200, headers: [...twice, 'Warning', 'a', ...twice, 'Warning', 'b'], body: '{}' }))
  const client = await connectHttp2(t, target.tls)
  const { status, headers, body } = await client.request('GET', '/api/v1/namespaces/a/pods', { authorization: `Bearer ${target.root.key}` })
  t.equal(status, 200)
  t.match(headers, { 'etag': '"1"', 'content-type': 'application/json', 'x-content-type-options': 'nosniff', 'warning': 'a, b' })
  t.equal(body.toString(), '{}')
})

t.test('HTTP/2: a status that cannot be sent is a refusal, not a broken stream', async (t) => {
  target.upstream.answer(() => ({ status: 999, body: '{}' }))
  const { status, body } = await target.send('http2', {})
  target.upstream.answer(answerAll)
  t.ok(status >= 500 && status < 600, `${status} ${codeOf(body)}`)
})
