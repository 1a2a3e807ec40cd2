import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { StoreApi } from '../../../src/callers/kubernetes/api.ts'
import { createKubernetesEditor } from '../../../src/callers/kubernetes/editor.ts'
import type { WrittenKey } from '../../../src/callers/schema.ts'
import type { CallersStore } from '../../../src/callers/store.ts'
import { clusterFor, credentialOf } from '../../support/cluster-builders.ts'
import { keyListCommand } from '../../../src/cli/key-list.ts'
import { keyRevokeCommand } from '../../../src/cli/key-revoke.ts'
import { ear } from '../../support/command.ts'
import { keyFor } from '../../support/keys.ts'
import { until } from '../../support/until.ts'
import { keyOf, namespace, openStore, rule, startStoreServer } from '../../support/callers-store.ts'
import type { Test } from 'tap'

const key = (id: string) => keyOf(id) as WrittenKey

async function editing(t: Test) {
  const server = await startStoreServer(t)
  const editor = (): CallersStore => createKubernetesEditor({
    api: clusterFor(t, { url: server.sample.url.replace('127.0.0.1', 'localhost'), ca: server.ca }, { credential: credentialOf(server.token) }),
    namespace, clusters: ['prod'], now: Date.now(),
  })
  const specOf = async (name: string) => (await server.call('GET', `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/callers/${name}`)).json['spec']
  return { server, editor, specOf }
}

t.test('a caller is added in the long form, its keys added and changed; the rest of the object stays', async (t) => {
  const { server, editor, specOf } = await editing(t)
  await server.put('scopes', 'view', { rules: [rule] })
  const { read, change } = editor()
  const place = `callers.portcullis.dev/${namespace}/ci`
  t.equal(await change(() => [{ kind: 'add-caller', caller: { name: 'ci', scopes: ['view', { name: 'view', namespaces: ['team-a'] }] } }]), place)
  t.strictSame(await specOf('ci'), { scopes: [{ name: 'view' }, { name: 'view', namespaces: ['team-a'] }] })
  await change(() => [{ kind: 'add-key', caller: 'ci', key: key('aaaaaaaa') }])
  await server.patch('callers', 'ci', { description: 'ours' })
  await change((current) => {
    t.match(current, { callers: [{ where: place, value: { name: 'ci', keys: [{ id: 'aaaaaaaa' }] } }], scopes: [{ value: { name: 'view' } }] })
    return [{ kind: 'set-key', caller: 'ci', id: 'aaaaaaaa', fields: { revokedAt: '2026-01-01T00:00:00Z' } }, { kind: 'add-key', caller: 'ci', key: key('bbbbbbbb') }]
  })
  t.strictSame((await specOf('ci') as { keys: object }).keys, [{ ...key('aaaaaaaa'), revokedAt: '2026-01-01T00:00:00Z' }, key('bbbbbbbb')])
  t.match(await specOf('ci'), { description: 'ours' })
  t.match((await read()).callers.map(({ value }) => value.keys.length), [2])
})

t.test('two that write at the same time lose nothing: who comes second decides anew', async (t) => {
  const { editor, specOf } = await editing(t)
  await editor().change(() => [{ kind: 'add-caller', caller: { name: 'ci' } }])
  const ids = Array.from({ length: 8 }, (_, index) => `key0000${index}`)
  const editors = [editor(), editor()]
  let decided = 0
  await Promise.all(ids.map((id, index) => editors[index % 2]?.change(() => {
    decided += 1
    return [{ kind: 'add-key', caller: 'ci', key: key(id) }]
  })))
  t.strictSame((await specOf('ci') as { keys: WrittenKey[] }).keys.map(({ id }) => id).sort(), ids)
  t.ok(decided > ids.length, 'some were decided more than once')
})

