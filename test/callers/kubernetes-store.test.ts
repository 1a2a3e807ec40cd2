import t from 'tap'
import { keyOf, namespace, openStore, rule, startStoreServer } from '../support/callers-store.ts'
import { until } from '../support/until.ts'

t.test('callers and scopes are followed: added, changed, revoked, taken away', async (t) => {
  const server = await startStoreServer(t)
  await server.put('scopes', 'pods', { rules: [rule] })
  await server.put('callers', 'ci', { scopes: [{ name: 'pods' }], keys: [keyOf('aaaaaaaa')] })
  const { store, reports } = openStore(t, server)
  await store.loaded
  t.match(store.findKey('aaaaaaaa'), { id: 'aaaaaaaa', revokedAt: undefined, definition: { name: 'ci', grants: [{ scope: 'pods', rules: [{ resources: ['pods'] }] }] } })
  t.strictSame(reports, [true])
  const before = store.findKey('aaaaaaaa')

  await server.put('callers', 'bot', { keys: [keyOf('bbbbbbbb', { expiresAt: '2099-01-01T00:00:00Z' })] })
  await until(() => store.findKey('bbbbbbbb') !== undefined)
  t.equal(store.findKey('aaaaaaaa'), before, 'what did not change is the same object')
  t.match(store.all().map(({ name }) => name).sort(), ['bot', 'ci'])

  await server.patch('callers', 'ci', { keys: [keyOf('aaaaaaaa', { revokedAt: '2026-01-01T00:00:00Z' })] })
  await until(() => store.findKey('aaaaaaaa')?.revokedAt === Date.parse('2026-01-01T00:00:00Z'))

  await server.patch('scopes', 'pods', { rules: [{ ...rule, verbs: ['list'] }] })
  await until(() => store.findKey('aaaaaaaa')?.definition.grants[0]?.rules[0]?.verbs[0] === 'list')

  await server.remove('scopes', 'pods')
  await until(() => store.findKey('aaaaaaaa')?.definition.grants[0]?.rules.length === 0)
  await until(() => reports.at(-1) === false)

  await server.remove('callers', 'ci')
  await until(() => store.findKey('aaaaaaaa') === undefined)
  await until(() => reports.at(-1) === true)
})

t.test('a scope that is not there grants nothing, the rest of the caller is served; the fault stands in its status', async (t) => {
  const server = await startStoreServer(t)
  await server.put('scopes', 'pods', { rules: [rule] })
  await server.put('callers', 'ci', { scopes: [{ name: 'gone' }, { name: 'pods' }], keys: [keyOf('aaaaaaaa')] })
  const { store, lines } = openStore(t, server)
  await store.loaded
  t.match(store.findKey('aaaaaaaa')?.definition.grants, [{ scope: 'gone', rules: [] }, { scope: 'pods', rules: [{}] }])
  t.match(lines.find(({ level }) => level === 'error'), { facts: { object: `callers.portcullis.dev/${namespace}/ci`, path: 'spec.scopes[0]', fault: /^names no scope that is in force: gone/ } })
  await until(async () => (await server.status('callers', 'ci'))['observedGeneration'] === 1)
  const status = await server.status('callers', 'ci')
  t.match(status, { scopes: 'gone, pods', activeKeys: 1, faults: [/^spec.scopes\[0\]: names no scope/], conditions: [{ type: 'Ready', status: 'False', reason: 'Faulty' }] })
  await server.put('scopes', 'gone', { rules: [] })
  await until(async () => (await server.status('callers', 'ci'))['faults'] === undefined)
  t.match(await server.status('callers', 'ci'), { conditions: [{ type: 'Ready', status: 'True' }] })
})

