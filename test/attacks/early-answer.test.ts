// Upstream answers before it has read the body: what is left of the body must not become a request.
import t from 'tap'
import { answerAll, startTarget } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'

const target = await startTarget(t, { config: { limits: { maxRequestBody: '16MiB' } } })
const path = '/api/v1/namespaces/a/configmaps'
const smuggled = () => `GET /api/v1/namespaces/a/secrets HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.root.key}\r\n\r\n`
const answerEarly = () => target.upstream.answer((request, reply) => {
  if (request.target !== path) return answerAll(request, reply)
  return { status: 403, headers: ['Content-Type', 'application/json'], body: '{"kind":"Status","code":403}', early: true }
})
const secretsSeen = (from: number) => target.upstream.requests.slice(from).filter((request) => request.target.endsWith('/secrets')).length

for (const way of ['plain', 'tls'] as const) {
  for (const framing of ['Content-Length: 10485760', 'Transfer-Encoding: chunked']) {
    t.test(`${way}, ${framing}: the connection is closed after the answer`, async (t) => {
      answerEarly()
      const seen = target.upstream.requests.length
      const client = await target.connect(way)
      client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.root.key}\r\n${framing}\r\n\r\n`)
      const piece = Buffer.alloc(65_536, 'x')
      if (framing.startsWith('T')) client.send('10000\r\n')
      client.send(piece)
      const response = await client.response()
      t.equal(response.status, 403)
      client.socket.write(`\r\n${smuggled()}`)
      const all = (await client.closed()).toString('latin1')
      t.equal(all.split('HTTP/1.1 ').length, 2, 'one answer')
      await target.settle(way)
      t.equal(secretsSeen(seen), 0, 'nothing smuggled')
    })
  }

  t.test(`${way}: a whole 10 MB and a pipelined request: either it is answered for itself, or the connection is closed`, async (t) => {
    answerEarly()
    const client = await target.connect(way)
    client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.root.key}\r\nContent-Length: 10485760\r\n\r\n`)
    client.send(Buffer.alloc(10_485_760, 'x'))
    client.send(`GET /api/v1/namespaces/a/pods HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer nonsense\r\n\r\n`)
    t.equal((await client.response()).status, 403)
    const second = await client.response().catch((error: Error) => error)
    t.ok(second instanceof Error || second.status === 401, 'never the first one\'s authority')
  })
}

t.test('http2: the answer comes, the stream ends, the connection goes on', async (t) => {
  answerEarly()
  const client = await connectHttp2(t, target.tls)
  const headers = { authorization: `Bearer ${target.root.key}`, 'content-length': '10485760' }
  const stream = client.open('POST', path, headers, { endStream: false })
  stream.on('error', () => { /* the rest of the body is not wanted */ })
  stream.write(Buffer.alloc(65_536))
  const status = await new Promise((resolve) => stream.once('response', (answer) => resolve(answer[':status'])))
  t.equal(status, 403)
  stream.resume()
  stream.close()
  const next = await client.request('GET', '/api/v1/namespaces/a/pods', { authorization: headers.authorization })
  t.equal(next.status, 200)
})

t.test('no sink holds a secret', (t) => target.silentSinks(t))
