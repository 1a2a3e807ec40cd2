import t from 'tap'
import { noClaims } from '../../src/credentials/claims.ts'
import { clusterFor, credentialOf } from '../support/cluster-builders.ts'
import { manualSchedule } from '../support/own-questions.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const nowhere = { url: 'https://api.example:6443', ca: '' }

t.test('a server\'s URL is read into origin, base path and the name in its certificate', async (t) => {
  const rows: [server: string, origin: string, basePath: string, servername: string][] = [
    ['https://api.example:6443', 'https://api.example:6443', '', 'api.example'],
    ['https://api.example:443/', 'https://api.example', '', 'api.example'],
    ['https://rancher.example/k8s/clusters/c-1', 'https://rancher.example', '/k8s/clusters/c-1', 'rancher.example'],
    ['https://rancher.example/k8s/clusters/c-1//', 'https://rancher.example', '/k8s/clusters/c-1', 'rancher.example'],
    ['https://10.0.0.1:6443', 'https://10.0.0.1:6443', '', ''],
    ['https://[fd00::1]:6443', 'https://[fd00::1]:6443', '', ''],
  ]
  for (const [server, origin, basePath, servername] of rows) {
    const cluster = clusterFor(t, nowhere, { server })
    t.match({ ...cluster, tls: cluster.tls() }, { origin, basePath, tls: { servername } }, server)
  }
  t.equal(clusterFor(t, nowhere, { server: 'https://10.0.0.1', tlsServerName: 'kubernetes' }).tls().servername, 'kubernetes')
})

t.test('a server that cannot prove itself, or holds more than an address, is refused', async (t) => {
  for (const server of [
    'http://api.example', 'api.example:6443', 'wss://api.example', '', 'https://user:pass@api.example',
    'https://api.example/?x=1', 'https://api.example/#x',
  ]) t.throws(() => clusterFor(t, nowhere, { server }), { message: /^server m/ }, server)
})

t.test('its facts are what is configured and what the credential knows', async (t) => {
  const cluster = clusterFor(t, nowhere, { name: 'b', openshift: false, ownNamespaces: ['portcullis'] })
  const known = {
    name: 'b', openshift: false, account: { namespace: 'portcullis', name: 'proxy' }, bootstrapAccount: undefined, accountPending: false,
    restrictedIn: new Set(), ownNamespaces: ['portcullis'],
  }
  t.strictSame(cluster.facts(), { ...known, settled: false })
  await cluster.told
  t.strictSame(cluster.facts(), { ...known, settled: true })
})

const opaque = { ...credentialOf('sha256~x'), facts: () => ({ ...credentialOf('').facts(), claims: noClaims }) }

t.test('what neither tells it asks the API server, with its own credential', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(({ target }) => ({
    status: target.startsWith('/apis/authentication.k8s.io/v1/') ? 201 : 200,
    headers: ['Content-Type', 'application/json'],
    body: JSON.stringify(answers[target] ?? {}),
  }))
  const answers: Record<string, object> = {
    '/apis/authentication.k8s.io/v1/selfsubjectreviews': { status: { userInfo: { username: 'system:serviceaccount:bots:ci', groups: ['x'] } } },
    '/apis/security.openshift.io/v1/securitycontextconstraints?limit=500': { items: [] },
    '/apis/project.openshift.io/v1/projects?limit=500': { items: [{ metadata: { name: 'a' } }] },
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews': { status: { resourceRules: [], incomplete: false } },
  }
  const cluster = clusterFor(t, upstream, { openshift: 'auto', credential: opaque })
  t.match(cluster.facts(), { openshift: true, account: undefined, accountPending: true })
  t.equal(cluster.facts().restrictedIn.size, 0)
  await cluster.tried
  t.match(cluster.facts(), { openshift: true, account: { namespace: 'bots', name: 'ci' }, accountPending: false })
  t.strictSame([...cluster.facts().restrictedIn], ['a'])
  t.strictSame(upstream.requests.map(({ method, target }) => `${method} ${target}`).sort(), [
    'GET /apis/project.openshift.io/v1/projects?limit=500', 'GET /apis/security.openshift.io',
    'GET /apis/security.openshift.io/v1/securitycontextconstraints?limit=500',
    'POST /apis/authentication.k8s.io/v1/selfsubjectreviews', 'POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
  ])
  for (const request of upstream.requests) t.strictSame(request.all('authorization'), ['Bearer sha256~x'], request.target)
})

