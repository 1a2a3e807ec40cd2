// The audit sink that posts, in the real product: TLS, credential, modes, and what is told of it.
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { callerEntry } from '../support/attack-target.ts'
import { makeAuthority } from '../support/certificates.ts'
import { startCollector } from '../support/collector.ts'
import { keyFor } from '../support/keys.ts'
import { startProxy, type ProxyOptions, type TestProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import type { Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const key = keyFor('hooked00')
const authority = makeAuthority()
const token = 'upstream-token-that-nobody-may-see'

async function start(t: Scope, webhook: object, { mode = 'batch', files = {} }: { readonly mode?: string, readonly files?: ProxyOptions['files'] } = {}) {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 200, body: '{}' }))
  const proxy = await startProxy(t, {
    upstreams: { prod: upstream }, token, callers: { callers: [callerEntry('ci', key, [{ nonResourceURLs: ['*'], verbs: ['*'] }])] },
    files: { 'hook-ca.crt': authority.ca, ...files },
    config: { audit: { mode, sinks: [{ file: { path: 'audit.log' } }, { webhook: { maxWait: '20ms', ...webhook } }] } },
  })
  return { upstream, proxy }
}

async function get(t: Scope, { port }: TestProxy, path: string) {
  const client = await connectRaw(t, { port })
  client.request('GET', path, ['Authorization', `Bearer ${key.key}`])
  const response = await client.response()
  client.close()
  return response
}

t.test('events go to the log and to the webhook alike, with the token of a file that is followed', async (t) => {
  const collector = await startCollector(t, { tls: authority.issue() })
  const { proxy } = await start(t, { url: `${collector.url}/k8s-audit`, caFile: 'hook-ca.crt', credential: { tokenFile: 'hook-token' } }, { files: { 'hook-token': 'first-token-of-the-webhook' } })
  const [auditId] = (await get(t, proxy, '/one')).all('audit-id')
  await collector.until(() => collector.taken().some(({ auditID }) => auditID === auditId))
  t.equal(collector.posts[0]?.url, '/k8s-audit')
  t.equal(collector.posts[0]?.headers.authorization, 'Bearer first-token-of-the-webhook')
  const { annotations, ...logged } = await proxy.event(auditId!)
  const unchained = Object.entries(annotations ?? {}).filter(([name]) => !/chain|previous|sequence/.test(name))
  const posted = collector.taken().find(({ auditID }) => auditID === auditId)
  t.match(posted, { kind: 'Event', stage: 'ResponseComplete', requestURI: '/one', user: { username: 'ci' } })
  t.strictSame(posted, { ...logged, annotations: Object.fromEntries(unchained) }, 'without the links of the chain, which are the file\'s')

  await writeFile(join(proxy.folder, 'new'), 'second-token-of-the-webhook', { mode: 0o600 })
  await rename(join(proxy.folder, 'new'), join(proxy.folder, 'hook-token'))
  await until(async () => {
    await get(t, proxy, '/again')
    return collector.posts.some(({ headers }) => headers.authorization === 'Bearer second-token-of-the-webhook')
  })
})

t.test('with a client certificate, which nobody but the webhook is shown', async (t) => {
  const collector = await startCollector(t, { tls: { ...authority.issue(), clientCa: authority.ca } })
  const pair = authority.issue({ commonName: 'portcullis-audit' })
  const { proxy } = await start(t, { url: collector.url, caFile: 'hook-ca.crt', credential: { clientCertificate: { certFile: 'hook.crt', keyFile: 'hook.key' } } }, { files: { 'hook.crt': pair.cert, 'hook.key': pair.key } })
  await get(t, proxy, '/one')
  await collector.until(() => collector.posts.length > 0)
  t.match(collector.posts[0], { url: '/', subject: 'portcullis-audit', headers: { authorization: undefined } })
})

t.test('server, CA and token may be those of a kubeconfig, as the API server\'s --audit-webhook-config-file has them', async (t) => {
  const collector = await startCollector(t, { tls: authority.issue() })
  const kubeconfig = JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'hook', 'contexts': [{ name: 'hook', context: { cluster: 'hook', user: 'hook' } }],
    'clusters': [{ name: 'hook', cluster: { 'server': `${collector.url}/from-kubeconfig`, 'certificate-authority': 'hook-ca.crt' } }],
    'users': [{ name: 'hook', user: { token: 'kubeconfig-token-of-the-webhook' } }],
  })
  const { proxy } = await start(t, { credential: { kubeconfig: { file: 'hook.kubeconfig' } } }, { files: { 'hook.kubeconfig': kubeconfig } })
  await get(t, proxy, '/one')
  await collector.until(() => collector.posts.length > 0)
  t.match(collector.posts[0], { url: '/from-kubeconfig', headers: { authorization: 'Bearer kubeconfig-token-of-the-webhook' } })
})

