import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { makeAuthority } from './certificates.ts'
import { connectHttp2 } from './http2-client.ts'
import { connectRawHttp2 } from './raw-http2.ts'
import type { Scope } from './scope.ts'

async function serve(t: Scope) {
  const authority = makeAuthority()
  const seen: string[][] = []
  const server = http2.createSecureServer(authority.issue(), (request, response) => {
    seen.push(request.rawHeaders)
    request.resume().on('end', () => response.writeHead(Number(request.headers['x-status'] ?? 200)).end(JSON.stringify({ path: request.url })))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { seen, ca: authority.ca, port: (server.address() as AddressInfo).port }
}

const pseudo = [':method', 'POST', ':scheme', 'https', ':authority', 'localhost', ':path', '/x']

t.test('hand-made frames reach a server as they are, long values too', async (t) => {
  const server = await serve(t)
  const client = await connectRawHttp2(t, server)
  const long = 'y'.repeat(500)
  const outcome = await client.request([...pseudo, 'x-one', '1', 'x-one', '2', 'x-long', long], 'body')
  t.equal(outcome.end, 'complete')
  t.strictSame(outcome.json(), { path: '/x' })
  t.strictSame(server.seen[0]?.slice(8), ['x-one', '1', 'x-one', '2', 'x-long', long])
})

t.test('the status is read, from the table or spelt out', async (t) => {
  const server = await serve(t)
  for (const status of [200, 201, 301, 304, 400, 403, 429, 500, 502, 599]) {
    const client = await connectRawHttp2(t, server)
    t.equal((await client.request([...pseudo, 'x-status', String(status)], '')).status, status)
  }
})

t.test('a refused stream says so, and a burst of resets is one write', async (t) => {
  const server = await serve(t)
  const client = await connectRawHttp2(t, server)
  t.equal((await client.request([...pseudo, 'Upper', '1'])).end, 'reset')
  client.resetBurst(10, pseudo)
  t.equal((await client.request(pseudo, '')).end, 'complete')
})

t.test('the library client reads whole answers and survives its own burst', async (t) => {
  const server = await serve(t)
  const client = await connectHttp2(t, server)
  await client.resetBurst(10, '/burst')
  const response = await client.request('GET', '/y')
  t.equal(response.status, 200)
  t.strictSame(response.json(), { path: '/y' })
})