t.test('whose the credential is that asks for ours it asks as well, by that one', async (t) => {
  const upstream = await startUpstream(t)
  const review = { status: { userInfo: { username: 'system:serviceaccount:boot:minter' } } }
  upstream.answer(() => ({ status: 201, headers: ['Content-Type', 'application/json'], body: JSON.stringify(review) }))
  const bootstrap = clusterFor(t, upstream, { credential: opaque })
  await bootstrap.tried
  const cluster = clusterFor(t, upstream, { credential: { ...credentialOf('minted'), bootstrap } })
  t.match(cluster.facts(), { account: { namespace: 'portcullis' }, bootstrapAccount: undefined, accountPending: true })
  await cluster.tried
  t.match(cluster.facts(), { account: { namespace: 'portcullis' }, bootstrapAccount: { namespace: 'boot', name: 'minter' }, accountPending: false })
  t.equal(upstream.requests.length, 2)
  t.strictSame(upstream.requests.at(-1)?.all('authorization'), ['Bearer sha256~x'])
})

t.test('while ours works, one that asked for it and is rejected makes nobody wait', async (t) => {
  const upstream = await startUpstream(t)
  upstream.answer(() => ({ status: 401 }))
  const bootstrap = clusterFor(t, upstream, { credential: opaque })
  await bootstrap.tried
  const cluster = clusterFor(t, upstream, { credential: { ...credentialOf('minted'), bootstrap } })
  await cluster.tried
  t.match(cluster.facts(), { bootstrapAccount: undefined, accountPending: false })
})

t.test('its facts are settled no more when the credential names somebody else', async (t) => {
  const upstream = await startUpstream(t)
  const named = { user: 'alice' }
  const credential = { ...credentialOf('x'), facts: () => ({ ...credentialOf('').facts(), claims: { ...noClaims, ...named } }) }
  const cluster = clusterFor(t, upstream, { credential })
  await cluster.told
  t.match(cluster.facts(), { accountPending: false, settled: true })
  named.user = 'ci'
  t.match(cluster.facts(), { accountPending: true, settled: false })
})

t.test('after an outage it is asked as soon as anything is answered, not when the next attempt is due', async (t) => {
  const upstream = await startUpstream(t)
  const { schedule, waits, next } = manualSchedule()
  upstream.answer(() => ({ status: 503 }))
  const cluster = clusterFor(t, upstream, { credential: opaque, schedule })
  await cluster.tried
  await next(() => waits.includes(2000))
  await until(() => waits.includes(2000))
  for (let refused = 0; refused < 3; refused++) await cluster.fetch('/version', [])
  t.equal(upstream.requests.filter(({ method }) => method === 'POST').length, 2, 'a 503 is no answer')
  upstream.answer(() => ({ status: 200, headers: ['Content-Type', 'application/json'], body: JSON.stringify({ status: { userInfo: { username: 'robot' } } }) }))
  t.equal(cluster.facts().accountPending, true)
  await cluster.fetch('/version', [])
  await until(() => !cluster.facts().accountPending)
  t.match(cluster.facts(), { account: { namespace: '', name: 'robot' } })
})

t.test('on Kubernetes nothing of OpenShift is asked about', async (t) => {
  const upstream = await startUpstream(t)
  await clusterFor(t, upstream, { openshift: false }).tried
  t.strictSame(upstream.requests, [])
  upstream.answer(() => ({ status: 404 }))
  await clusterFor(t, upstream, { openshift: 'auto' }).tried
  t.strictSame(upstream.requests.map(({ target }) => target), ['/apis/security.openshift.io'])
})

t.test('closing lets go of idle connections and of the credential', async (t) => {
  const upstream = await startUpstream(t)
  const credential = credentialOf('x')
  const cluster = clusterFor(t, upstream, { credential })
  await cluster.fetch('/version', [])
  await cluster.close()
  await upstream.connections[0]?.closed
  t.equal(credential.closed, true)
  await t.rejects(cluster.fetch('/version', []), { code: 'UpstreamUnreachable' })
})