t.test('a collector whose certificate nobody vouches for gets nothing, no token and no event', async (t) => {
  const collector = await startCollector(t, { tls: makeAuthority('another').issue() })
  const { proxy } = await start(t, { url: collector.url, caFile: 'hook-ca.crt', credential: { tokenFile: 'hook-token' } }, { files: { 'hook-token': 'token-for-whom-we-know' } })
  await get(t, proxy, '/one')
  await proxy.logSays(/audit sink cannot write/)
  t.match(proxy.logText(), /SELF_SIGNED|UNABLE_TO_VERIFY|unable to verify|self-signed/)
  t.strictSame(collector.posts, [])
  t.match(await (await fetch(`${proxy.adminUrl}/readyz?verbose`)).text(), /audit.*a sink cannot write/)
})

t.test('strict: while the webhook is down every request is refused, and not one byte goes up; then they pass again', async (t) => {
  const collector = await startCollector(t)
  const { proxy, upstream } = await start(t, { url: collector.url, initialBackoff: '50ms' }, { mode: 'blocking-strict' })
  t.equal((await get(t, proxy, '/before')).status, 200)
  await collector.stop()
  for (const path of ['/down/1', '/down/2', '/down/3']) {
    const response = await get(t, proxy, path)
    t.equal(response.status, 503)
    t.match(response.body, /AuditUnavailable/)
    t.strictSame(response.all('retry-after'), ['1'])
  }
  t.strictSame(upstream.requests.map(({ target }) => target).filter(target => target.startsWith('/down')), [])
  await collector.restart()
  await until(async () => (await get(t, proxy, '/after')).status === 200)
  const seen = new Set(collector.taken().map(({ requestURI }) => requestURI))
  for (const path of ['/before', '/down/1', '/down/2', '/down/3', '/after']) t.ok(seen.has(path), path)
  t.notMatch(await proxy.metrics(), /portcullis_audit_dropped_total\{[^}]*\} [1-9]/)
})

t.test('strict: a 503 with a long Retry-After refuses nobody for longer than initialBackoff, and an event that is refused alone refuses nobody else', async (t) => {
  const collector = await startCollector(t)
  collector.answer(({ list }) => {
    if (collector.posts.length === 1) return { status: 503, headers: { 'Retry-After': '600' } }
    return list.items.some(({ requestURI }) => requestURI === '/poison') ? 400 : 200
  })
  const { proxy } = await start(t, { url: collector.url, initialBackoff: '50ms' }, { mode: 'blocking-strict' })
  t.equal((await get(t, proxy, '/first')).status, 503)
  await until(async () => (await get(t, proxy, '/after')).status === 200)
  for (let time = 0; time < 3; time += 1) {
    t.equal((await get(t, proxy, '/poison')).status, 503)
    t.equal((await get(t, proxy, '/good')).status, 200)
  }
})

t.test('blocking goes on, and batch does not even wait, while the webhook does not answer', async (t) => {
  for (const mode of ['blocking', 'batch']) {
    const collector = await startCollector(t)
    collector.answer(() => 'nothing')
    const { proxy } = await start(t, { url: collector.url, timeout: '300ms', initialBackoff: '10ms' }, { mode })
    for (const path of ['/1', '/2', '/3']) t.equal((await get(t, proxy, path)).status, 200, mode)
    collector.answer(() => 200)
    await collector.until(() => ['/1', '/2', '/3'].every(path => collector.taken().some(({ requestURI }) => requestURI === path)))
  }
})

t.test('strict: a connection that its idle time ended just as it was used again costs nobody a 503', async (t) => {
  const collector = await startCollector(t)
  collector.answer(({ again }) => again ? 'reset' : 200)
  const { proxy } = await start(t, { url: collector.url }, { mode: 'blocking-strict' })
  for (const path of ['/1', '/2', '/3']) t.equal((await get(t, proxy, path)).status, 200)
  t.ok(collector.posts.some(({ again }) => again))
})