t.test('a faulty caller is not served from the start on, others are; one that turns faulty stays, less what its keys lost', async (t) => {
  const server = await startStoreServer(t)
  const bad = { allowedFrom: ['nowhere'] }
  await server.put('callers', 'bad', { ...bad, keys: [keyOf('badbadba')] })
  await server.put('callers', 'good', {
    rules: [rule], keys: [keyOf('aaaaaaaa'), keyOf('bbbbbbbb'), keyOf('cccccccc'), keyOf('dddddddd')],
  })
  const { store, reports } = openStore(t, server)
  await store.loaded
  t.equal(store.findKey('badbadba'), undefined)
  t.ok(store.findKey('aaaaaaaa'))
  t.strictSame(reports, [false])

  await server.patch('callers', 'good', {
    ...bad, rules: [], keys: [
      keyOf('aaaaaaaa', { revokedAt: '2026-01-01T00:00:00Z' }), keyOf('bbbbbbbb', { expiresAt: '2026-02-30T00:00:00Z' }), keyOf('cccccccc'), keyOf('eeeeeeee'),
    ],
  })
  await until(() => store.findKey('aaaaaaaa')?.revokedAt !== undefined)
  t.ok((store.findKey('bbbbbbbb')?.expiresAt ?? Infinity) <= Date.now(), 'an end that cannot be read is one')
  t.match(store.findKey('cccccccc'), { revokedAt: undefined, definition: { grants: [{ rules: [{ verbs: ['get'] }] }], allowedFrom: undefined } })
  t.equal(store.findKey('dddddddd'), undefined, 'a key that was taken out is unknown')
  t.equal(store.findKey('eeeeeeee'), undefined, 'nothing new comes out of a faulty object')
})

t.test('a key that two callers have opens nothing, whichever came first', async (t) => {
  const server = await startStoreServer(t)
  await server.put('callers', 'first', { keys: [keyOf('aaaaaaaa'), keyOf('bbbbbbbb')] })
  const { store } = openStore(t, server)
  await store.loaded
  t.ok(store.findKey('aaaaaaaa'))
  await server.put('callers', 'second', { keys: [keyOf('aaaaaaaa')] })
  await until(() => store.findKey('aaaaaaaa') === undefined)
  t.ok(store.findKey('bbbbbbbb'), 'its other keys are as they were')
  for (const name of ['first', 'second']) {
    await until(async () => /is there twice/.test(String((await server.status('callers', name))['faults'])))
  }
  await server.remove('callers', 'second')
  await until(() => store.findKey('aaaaaaaa')?.definition.name === 'first')
})

t.test('a file that an object names is named in full: relative to what, nobody could say', async (t) => {
  const server = await startStoreServer(t)
  const jwt = { issuer: 'https://ci.invalid', audience: ['p'], jwksFile: '/etc/keys.json', claims: { sub: 'x' } }
  await server.put('callers', 'full', { rules: [rule], jwt: [jwt] })
  await server.put('callers', 'keys', { rules: [rule], jwt: [{ ...jwt, jwksFile: 'keys.json' }] })
  await server.put('callers', 'authority', { rules: [rule], jwt: [jwt, { ...jwt, jwksFile: undefined, discovery: true, caFile: './ca.pem' }] })
  const { store, lines } = openStore(t, server)
  await store.loaded
  t.match(store.all(), [{ name: 'full', identities: { jwts: [{ source: { kind: 'file', file: '/etc/keys.json' } }] } }])
  t.equal(store.all().length, 1)
  const faults = lines.filter(({ level }) => level === 'error').map(({ facts: { path, fault } }) => `${String(path)} ${String(fault)}`)
  t.match(faults.sort(), [/^spec\.jwt\[0\]\.jwksFile must be an absolute path/, /^spec\.jwt\[1\]\.caFile must be an absolute path/])
})

t.test('what two callers have alike is warned of, once', async (t) => {
  const server = await startStoreServer(t)
  const twin = { rules: [rule], clientCertificate: [{ subjectAltName: 'DNS:x' }] }
  await server.put('callers', 'two', twin)
  await server.put('callers', 'one', twin)
  await server.put('callers', 'other', { ...twin, clientCertificate: [{ subjectAltName: 'DNS:y' }] })
  const { store, lines, reports } = openStore(t, server)
  await store.loaded
  await server.put('callers', 'late', { rules: [rule], keys: [keyOf('aaaaaaaa')] })
  await until(() => store.findKey('aaaaaaaa') !== undefined)
  const place = `callers.portcullis.dev/${namespace}`
  t.match(lines.filter(({ level }) => level === 'warn').map(({ facts }) => facts), [
    { object: `${place}/two`, path: 'spec.clientCertificate[0]', fault: `is the same as that of caller one at ${place}/one:1:1: who is two callers is refused` },
  ])
  t.equal(lines.filter(({ level }) => level === 'warn').length, 1)
  t.equal(reports.at(-1), true, 'it is no fault')
})

