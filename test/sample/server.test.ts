import { once } from 'node:events'
import http2 from 'node:http2'
import t from 'tap'
import { connectRaw } from '../support/raw-client.ts'
import { startSample } from '../support/sample.ts'

t.test('nobody is let in without exactly the token', async (t) => {
  const { call, token } = await startSample(t)
  for (const authorization of ['', token, 'Bearer', `bearer ${token}`, `Bearer ${token}x`, `Bearer  ${token}`, `Basic ${token}`, `Bearer ${token}, Bearer ${token}`]) {
    const answer = await call('GET', '/api/v1/pods', { headers: { authorization } })
    t.equal(answer.status, 401, authorization)
    t.match(answer.json, { kind: 'Status', status: 'Failure', reason: 'Unauthorized', message: 'Unauthorized', code: 401 })
  }
  t.equal((await call('GET', '/healthz')).text, 'ok')
})

t.test('HTTP/2 is served as HTTP/1.1 is', async (t) => {
  const { sample, ca, token } = await startSample(t)
  const session = http2.connect(sample.url, { ca })
  t.teardown(() => session.destroy())
  const stream = session.request({ ':path': '/api/v1/namespaces/team-a', authorization: `Bearer ${token}` })
  let body = ''
  stream.on('data', (chunk: Buffer) => { body += chunk.toString() })
  const [headers] = await once(stream, 'response') as [http2.IncomingHttpHeaders]
  await once(stream, 'end')
  t.equal(headers[':status'], 200)
  t.match(JSON.parse(body), { kind: 'Namespace', metadata: { name: 'team-a' } })
})

t.test('requests are kept as they came, refused ones too', async (t) => {
  const { sample, ca, token } = await startSample(t)
  const client = await connectRaw(t, { port: sample.port, ca })
  client.request('GET', '/version?a=b', ['Host', 'x', 'AUTHORIZATION', `Bearer ${token}`, 'X-One', '1', 'x-one', '2'])
  t.equal((await client.response()).status, 200)
  client.request('GET', '/api', ['Host', 'x'])
  t.equal((await client.response()).status, 401)
  t.strictSame(sample.requests(), [
    { method: 'GET', url: '/version?a=b', headers: ['Host', 'x', 'AUTHORIZATION', `Bearer ${token}`, 'X-One', '1', 'x-one', '2'], httpVersion: '1.1' },
    { method: 'GET', url: '/api', headers: ['Host', 'x'], httpVersion: '1.1' },
  ])
})

t.test('only the last requests are kept', async (t) => {
  const { sample, call } = await startSample(t, { maxRequests: 2 })
  for (const path of ['/healthz', '/livez', '/readyz']) await call('GET', path)
  t.strictSame(sample.requests().map(({ url }) => url), ['/livez', '/readyz'])
})

t.test('a body of more than 3 MiB is refused, and the answer arrives', async (t) => {
  const { call } = await startSample(t)
  const configMap = (size: number) => ({ metadata: { name: 'large' }, data: { a: 'x'.repeat(size) } })
  t.equal((await call('POST', '/api/v1/namespaces/team-a/configmaps', { body: configMap(3 * 1024 * 1024) })).status, 413)
  t.equal((await call('POST', '/api/v1/namespaces/team-a/configmaps', { body: configMap(1024 * 1024) })).status, 201)
})

t.test('an upgrade of anything but exec is answered as if it had not asked, and ends the connection', async (t) => {
  const { sample, ca, token } = await startSample(t)
  for (const upgrade of ['websocket', 'SPDY/3.1', 'h2c']) {
    const client = await connectRaw(t, { port: sample.port, ca })
    client.request('GET', '/version', ['Host', 'x', 'Authorization', `Bearer ${token}`, 'Connection', 'Upgrade', 'Upgrade', upgrade])
    const answer = await client.response()
    t.equal(answer.status, 200, upgrade)
    t.match(answer.json(), { major: '1' })
    t.strictSame(answer.all('connection'), ['close'])
    await client.closed()
  }
  const client = await connectRaw(t, { port: sample.port, ca })
  client.request('GET', '/api/v1/namespaces/team-a/pods/web-0/exec?command=true&stdout=true', ['Host', 'x', 'Connection', 'Upgrade', 'Upgrade', 'websocket'])
  t.equal((await client.response()).status, 401, 'and without the token it is refused')
})

t.test('a path that is not well-formed is a 400, and an unknown one a 404', async (t) => {
  const { sample, ca, token, call } = await startSample(t)
  const client = await connectRaw(t, { port: sample.port, ca })
  client.request('GET', '/api/v1/pods/%zz', ['Host', 'x', 'Authorization', `Bearer ${token}`])
  t.equal((await client.response()).status, 400)
  for (const path of ['/nothing', '/api/v2', '/api/v1/nothing', '/apis/none', '/apis/apps/v2', '/api/v1/pods/x', '/api/v1/namespaces/team-a/pods/x/none', '/api/v1/namespaces/team-a/pods/web-0/log/x']) {
    const answer = await call('GET', path)
    t.equal(answer.status, 404, path)
    t.equal(answer.text, '404 page not found\n')
  }
})

t.test('close ends what is open and can be called twice', async (t) => {
  const { sample, lines } = await startSample(t)
  const watch = await lines('/api/v1/pods?watch=true')
  await watch.next()
  await Promise.all([sample.close(), sample.close()])
  await t.rejects(async () => { while (!(await watch.next()).done); })
  await sample.close()
})
