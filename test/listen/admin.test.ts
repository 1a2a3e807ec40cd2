import { fetch } from 'undici'
import t from 'tap'
import { createAdminServer } from '../../src/listen/admin.ts'
import type { AdminOptions, Check } from '../../src/listen/admin.ts'
import type { Scope } from '../support/scope.ts'

async function start(t: Scope, options: Partial<AdminOptions> = {}) {
  const errors: object[] = []
  const admin = createAdminServer({
    host: '127.0.0.1', port: 0,
    checks: () => [],
    metrics: { render: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'portcullis_x 1\n' }) },
    draining: () => false,
    log: { error: facts => errors.push(facts) },
    ...options,
  })
  t.teardown(() => admin.close())
  const { url } = await admin.listen()
  const get = async (path: string, init: Parameters<typeof fetch>[1] = {}) => {
    const response = await fetch(url + path, init)
    return { status: response.status, headers: response.headers, body: await response.text() }
  }
  return { get, errors }
}

const good: Check[] = [{ name: 'config', ok: true }, { name: 'cluster prod', ok: true }]
const bad: Check[] = [{ name: 'config', ok: true }, { name: 'cluster prod', ok: false, message: 'connection\nrefused' }]

t.test('livez says ok, also while it drains and while a check fails', async (t) => {
  const { get } = await start(t, { draining: () => true, checks: () => bad })
  t.match(await get('/livez'), { status: 200, body: 'ok' })
})

t.test('readyz says ok, and each check when asked for it', async (t) => {
  const { get } = await start(t, { checks: () => Promise.resolve(good) })
  t.match(await get('/readyz'), { status: 200, body: 'ok' })
  t.match(await get('/readyz?verbose'), { status: 200, body: '[+]config ok\n[+]cluster prod ok\nreadyz check passed\n' })
})

t.test('readyz is 503 and names what fails, in one line each', async (t) => {
  const { get } = await start(t, { checks: () => bad })
  t.match(await get('/readyz'), {
    status: 503, body: '[+]config ok\n[-]cluster prod failed: connection refused\nreadyz check failed\n',
  })
})

t.test('readyz fails as soon as the process drains', async (t) => {
  let draining = false
  const { get } = await start(t, { checks: () => good, draining: () => draining })
  t.equal((await get('/readyz')).status, 200)
  draining = true
  const { status, body } = await get('/readyz')
  t.equal(status, 503)
  t.match(body, '[-]shutdown failed: process is shutting down')
})

t.test('a check that throws or hangs is one that failed', async (t) => {
  const throwing = await start(t, { checks: () => { throw new Error('secret detail') } })
  const { status, body } = await throwing.get('/readyz')
  t.equal(status, 503)
  t.notMatch(body, 'secret detail')
  t.match(throwing.errors, [{ err: { message: 'secret detail' } }])

  const hanging = await start(t, { checks: () => new Promise(() => {}), patience: 10 })
  t.match(await hanging.get('/readyz'), { status: 503, body: /did not answer in time/ })
})

t.test('metrics are Prometheus\' text format', async (t) => {
  const { get } = await start(t)
  const { status, headers, body } = await get('/metrics')
  t.equal(status, 200)
  t.match(headers.get('content-type'), 'version=0.0.4')
  t.equal(body, 'portcullis_x 1\n')
})

t.test('metrics that cannot be rendered are a 500 without the reason', async (t) => {
  const { get, errors } = await start(t, { metrics: { render: () => Promise.reject(new Error('secret detail')) } })
  const { status, body } = await get('/metrics')
  t.equal(status, 500)
  t.notMatch(body, 'secret detail')
  t.equal(errors.length, 1)
})

t.test('there is nothing else: no data plane, no other method', async (t) => {
  const { get } = await start(t)
  for (const path of ['/', '/api/v1/pods', '/clusters/prod/api', '/livez/x', '/x/..%2fmetrics', '/%zz']) {
    const { status, body } = await get(path)
    t.match([path, status, JSON.parse(body)], [path, 404, { kind: 'Status', code: 404, reason: 'NotFound' }])
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const { status, body, headers } = await get('/readyz', { method, body: method === 'POST' ? '{"a":1}' : null })
    t.match([method, status, JSON.parse(body)], [method, 405, { kind: 'Status', code: 405 }])
    t.equal(headers.get('allow'), 'GET, HEAD')
  }
  t.match(await get('/livez', { method: 'HEAD' }), { status: 200, body: '' })
})
