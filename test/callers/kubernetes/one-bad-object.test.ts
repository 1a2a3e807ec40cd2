import t from 'tap'
import type { ApiObject } from '../../../src/callers/kubernetes/api.ts'
import { Assembly } from '../../../src/callers/kubernetes/assemble.ts'
import { holdCaller, holdScope } from '../../../src/callers/kubernetes/held.ts'
import { checkCallerObject, checkScopeObject } from '../../../src/callers/kubernetes/objects.ts'
import { keyOf, namespace, openStore, rule, startStoreServer } from '../../support/callers-store.ts'
import { keyFor } from '../../support/keys.ts'
import { until } from '../../support/until.ts'

const context = { namespace, clusters: ['prod'], now: Date.parse('2026-11-28T10:00:00Z') }

function objectOf(name: string, spec: object, generation = 1): ApiObject {
  return { metadata: { name, uid: name, resourceVersion: String(generation), generation }, spec }
}

/** Deeper than recursion goes; an API server takes some ten thousand levels. */
function nested(): object {
  let value: object = { a: 'x' }
  for (let depth = 0; depth < 100_000; depth += 1) value = { a: value }
  return value
}

t.test('one caller that looks sound and cannot be put together stops nobody\'s revocation', async (t) => {
  const server = await startStoreServer(t)
  await server.put('callers', 'good', { keys: [keyOf('aaaaaaaa')] })
  const { store, reports, lines } = openStore(t, server)
  await store.loaded
  t.strictSame(reports, [true])
  await server.put('callers', 'bad', { rules: [rule], keys: [keyOf('badbadba')], clientCertificate: [{ subjectAltName: 'IP:fe80::1%eth0' }] })
  await server.patch('callers', 'good', { keys: [keyOf('aaaaaaaa', { revokedAt: '2026-01-01T00:00:00Z' })] })
  await until(() => store.findKey('aaaaaaaa')?.revokedAt !== undefined)
  await until(() => reports.at(-1) === false)
  t.equal(store.findKey('badbadba'), undefined)
  t.match(lines.find(({ level }) => level === 'error'), { facts: { object: `callers.portcullis.dev/${namespace}/bad`, path: 'spec.clientCertificate[0].subjectAltName' } })
  await until(async () => /is no IP address/.test(String((await server.status('callers', 'bad'))['faults'])))
})

t.test('what nobody foresaw in one object is a fault of that object, and the rest comes into force', async (t) => {
  const [good, bad] = ['good', 'bad'].map((name) => {
    const object = objectOf(name, { rules: [rule], keys: [keyOf(`${name}key0`.padEnd(8, '0'))] })
    return holdCaller(checkCallerObject(object, context), object, undefined, context.now)
  })
  const scopes = ['view', 'odd'].map(name => holdScope(checkScopeObject(objectOf(name, { rules: [rule] }), context), undefined))
  if (good === undefined || bad?.inForce === undefined || scopes[1]?.inForce === undefined) throw new Error('both are sound')
  Object.defineProperty(bad.inForce, 'limits', { get: () => { throw new TypeError('Invalid something') } })
  Object.defineProperty(scopes[1].inForce, 'rules', { get: () => { throw new TypeError('Invalid rule') } })
  const { callers, keys, scopes: made, callerFaults, scopeFaults } = new Assembly().assemble([bad, good], scopes)
  t.strictSame([callers.map(({ name }) => name), [...keys.values()].map(({ id }) => id), [...made.keys()]], [['good'], ['goodkey0'], ['view']])
  t.match([...callerFaults], [['bad', [{ file: `callers.portcullis.dev/${namespace}/bad`, path: 'spec', message: /^cannot be put together \(Invalid something\)/ }]]])
  t.match([...scopeFaults], [['odd', [{ message: /Invalid rule/ }]]])
})

t.test('a caller that is nested without end is a fault, and what its keys lost they lost', async (t) => {
  const sound = objectOf('ci', { rules: [rule], keys: [keyOf('aaaaaaaa')] })
  const before = holdCaller(checkCallerObject(sound, context), sound, undefined, context.now)
  const jwt = [{ issuer: 'https://ci.invalid', audience: ['p'], jwksUri: 'https://ci.invalid/k', claims: nested() }]
  const deep = objectOf('ci', { rules: [nested()], jwt, keys: [keyOf('aaaaaaaa', { revokedAt: '2026-01-01T00:00:00Z' })] }, 2)
  const checked = checkCallerObject(deep, context)
  t.ok(checked.faults.length > 0)
  t.match(holdCaller(checked, deep, before, context.now).inForce?.keys, [{ id: 'aaaaaaaa', revokedAt: '2026-01-01T00:00:00Z' }])
})

t.test('where all of it fails, that shows until it is mended', async (t) => {
  const server = await startStoreServer(t)
  await server.put('callers', 'ci', { keys: [keyOf('aaaaaaaa')] })
  const { store, reports } = openStore(t, server)
  await store.loaded
  const stop = store.onChange(() => { throw new Error('cannot follow') })
  await server.put('callers', 'bot', { keys: [keyOf('bbbbbbbb')] })
  await until(() => reports.at(-1) === false)
  t.equal(store.health().broken, 'cannot follow')
  stop()
  await server.put('callers', 'third', { keys: [keyOf('cccccccc')] })
  await until(() => reports.at(-1) === true)
  t.equal(store.health().broken, undefined)
})

t.test('a whole key that was pasted into an annotation, which is no change of the spec, is a fault; taken out, it is none', async (t) => {
  const server = await startStoreServer(t)
  await server.put('callers', 'ci', { keys: [keyOf('aaaaaaaa')] })
  const { store, reports } = openStore(t, server)
  await store.loaded
  const annotate = (note: string | null) => server.call('PATCH', `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/callers/ci`, {
    body: { metadata: { annotations: { note } } }, type: 'application/merge-patch+json',
  })
  await annotate(keyFor('aaaaaaaa').key)
  await until(async () => /a whole API key stands here/.test(String((await server.status('callers', 'ci'))['faults'])))
  t.equal(reports.at(-1), false)
  t.ok(store.findKey('aaaaaaaa'), 'the last good state stays')
  // Statuses were written since, which is no reason to look at it again.
  await annotate(null)
  await until(async () => (await server.status('callers', 'ci'))['faults'] === undefined)
  t.equal(reports.at(-1), true)
  t.match(store.findKey('aaaaaaaa'), { definition: { name: 'ci' } })
})