t.test('a watch that breaks goes on where it stood, and one that is compacted is listed anew: nothing is missed', async (t) => {
  const server = await startStoreServer(t)
  await server.put('callers', 'ci', { keys: [keyOf('aaaaaaaa')] })
  await server.put('callers', 'old', { keys: [keyOf('cccccccc')] })
  const { store } = openStore(t, server)
  await store.loaded
  await until(() => store.health().outOfTouchFor === undefined)
  const lists = () => server.sample.requests().filter(({ url }) => /callers\?limit/.test(url)).length
  t.equal(lists(), 1)

  server.front.cut()
  await server.patch('callers', 'ci', { keys: [keyOf('aaaaaaaa', { revokedAt: '2026-01-01T00:00:00Z' })] })
  await until(() => store.findKey('aaaaaaaa')?.revokedAt !== undefined)
  t.equal(lists(), 1, 'no list was needed')

  server.front.shut()
  await until(() => store.health().outOfTouchFor !== undefined)
  t.ok(store.findKey('aaaaaaaa'), 'the last state stays in force')
  await server.patch('callers', 'ci', { keys: [keyOf('bbbbbbbb')] })
  await server.remove('callers', 'old')
  server.sample.compact()
  server.front.open()
  await until(() => store.findKey('bbbbbbbb') !== undefined)
  t.equal(store.findKey('aaaaaaaa'), undefined)
  t.equal(store.findKey('cccccccc'), undefined, 'what went meanwhile is gone')
  t.equal(lists(), 2)
  await until(() => store.health().outOfTouchFor === undefined)
})

t.test('while the API server is down at the start nobody is let in, and nobody is told that a key is unknown; then it recovers by itself', async (t) => {
  const server = await startStoreServer(t, { shut: true })
  await server.put('callers', 'ci', { keys: [keyOf('aaaaaaaa')] })
  const { store, lines } = openStore(t, server)
  await until(() => lines.some(({ level, message }) => level === 'warn' && /out of touch/.test(message)))
  t.throws(() => store.findKey('aaaaaaaa'), { code: 'UpstreamUnreachable', retryAfter: 1 })
  // Of either kind of object: the other one may still be asked for.
  await until(() => /could not be reached|closed the connection/.test(store.health().why ?? ''))
  t.equal(store.health().loaded, false)
  server.front.open()
  await store.loaded
  t.ok(store.findKey('aaaaaaaa'))
  await until(() => store.health().outOfTouchFor === undefined)
  t.match(store.health(), { loaded: true, why: undefined })
})

t.test('without the CRDs readiness says what to do, and when they come it goes on', async (t) => {
  const server = await startStoreServer(t, { bare: true })
  const { store } = openStore(t, server)
  await until(() => /kubectl apply -f helm\/portcullis\/crds/.test(store.health().why ?? ''))
  const { installDefinitions } = await import('../support/callers-store.ts')
  await installDefinitions(server)
  await store.loaded
  t.strictSame(store.all(), [])
})

t.test('a credential that is renewed is used from the next connection on, and a rejected one is renewed', async (t) => {
  const accepted = new Set(['sample-token'])
  const server = await startStoreServer(t, { authenticate: authorization => accepted.has(authorization.replace('Bearer ', '')) ? 'us' : undefined })
  const { store, credential } = openStore(t, server)
  await store.loaded
  await until(() => store.health().outOfTouchFor === undefined)
  credential.next = 'token-2'
  accepted.add('token-2')
  await server.put('callers', 'ci', { keys: [keyOf('aaaaaaaa')] })
  await until(() => store.findKey('aaaaaaaa') !== undefined)
  server.front.shut()
  const call = server.call
  await call('POST', `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/callers`, { body: { metadata: { name: 'two' }, spec: { keys: [keyOf('bbbbbbbb')] } } })
  accepted.delete('sample-token')
  server.front.open()
  await until(() => store.findKey('bbbbbbbb') !== undefined)
  t.ok(credential.rejected.includes('Bearer sample-token'))
  t.equal(credential.token, 'token-2')
})
