// Sent once: the http-proxy plugin's default sends a GET answered 503 eleven times.
import t from 'tap'
import { startTarget, type Way } from '../support/attack-target.ts'

const target = await startTarget(t)
const requests: readonly (readonly [way: Way, method: string, path: string])[] = [
  ...(['plain', 'tls', 'http2'] as const).flatMap((way) => [
    ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) => [way, method, '/api/v1/namespaces/a/pods/x'] as const),
    [way, 'GET', '/api/v1/namespaces/a/pods?watch=true'] as const,
  ]),
  ['upgrade', 'GET', '/api/v1/namespaces/a/pods/x/exec?command=sh'],
]

t.test('a request whose connection dies before an answer is sent once, if that connection was new', async (t) => {
  target.upstream.answer((request) => request.target.includes('marker') ? { status: 200, body: '{}' } : 'cut')
  // Long-running requests have connections of their own, and none is open yet.
  const { status } = await target.send('tls', { target: '/api/v1/namespaces/a/pods?watch=true' })
  t.match(String(status), /^50[23]$/)
  await target.settle('tls')
  t.equal(target.upstream.requests.filter((request) => request.target.includes('watch')).length, 1)
})

for (const [status, headers] of [[503, []], [503, ['Retry-After', '1']], [429, ['Retry-After', '0']], [500, []], [502, []], [504, []], [408, []]] as const) {
  t.test(`a ${status} ${headers.join(' ')} is relayed as it came, and asked for once`, async (t) => {
    target.upstream.answer((request) => request.target.includes('marker')
      ? { status: 200, body: '{}' }
      : { status, message: 'No', headers: ['Content-Type', 'text/plain', ...headers], body: 'upstream says no' })
    for (const [way, method, path] of requests) {
      const seen = target.upstream.requests.length
      const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { body: '{}' } : {}
      const answered = await target.send(way, { method, target: path, ...body })
      const label = `${way} ${method} ${path}`
      if (method !== 'HEAD') t.equal(answered.body.toString(), 'upstream says no', label)
      if (way !== 'http2') {
        t.equal(answered.status, status, label)
        t.equal(answered.headers.includes('Retry-After'), headers.length > 0, `${label}: Retry-After as it was`)
      }
      await target.settle('tls')
      const sent = target.upstream.requests.slice(seen).filter((request) => !request.target.includes('marker'))
      t.equal(sent.length, 1, `${label}: once`)
    }
  })
}

t.test('a request whose connection dies before an answer is sent once, unless it had no body and the socket was pooled', async (t) => {
  for (const way of ['plain', 'tls', 'http2'] as const) {
    for (const method of ['POST', 'PATCH', 'PUT']) {
      await target.settle(way)
      target.upstream.answer((request) => request.target.includes('marker') ? { status: 200, body: '{}' } : 'cut')
      const seen = target.upstream.requests.length
      const { status } = await target.send(way, { method, body: '{}' })
      t.match(String(status), /^50[23]$/)
      await target.settle(way)
      const sent = target.upstream.requests.slice(seen).filter((request) => !request.target.includes('marker'))
      t.equal(sent.length, 1, `${way} ${method}`)
    }
    target.upstream.answer((request) => request.target.includes('marker') ? { status: 200, body: '{}' } : 'cut')
    const seen = target.upstream.requests.length
    t.match(String((await target.send(way, {})).status), /^50[23]$/)
    await target.settle(way)
    const sent = target.upstream.requests.slice(seen).filter((request) => !request.target.includes('marker'))
    t.ok(sent.length <= 2, `${way} GET: ${sent.length}, at most one repeat`)
  }
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
