// Two Content-Length lines, by which two parsers may cut a stream of bytes differently.
import t from 'tap'
import { codeOf, startTarget } from '../support/attack-target.ts'
import { connectRawHttp2 } from '../support/raw-http2.ts'

const target = await startTarget(t)
const path = '/api/v1/namespaces/a/pods'

for (const way of ['plain', 'tls'] as const) {
  t.test(`${way}: two lines are 400, equal or not, whatever their case`, async (t) => {
    for (const lines of [
      'Content-Length: 4\r\nContent-Length: 4', 'Content-Length: 4\r\nCONTENT-LENGTH: 4', 'Content-Length: 4\r\ncontent-length: 0',
      'content-length: 0\r\nContent-Length: 4', 'Content-Length: 4, 4',
    ]) {
      const before = await target.settle(way)
      const client = await target.connect(way)
      client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.root.key}\r\n${lines}\r\n\r\nbody`)
      const response = await client.response()
      t.equal(response.status, 400, lines)
      t.equal(codeOf(response.body), 'MalformedHeader', lines)
      client.close()
      await target.silent(t, target.proxyOf(way), before, JSON.stringify(lines), 'MalformedHeader')
    }
  })
}

t.test('http2: two are refused, and one that lies about the DATA is never a whole request', async (t) => {
  const fields = [':method', 'POST', ':scheme', 'https', ':authority', 'localhost', ':path', path, 'authorization', `Bearer ${target.root.key}`]
  for (const lengths of [['4', '4'], ['4', '9'], ['9'], ['1']]) {
    const requests = target.upstream.requests.length
    const client = await connectRawHttp2(t, target.tls)
    const outcome = await client.request([...fields, ...lengths.flatMap((length) => ['content-length', length])], 'body')
    t.ok(outcome.end !== 'complete' || codeOf(outcome.body) === 'MalformedHeader', `${lengths}: ${outcome.end} ${outcome.body}`)
    for (const request of target.upstream.requests.slice(requests)) {
      t.equal(request.all('content-length').length, 1, `${lengths}: one on the wire`)
      await t.rejects(request.body, `${lengths}: upstream sees it cut`)
    }
    client.socket.destroy()
  }
  for (const name of ['Content-Length', 'CONTENT-LENGTH']) {
    const before = target.upstream.bytes
    const client = await connectRawHttp2(t, target.tls)
    const outcome = await client.request([...fields, 'content-length', '4', name, '4'], 'body')
    t.not(outcome.end, 'complete', name)
    t.equal(target.upstream.bytes, before, name)
  }
})

t.test('http2: one Content-Length is one on the wire', async (t) => {
  const { request } = await target.forwarded('http2', { method: 'POST', body: 'body' })
  t.equal((await request.body).start.toString(), 'body')
  t.equal(request.all('content-length').length + request.all('transfer-encoding').length, 1)
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
