// `Connection` nominates a header that the proxy adds, and the backend's next proxy removes it:
// CVE-2022-23652, CVE-2026-33805, CVE-2025-48865. An empty first line hides the second: CVE-2021-33197.
import { createHash } from 'node:crypto'
import t from 'tap'
import { assertOurs, http1Ways, startTarget } from '../support/attack-target.ts'

const target = await startTarget(t)

const nominations: readonly (readonly string[])[] = [
  ['Connection', 'close, authorization, Impersonate-User'],
  ['Connection', 'close', 'Connection', 'Authorization'],
  ['Connection', '   authorization'],
  ['Connection', '\tAUTHORIZATION\t, host , audit-id'],
  ['Connection', '', 'Connection', 'Authorization'],
  ['Connection', ',', 'Connection', ', ,Authorization,,X-Forwarded-For'],
  ['connection', 'Host, Audit-Id, X-Forwarded-For, Content-Length, Transfer-Encoding, Connection'],
  ['Proxy-Connection', 'authorization', 'Connection', 'keep-alive, Proxy-Connection'],
]

for (const way of http1Ways) {
  t.test(`${way}: nominating our headers removes none of them`, async (t) => {
    for (const headers of nominations) {
      const label = `${way} ${JSON.stringify(headers)}`
      const { request } = await target.forwarded(way, { headers })
      assertOurs(t, request, label)
      t.strictSame(request.all('proxy-connection'), [], `${label}: hop-by-hop`)
      t.strictSame(request.all('connection').filter((value) => !/^(keep-alive|upgrade)$/i.test(value)), [], `${label}: no nomination left`)
      t.equal(request.all('x-forwarded-for').length, 1, `${label}: our X-Forwarded-For`)
    }
  })
}

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: nominating the framing leaves the body whole`, async (t) => {
    const body = 'x'.repeat(70_000)
    const headers = ['Connection', 'content-length, transfer-encoding', 'Content-Type', 'application/json']
    const { request } = await target.forwarded(way, { method: 'POST', headers, body })
    assertOurs(t, request, way)
    t.equal((await request.body).sha256, createHash('sha256').update(body).digest('hex'))
  })

  t.test(`${way}: what is nominated does not go upstream`, async (t) => {
    const { request } = await target.forwarded(way, { headers: ['Connection', 'close, X-Secret', 'X-Secret', '1', 'X-Kept', '2'] })
    t.strictSame(request.all('x-secret'), [])
    t.strictSame(request.all('x-kept'), ['2'])
  })
}

t.test('http2: a Connection header never reaches upstream (RFC 9113, 8.2.2)', async (t) => {
  const before = target.upstream.bytes
  const answered = await target.send('http2', { headers: ['connection', 'authorization'] })
  t.ok(answered.status === 0 || answered.status === 400, `refused: ${answered.status}`)
  t.equal(target.upstream.bytes, before)
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