t.test('two that add the same caller: one does, the other is told by what it decides', async (t) => {
  const { editor } = await editing(t)
  const add = (store: CallersStore) => store.change(({ callers }) => {
    if (callers.length > 0) throw new Error('there is one already')
    return [{ kind: 'add-caller', caller: { name: 'ci' } }]
  })
  const outcomes = await Promise.allSettled([add(editor()), add(editor())])
  t.strictSame(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.match(outcomes.find(({ status }) => status === 'rejected'), { reason: { message: 'there is one already' } })
})

t.test('a key can be revoked though its caller has a fault; what the API server refuses is told', async (t) => {
  const { server, editor, specOf } = await editing(t)
  await server.put('callers', 'ci', { allowedFrom: ['nowhere'], keys: [key('aaaaaaaa')] })
  await editor().change(({ callers }) => callers.flatMap(({ value: { name, keys } }) => keys.map(({ id }) => ({ kind: 'set-key' as const, caller: name, id, fields: { revokedAt: '2026-01-01T00:00:00Z' } }))))
  t.match(await specOf('ci'), { keys: [{ revokedAt: '2026-01-01T00:00:00Z' }] })
  await t.rejects(editor().change(() => [{ kind: 'add-key', caller: 'ci', key: { id: 'x', sha256: 'y' } }]), { statusCode: 422, message: /spec.keys\[1\].id/ })
  await t.rejects(editor().change(() => [{ kind: 'add-key', caller: 'nobody', key: key('cccccccc') }]), { message: /there is no caller nobody/ })
  t.equal(await editor().change(() => []), '')
})

t.test('a whole key was pasted into a caller: it is listed all the same, and key revoke ends it where it stood', async (t) => {
  const { server, editor, specOf } = await editing(t)
  const leaked = keyFor('aaaaaaaa')
  await server.put('callers', 'ci', { description: 'ours', rules: [rule], keys: [{ id: leaked.id, sha256: leaked.sha256 }, key('bbbbbbbb')] })
  const { store } = openStore(t, server)
  await store.loaded
  await server.patch('callers', 'ci', { description: `its key is ${leaked.key}` })
  t.match((await editor().read()).callers, [{ value: { name: 'ci', rules: [{}], keys: [{ id: 'aaaaaaaa' }, { id: 'bbbbbbbb' }] } }])
  const folder = t.testdir({
    'p.yaml': `listen: { insecure: true }
clusters: [{ name: prod, server: "${server.sample.url.replace('127.0.0.1', 'localhost')}", caFile: ca.pem, credential: { tokenEnv: T } }]
callers: { kubernetes: { namespace: ${namespace} } }
`, 'ca.pem': server.ca,
  })
  const [stdout, stderr] = [ear(), ear()]
  const deps = { stdout, stderr, env: { T: server.token }, now: Date.now, stdin: Readable.from([]) }
  const configFile = join(folder, 'p.yaml')
  await keyListCommand({ configFile, caller: undefined, json: false }, deps)
  t.match(stdout.text, /aaaaaaaa/)
  t.match([await keyRevokeCommand({ configFile, id: 'aaaaaaaa' }, deps), stderr.text], [0, /key aaaaaaaa of caller ci is revoked, in callers.portcullis.dev/])
  t.match(await specOf('ci'), { description: /pcl_/, keys: [{ id: 'aaaaaaaa', revokedAt: /^20/ }, { id: 'bbbbbbbb', revokedAt: undefined }] })
  await until(() => store.findKey('aaaaaaaa')?.revokedAt !== undefined)
  t.ok(store.findKey('bbbbbbbb'), 'its other key opens what it opened')
})

t.test('of a caller that does not fit its schema the fields and keys that do are there', async (t) => {
  const spec = { scopes: 'view', rules: [rule], keys: [key('aaaaaaaa'), { id: 'too long for one', sha256: 'x' }, key('bbbbbbbb')] }
  const callers = [{ metadata: { name: 'ci', uid: 'u', resourceVersion: '1', generation: 1 }, spec }, { metadata: { name: 'odd', uid: 'v', resourceVersion: '1', generation: 1 }, spec: { keys: 'none' } }]
  // As objects of an older CustomResourceDefinition may be: the server of the others takes none of these.
  const api = { fetch: (target: string) => Promise.resolve({ status: 200, body: Buffer.from(JSON.stringify({ metadata: { resourceVersion: '1' }, items: target.includes('/callers') ? callers : [] })) }) } as unknown as StoreApi
  const current = await createKubernetesEditor({ api, namespace, clusters: ['prod'], now: Date.now() }).read()
  t.match(current.callers.map(({ value }) => value), [{ name: 'ci', rules: [{}], discovery: true }, { name: 'odd' }])
  t.strictSame(current.callers.map(({ value: { scopes, keys } }) => [scopes, keys.map(({ id }) => id)]), [[[], ['aaaaaaaa', 'bbbbbbbb']], [[], []]])
})
