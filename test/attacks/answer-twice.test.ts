// An answer nobody asked for on a pooled socket (CVE-2026-48931): the next caller must not see it.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { answerAll, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)
const poison = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"poison":true}'
const whole = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
const first = '/api/v1/namespaces/a/pods/first'

const next = async (t: Test, way: 'plain' | 'tls' | 'http2') => {
  for (let i = 0; i < 5; i += 1) {
    const { status, body } = await target.send(way, { target: `/api/v1/namespaces/a/pods/next-${i}` })
    t.equal(status, 200)
    t.equal(body.toString(), '{}')
  }
}

for (const way of ['plain', 'tls', 'http2'] as const) {
  t.test(`${way}: in one write with the first answer`, async (t) => {
    for (const method of ['GET', 'POST', 'HEAD', 'DELETE']) {
      target.upstream.answer((request, reply) => request.target === first ? (method === 'HEAD' ? whole : whole + poison) : answerAll(request, reply))
      const { body } = await target.send(way, { method, target: first, ...(method === 'POST' ? { body: '{}' } : {}) })
      t.notMatch(body.toString(), /poison/)
      await next(t, way)
    }
  })

  t.test(`${way}: while the socket is idle`, async (t) => {
    target.upstream.answer((request, reply) => request.target === first ? whole : answerAll(request, reply))
    await target.send(way, { target: first })
    const idle = target.upstream.requests.findLast((request) => request.target === first)!.connection
    if (!idle.socket.destroyed) {
      idle.socket.write(poison)
      // The proxy has read it by the time that it hangs up on it.
      await Promise.race([once(idle.socket, 'close'), once(idle.socket, 'end')])
    }
    await next(t, way)
  })

  t.test(`${way}: an answer to an upgrade, twice`, async (t) => {
    target.upstream.answer((request, reply) => request.target.includes('/exec') ? whole + poison : answerAll(request, reply))
    const { body } = await target.send('upgrade', {})
    t.notMatch(body.toString(), /poison/)
    await next(t, way)
  })

  t.test(`${way}: more body than was announced, and bytes after a 204 and a 304`, async (t) => {
    for (const raw of [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{"poison":true}', `HTTP/1.1 204 No\r\n\r\n${poison}`, `HTTP/1.1 304 Same\r\nContent-Length: 15\r\n\r\n${poison}`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n${poison}`,
    ]) {
      target.upstream.answer((request, reply) => request.target === first ? raw : answerAll(request, reply))
      const client = await target.connect(way === 'http2' ? 'tls' : way)
      client.request('GET', first, ['Authorization', `Bearer ${target.root.key}`])
      // Whole, or cut: bytes that upstream had no business to send make it doubtful.
      const body = await client.response().then((response) => response.body, () => Buffer.alloc(0))
      t.notMatch(body.toString(), /poison/)
      await next(t, way)
    }
  })
}

t.test('no sink holds a secret', (t) => target.silentSinks(t))
