import t from 'tap'
import { keyOf, namespace, openStore, rule, startStoreServer, type StoreServer } from '../../support/callers-store.ts'
import { until } from '../../support/until.ts'

const now = Date.parse('2026-11-28T10:00:00Z')

/** Writes of statuses that the API server has seen. */
function writes({ sample }: StoreServer, plural: string, name: string): number {
  return sample.requests().filter(({ method, url }) => method === 'PATCH' && url.endsWith(`/${plural}/${name}/status`)).length
}

t.test('what became of a caller and of a scope stands in their status, and a change of the spec is followed', async (t) => {
  const server = await startStoreServer(t)
  await server.put('scopes', 'pods', { rules: [rule, rule] })
  await server.put('callers', 'ci', { scopes: [{ name: 'pods' }], keys: [keyOf('aaaaaaaa'), keyOf('bbbbbbbb', { revokedAt: '2026-01-01T00:00:00Z' })] })
  const { store } = openStore(t, server)
  await store.loaded
  await until(async () => (await server.status('callers', 'ci'))['observedGeneration'] === 1 && (await server.status('scopes', 'pods'))['observedGeneration'] === 1)
  t.match(await server.status('callers', 'ci'), { scopes: 'pods', activeKeys: 1, faults: undefined, conditions: [{ type: 'Ready', status: 'True', reason: 'InForce', observedGeneration: 1 }] })
  t.match(await server.status('scopes', 'pods'), { rules: 2, callers: 1, conditions: [{ type: 'Ready', status: 'True' }] })
  await server.patch('callers', 'ci', { keys: [] })
  await until(async () => (await server.status('callers', 'ci'))['observedGeneration'] === 2)
  t.match(await server.status('callers', 'ci'), { activeKeys: 0 })
})

t.test('the last use is written once, by whichever process is first; what is no newer by the interval is left', async (t) => {
  const server = await startStoreServer(t)
  await server.put('callers', 'ci', { keys: [keyOf('aaaaaaaa'), keyOf('bbbbbbbb')] })
  const every = 1000
  const stores = [openStore(t, server, { statusEvery: every }), openStore(t, server, { statusEvery: every })].map(({ store }) => store)
  for (const store of stores) await store.loaded
  await until(async () => (await server.status('callers', 'ci'))['observedGeneration'] === 1)
  const before = writes(server, 'callers', 'ci')
  stores[0]?.used('ci', 'aaaaaaaa', now)
  stores[1]?.used('ci', 'bbbbbbbb', now + 500)
  await until(async () => (await server.status('callers', 'ci'))['lastUsedTime'] !== undefined)
  t.match(await server.status('callers', 'ci'), { lastUsedTime: /^2026-11-28T10:00:00Z$/ })
  stores[0]?.used('ci', 'aaaaaaaa', now + 60_000)
  await until(async () => (await server.status('callers', 'ci'))['lastUsedTime'] === '2026-11-28T10:01:00Z')
  t.match(await server.status('callers', 'ci'), { keys: [{ id: 'aaaaaaaa', lastUsedTime: '2026-11-28T10:01:00Z' }] })
  // Two rounds of both more: nothing is new.
  await server.put('callers', 'witness', { keys: [keyOf('cccccccc')] })
  await until(() => stores.every(store => store.findKey('cccccccc') !== undefined))
  for (const store of stores) store.used('witness', 'cccccccc', now)
  await until(async () => (await server.status('callers', 'witness'))['lastUsedTime'] !== undefined)
  t.ok(writes(server, 'callers', 'ci') - before <= 4, 'at most one of each for each news')
})

t.test('who may not write statuses says so once, and serves on', async (t) => {
  const server = await startStoreServer(t, { authorize: (_user, method) => method !== 'PATCH' })
  await server.put('callers', 'ci', { rules: [rule], keys: [keyOf('aaaaaaaa')] })
  await server.put('callers', 'bot', { rules: [rule], keys: [keyOf('bbbbbbbb')] })
  const { store, lines } = openStore(t, server)
  await store.loaded
  const warnings = () => lines.filter(({ level, message }) => level === 'warn' && /may not write the status/.test(message))
  await until(() => warnings().length > 0)
  await server.put('callers', 'late', { rules: [rule], keys: [keyOf('cccccccc')] })
  await until(() => store.findKey('cccccccc') !== undefined)
  t.equal(warnings().length, 1)
  t.match(warnings()[0], { facts: { reason: /forbidden/i } })
})

t.test('a condition of somebody else stays', async (t) => {
  const server = await startStoreServer(t)
  await server.put('callers', 'ci', { rules: [rule], keys: [keyOf('aaaaaaaa')] })
  const other = { type: 'Reviewed', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Asked', message: 'by the auditors' }
  await server.call('PATCH', `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/callers/ci/status`, { body: { status: { conditions: [other] } }, type: 'application/merge-patch+json' })
  openStore(t, server)
  await until(async () => (await server.status('callers', 'ci'))['observedGeneration'] === 1)
  t.match(await server.status('callers', 'ci'), { conditions: [other, { type: 'Ready' }] })
})

t.test('names of scopes that are too long together are told in part', async (t) => {
  const server = await startStoreServer(t)
  const scopes = Array.from({ length: 40 }, (_, index) => ({ name: `${'s'.repeat(200)}${index}` }))
  await server.put('callers', 'ci', { scopes, keys: [keyOf('aaaaaaaa')] })
  openStore(t, server)
  await until(async () => (await server.status('callers', 'ci'))['observedGeneration'] === 1)
  const told = String((await server.status('callers', 'ci'))['scopes'])
  t.match(told, /^s+0, s+1, .*, … 21 more$/)
  t.ok(told.length <= 4096)
})

t.test('a status that the API server does not take keeps no other from being written, and is told once', async (t) => {
  const server = await startStoreServer(t)
  const names = Array.from({ length: 12 }, (_, index) => `ci-${index}`)
  for (const name of names) await server.put('callers', name, { rules: [rule], keys: [keyOf('aaaaaaaa')] })
  await server.put('callers', 'full', { rules: [rule], keys: [keyOf('ffffffff')] })
  // With ours there is one more than the CustomResourceDefinition allows.
  const conditions = Array.from({ length: 8 }, (_, index) => ({ type: `Other${index}`, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Asked', message: 'x' }))
  await server.call('PATCH', `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/callers/full/status`, { body: { status: { conditions } }, type: 'application/merge-patch+json' })
  const { lines } = openStore(t, server, { statusEvery: 500 })
  for (const name of names) await until(async () => (await server.status('callers', name))['observedGeneration'] === 1)
  await until(() => writes(server, 'callers', 'full') > 3)
  t.match(lines.filter(({ level, message }) => level === 'warn' && /does not take the status/.test(message)), [{ facts: { name: 'full' } }])
  t.equal(lines.filter(({ message }) => /does not take the status/.test(message)).length, 1)
})
