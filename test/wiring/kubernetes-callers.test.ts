// The whole product on the Kubernetes store, two replicas of it in this process.
import t, { type Test } from 'tap'
import { checkOf } from '../../src/wiring/kubernetes-callers.ts'
import { namespace, rule, startStoreServer, type StoreServer } from '../support/callers-store.ts'
import { startHeldUp } from '../support/held-up.ts'
import { keyFor, type TestKey } from '../support/keys.ts'
import { startProxy, type TestProxy } from '../support/proxy.ts'
import { connectRaw } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

t.setTimeout(120_000)

const pods = '/api/v1/namespaces/team-a/pods'
const watching = { ...rule, verbs: ['get', 'list', 'watch'] }
const entry = ({ id, sha256 }: TestKey, more: object = {}) => ({ id, sha256, ...more })

function startReplica(t: Test, { front, ca, token }: StoreServer, more: Record<string, unknown> = {}): Promise<TestProxy> {
  return startProxy(t, {
    upstreams: { prod: { url: `https://localhost:${front.port}`, ca } }, token, callers: { callers: [] },
    config: { callers: { file: undefined, kubernetes: { namespace } }, ...more },
  })
}

async function ask(t: Test, { port }: TestProxy, { key }: TestKey, target = pods, method = 'GET', body?: string) {
  const client = await connectRaw(t, { port })
  client.request(method, target, ['Authorization', `Bearer ${key}`, ...body === undefined ? [] : ['Content-Type', 'application/json']], body)
  const response = await client.response()
  client.close()
  return response
}

/** A watch that is open; `ended` resolves with when its proper end came. */
async function watchPods(t: Test, { port }: TestProxy, { key }: TestKey) {
  const client = await connectRaw(t, { port })
  client.request('GET', `${pods}?watch=true`, ['Authorization', `Bearer ${key}`])
  const response = await client.streamed()
  t.equal(response.status, 200)
  await response.next()
  const ended = (async () => {
    while (await response.next() !== undefined);
    return performance.now()
  })()
  // In an object, or whoever awaits this would await the end.
  return { ended }
}

const rounds: readonly [string, (server: StoreServer, key: TestKey) => Promise<void>][] = [
  ['revoked', (server, key) => server.patch('callers', 'ci', { keys: [entry(key, { revokedAt: '2026-01-01T00:00:00Z' })] })],
  ['brought to its end', (server, key) => server.patch('callers', 'ci', { keys: [entry(key, { expiresAt: new Date(Date.now() - 1000).toISOString() })] })],
  ['taken out', server => server.patch('callers', 'ci', { keys: [] })],
  ['narrowed by its scope', server => server.patch('scopes', 'pods', { rules: [{ ...watching, namespaces: ['team-b'] }] })],
  ['without its scope', server => server.remove('scopes', 'pods')],
  ['taken away with its caller', server => server.remove('callers', 'ci')],
]

for (const [what, end] of rounds) {
  t.test(`a key that is ${what} ends its streams on every replica within a second`, async (t) => {
    const server = await startStoreServer(t)
    const key = keyFor('roundkey')
    await server.put('scopes', 'pods', { rules: [watching] })
    await server.put('callers', 'ci', { scopes: [{ name: 'pods' }], keys: [entry(key)] })
    const replicas = await Promise.all([startReplica(t, server), startReplica(t, server)])
    for (const replica of replicas) await until(async () => (await ask(t, replica, key)).status === 200)
    const streams = await Promise.all(replicas.map(replica => watchPods(t, replica, key)))
    const heldUp = startHeldUp()
    await end(server, key)
    const changed = performance.now()
    const took = (await Promise.all(streams.map(({ ended }) => ended))).map(ended => ended - changed)
    const held = heldUp()
    for (const ms of took) t.ok(ms < 1000 + held, `${Math.round(ms)} ms`)
    t.comment(`${what}: ${took.map(ms => Math.round(ms)).join(' and ')} ms (the machine held this process up for ${Math.round(held)} ms)`)
    for (const replica of replicas) t.ok([401, 403].includes((await ask(t, replica, key)).status), 'nothing new is let in')
  })
}

t.test('the guard keeps callers off the namespace of the store, and off its objects anywhere', async (t) => {
  const server = await startStoreServer(t)
  const key = keyFor('guardkey')
  const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }
  await server.put('callers', 'root', { rules: [all], keys: [entry(key)] })
  const proxy = await startReplica(t, server, { self: { cluster: 'prod', namespace: 'elsewhere' } })
  await until(async () => (await ask(t, proxy, key)).status === 200)
  const refused = [
    `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/callers`, `/apis/portcullis.dev/v1alpha1/namespaces/team-a/callers`, `/api/v1/namespaces/${namespace}/configmaps`,
  ]
  for (const target of refused) {
    t.match((await ask(t, proxy, key, target, 'POST', '{}')).json(), { code: 403, details: { causes: [{ reason: 'EscalationDenied', message: /own-callers/ }] } }, target)
  }
  t.not((await ask(t, proxy, key, '/api/v1/namespaces/team-a/configmaps', 'POST', '{}')).status, 403)
})

t.test('while the store is silent at a start the proxy serves nobody, readiness says why, and it recovers by itself', async (t) => {
  const server = await startStoreServer(t, { shut: true })
  const key = keyFor('startkey')
  await server.put('callers', 'ci', { rules: [watching], keys: [entry(key)] })
  const proxy = await startReplica(t, server)
  t.match((await ask(t, proxy, key)).json(), { code: 503, details: { retryAfterSeconds: 1, causes: [{ reason: 'UpstreamUnreachable' }] } })
  t.match((await ask(t, proxy, { ...key, key: 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.AAAA' })).json(), { code: 503 }, 'whatever the credential')
  const ready = async () => (await fetch(`${proxy.adminUrl}/readyz?verbose`)).text()
  t.match(await ready(), /\[-\]callers.*not read since the start/)
  server.front.open()
  await until(async () => (await ask(t, proxy, key)).status === 200)
  await until(async () => /\[\+\]callers/.test(await ready()))
})

t.test('readiness tells of a store that is out of touch, after a while', async (t) => {
  const check = (health: Parameters<typeof checkOf>[0]['health']) => checkOf({ health })
  t.match(check(() => ({ loaded: true, outOfTouchFor: undefined, why: undefined })), { ok: true })
  t.match(check(() => ({ loaded: true, outOfTouchFor: 9_999, why: 'x' })), { ok: true })
  t.match(check(() => ({ loaded: true, outOfTouchFor: 25_400, why: 'no route' })), { ok: false, message: 'out of touch with their store for 25 s, what was read last stays in force: no route' })
  t.match(check(() => ({ loaded: false, outOfTouchFor: 1, why: 'no route' })), { ok: false, message: 'not read since the start: no route' })
  t.match(check(() => ({ loaded: true, outOfTouchFor: undefined, why: undefined, broken: 'x' })), { ok: false, message: /^could not be put together/ })
})
