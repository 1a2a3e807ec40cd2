import t from 'tap'
import { at, list, text, type JsonObject } from '../../src/sample/json.ts'
import { startSample } from '../support/sample.ts'

const configMaps = '/api/v1/namespaces/team-a/configmaps'
const deployments = '/apis/apps/v1/namespaces/team-a/deployments'
const merge = 'application/merge-patch+json'
const version = (answer: { json: JsonObject }) => text(answer.json, 'metadata', 'resourceVersion')
const spec = { selector: { matchLabels: { app: 'x' } }, template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } }

t.test('an object is created once', async (t) => {
  const { call } = await startSample(t, { clock: () => Date.UTC(2026, 0, 1) })
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'new' }, data: { a: 'b' } }
  const created = await call('POST', `${configMaps}?fieldManager=me`, { body })
  t.equal(created.status, 201)
  t.match(created.json, {
    ...body,
    metadata: {
      name: 'new', namespace: 'team-a', uid: /^[0-9a-f-]{36}$/, creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager: 'me', operation: 'Update', fieldsV1: { 'f:data': { 'f:a': {} } } }],
    },
  })
  const again = await call('POST', configMaps, { body })
  t.equal(again.status, 409)
  t.match(again.json, { reason: 'AlreadyExists', message: 'configmaps "new" already exists' })
})

t.test('a name is made where only its beginning is given', async (t) => {
  const { call } = await startSample(t)
  const made = await call('POST', configMaps, { body: { metadata: { generateName: 'some-' } } })
  t.match(text(made.json, 'metadata', 'name'), /^some-[0-9a-f]{5}$/)
})

t.test('what cannot be created is refused with the reason a real cluster gives', async (t) => {
  const { call } = await startSample(t)
  const pods = '/api/v1/namespaces/team-a/pods'
  const table: [name: string, path: string, body: object, status: number, reason: string][] = [
    ['no name', configMaps, {}, 422, 'Invalid'],
    ['a bad name', configMaps, { metadata: { name: 'A_b' } }, 422, 'Invalid'],
    ['another kind', configMaps, { kind: 'Secret', metadata: { name: 'a' } }, 400, 'BadRequest'],
    ['another version', configMaps, { apiVersion: 'v2', metadata: { name: 'a' } }, 400, 'BadRequest'],
    ['another namespace', configMaps, { metadata: { name: 'a', namespace: 'team-b' } }, 400, 'BadRequest'],
    ['a namespace that is not there', '/api/v1/namespaces/none/configmaps', { metadata: { name: 'a' } }, 404, 'NotFound'],
    ['a resourceVersion', configMaps, { metadata: { name: 'a', resourceVersion: '1' } }, 400, 'BadRequest'],
    ['a pod without containers', pods, { metadata: { name: 'a' }, spec: {} }, 422, 'Invalid'],
    ['an unknown field, strictly', `${deployments}?fieldValidation=Strict`, { metadata: { name: 'a' }, spec: { ...spec, replicsa: 1 } }, 400, 'BadRequest'],
    ['another dryRun', `${configMaps}?dryRun=Some`, { metadata: { name: 'a' } }, 400, 'BadRequest'],
    ['all namespaces', '/api/v1/configmaps', { metadata: { name: 'a' } }, 404, 'NotFound'],
  ]
  for (const [name, path, body, status, reason] of table) {
    const refused = await call('POST', path, { body })
    t.equal(refused.status, status, name)
    t.equal(refused.json.reason, reason, name)
  }
  t.equal((await call('POST', configMaps, { body: '{', type: 'application/json' })).status, 400)
  t.equal((await call('POST', configMaps, { body: '[]', type: 'application/json' })).status, 400)
  t.equal((await call('POST', configMaps, { body: 'x', type: 'application/cbor' })).status, 415)
  t.equal((await call('POST', `${configMaps}/settings`, { body: {} })).status, 405)
  t.equal((await call('PUT', configMaps, { body: {} })).status, 405)
})

t.test('YAML is read too', async (t) => {
  const { call } = await startSample(t)
  const made = await call('POST', configMaps, { body: 'metadata:\n  name: y\ndata:\n  a: "1"\n', type: 'application/yaml' })
  t.strictSame(made.json.data, { a: '1' })
})

t.test('an update needs the newest version, or none', async (t) => {
  const { call } = await startSample(t)
  const current = (await call('GET', `${configMaps}/settings`)).json
  const updated = await call('PUT', `${configMaps}/settings`, { body: { ...current, data: { a: '1' } } })
  t.equal(updated.status, 200)
  t.strictSame(updated.json.data, { a: '1' })
  t.equal(text(updated.json, 'metadata', 'uid'), text(current, 'metadata', 'uid'))
  const stale = await call('PUT', `${configMaps}/settings`, { body: { ...current, data: { a: '2' } } })
  t.equal(stale.status, 409)
  t.match(stale.json, { reason: 'Conflict', message: /the object has been modified/ })
  t.equal((await call('PUT', `${configMaps}/settings`, { body: { metadata: { name: 'settings' }, data: {} } })).status, 200)
  t.equal((await call('PUT', `${configMaps}/settings`, { body: { metadata: { name: 'other' } } })).status, 400)
  t.equal((await call('PUT', `${configMaps}/none`, { body: { metadata: { name: 'none' } } })).status, 404)
  t.equal((await call('PUT', `${configMaps}/settings`, { body: { metadata: { name: 'settings', uid: 'x' } } })).status, 409)
})

t.test('an update that says nothing of the managers leaves them in place', async (t) => {
  const { call } = await startSample(t)
  const put = await call('PUT', `${configMaps}/settings?fieldManager=me`, { body: { metadata: { name: 'settings' }, data: { colour: 'blue', owner: 'me' } } })
  t.strictSame(list(put.json, 'metadata', 'managedFields').map((entry) => [text(entry, 'manager'), at(entry, 'fieldsV1')]), [
    ['sample', { 'f:data': { 'f:colour': {} } }], ['me', { 'f:data': { 'f:owner': {} } }],
  ])
})

t.test('services and events are created by update, as upstream does', async (t) => {
  const { call } = await startSample(t)
  const put = await call('PUT', '/api/v1/namespaces/team-a/services/new', { body: { metadata: { name: 'new' }, spec: { ports: [{ port: 80 }] } } })
  t.equal(put.status, 201)
  t.match(put.json.spec, { type: 'ClusterIP', ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }] })
})

t.test('what changes nothing is no write', async (t) => {
  const { call } = await startSample(t)
  const one = await call('PATCH', `${configMaps}/settings`, { body: { data: { colour: 'red' } }, type: merge })
  const two = await call('PATCH', `${configMaps}/settings`, { body: { data: { colour: 'red' } }, type: merge })
  t.equal(version(one), version(two))
})

t.test('each type of patch is known by its media type', async (t) => {
  const { call } = await startSample(t)
  const patch = async (type: string, body: object | string, path = `${deployments}/web`) => call('PATCH', path, { body, type })
  const container = (answer: { json: JsonObject }) => at(answer.json, 'spec', 'template', 'spec', 'containers', 0)
  const strategic = await patch('application/strategic-merge-patch+json', { spec: { template: { spec: { containers: [{ name: 'main', tty: true }] } } } })
  t.match(container(strategic), { name: 'main', image: 'registry.example/web:1', tty: true })
  t.equal(at(strategic.json, 'metadata', 'generation'), 2)
  t.match(strategic.json.status, { observedGeneration: 2 })
  const json = await patch('application/json-patch+json', [{ op: 'replace', path: '/spec/replicas', value: 3 }])
  t.match(json.json.status, { readyReplicas: 3 })
  t.match(container(await patch(merge, { spec: { template: { spec: { containers: [{ name: 'only', image: 'i' }] } } } })), { name: 'only', image: 'i' })
  const applied = await patch('application/apply-patch+yaml', 'apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 5}\n', `${deployments}/web?fieldManager=me&force=true`)
  t.equal(at(applied.json, 'spec', 'replicas'), 5)
  t.equal((await patch('application/apply-patch+yaml', '{}')).status, 422, 'apply needs a manager')
  t.equal((await patch('application/x-patch', {})).status, 415)
  t.equal((await patch('application/strategic-merge-patch+json', {}, '/apis/example.com/v1/namespaces/team-a/widgets/first')).status, 415, 'custom resources have no strategic patch')
  t.equal((await patch(merge, { metadata: { name: 'other' } })).status, 400)
  t.equal((await patch(merge, { metadata: null })).status, 400)
})

t.test('apply creates what is not there', async (t) => {
  const { call } = await startSample(t)
  const apply = (query: string) => call('PATCH', `${configMaps}/applied?fieldManager=me${query}`, { body: 'apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n', type: 'application/apply-patch+yaml' })
  t.equal((await apply('&dryRun=All')).status, 201)
  const created = await apply('')
  t.equal(created.status, 201)
  t.match(at(created.json, 'metadata', 'managedFields'), [{ manager: 'me', operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': {} } } }])
  t.equal((await apply('')).status, 200)
})

t.test('status and the rest are written apart', async (t) => {
  const { call } = await startSample(t)
  const widget = '/apis/example.com/v1/namespaces/team-a/widgets/first'
  const status = await call('PATCH', `${widget}/status`, { body: { spec: { size: 9 }, status: { ready: true } }, type: merge })
  t.match(status.json, { spec: { size: 1 }, status: { ready: true } })
  const rest = await call('PATCH', widget, { body: { spec: { size: 2 }, status: { ready: false } }, type: merge })
  t.match(rest.json, { spec: { size: 2 }, status: { ready: true } })
  t.equal((await call('GET', `${widget}/status`)).status, 200)
  const put = await call('PUT', `${widget}/status`, { body: { ...rest.json, status: { ready: 1 } } })
  t.match(put.json, { status: { ready: 1 } })
  t.equal((await call('DELETE', `${widget}/status`)).status, 405)
  const applied = await call('PATCH', `${widget}/status?fieldManager=me&force=true`, { body: '{"status":{"ready":2}}', type: 'application/apply-patch+yaml' })
  t.match(list(applied.json, 'metadata', 'managedFields').at(-1), { manager: 'me', operation: 'Apply', subresource: 'status', fieldsV1: { 'f:status': { 'f:ready': {} } } })
})

t.test('a deployment is scaled', async (t) => {
  const { call } = await startSample(t)
  const scale = `${deployments}/web/scale`
  t.match((await call('GET', scale)).json, { kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 2 }, status: { replicas: 2, selector: 'app=web' } })
  const patched = await call('PATCH', scale, { body: { spec: { replicas: 4 } }, type: merge })
  t.match(patched.json, { spec: { replicas: 4 }, status: { replicas: 4 } })
  const put = await call('PUT', scale, { body: { ...patched.json, spec: { replicas: 0 } } })
  t.match(put.json, { spec: { replicas: 0 }, status: { replicas: 0 } })
  t.equal((await call('PUT', scale, { body: { ...patched.json, spec: { replicas: 1 } } })).status, 409)
  t.equal((await call('PATCH', scale, { body: { spec: { replicas: -1 } }, type: merge })).status, 422)
  t.equal((await call('DELETE', scale)).status, 405)
})

t.test('dryRun shows what would be and leaves all as it is', async (t) => {
  const { call } = await startSample(t)
  const before = version(await call('GET', '/api/v1/pods'))
  t.equal((await call('POST', `${configMaps}?dryRun=All`, { body: { metadata: { name: 'dry' } } })).status, 201)
  t.equal(at((await call('PATCH', `${configMaps}/settings?dryRun=All`, { body: { data: { a: 'b' } }, type: merge })).json, 'data', 'a'), 'b')
  t.equal((await call('DELETE', `${configMaps}/settings?dryRun=All`)).status, 200)
  t.equal((await call('DELETE', `${configMaps}/settings`, { body: { dryRun: ['All'] } })).status, 200)
  t.equal(list((await call('DELETE', `${configMaps}?dryRun=All`)).json, 'items').length, 1)
  t.equal(version(await call('GET', '/api/v1/pods')), before)
})

t.test('deletion answers with what went, and heeds preconditions', async (t) => {
  const { call } = await startSample(t)
  const uid = text((await call('GET', `${configMaps}/settings`)).json, 'metadata', 'uid')
  t.equal((await call('DELETE', `${configMaps}/settings`, { body: { preconditions: { uid: 'other' } } })).status, 409)
  t.equal((await call('DELETE', `${configMaps}/settings`, { body: { preconditions: { resourceVersion: '1' } } })).status, 409)
  const gone = await call('DELETE', `${configMaps}/settings`, { body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' } })
  t.strictSame(gone.json, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name: 'settings', kind: 'configmaps', uid } })
  t.equal((await call('DELETE', `${configMaps}/settings`)).status, 404)
  const pods = '/api/v1/namespaces/team-a/pods'
  const all = await call('DELETE', `${pods}?labelSelector=app%3Dweb`)
  t.match(all.json, { kind: 'PodList', items: [{ metadata: { name: 'web-0' } }, { metadata: { name: 'web-1' } }] })
  t.strictSame(list((await call('GET', pods)).json, 'items'), [])
  t.equal((await call('DELETE', '/api/v1/namespaces')).status, 405)
})

t.test('a namespace takes all it holds along, and is a project too', async (t) => {
  const { call } = await startSample(t)
  const request = await call('POST', '/apis/project.openshift.io/v1/projectrequests', { body: { kind: 'ProjectRequest', apiVersion: 'project.openshift.io/v1', metadata: { name: 'fresh' }, displayName: 'Fresh' } })
  t.match(request.json, { kind: 'Project', metadata: { name: 'fresh', annotations: { 'openshift.io/display-name': 'Fresh' } } })
  t.match((await call('GET', '/api/v1/namespaces/fresh')).json, { kind: 'Namespace', status: { phase: 'Active' } })
  t.match((await call('GET', '/oapi/v1/projects/fresh')).json, { kind: 'Project', apiVersion: 'v1' })
  await call('POST', '/api/v1/namespaces/fresh/configmaps', { body: { metadata: { name: 'inside' } } })
  t.equal((await call('DELETE', '/apis/project.openshift.io/v1/projects/fresh')).status, 200)
  t.equal((await call('GET', '/api/v1/namespaces/fresh')).status, 404)
  t.equal((await call('GET', '/api/v1/namespaces/fresh/configmaps/inside')).status, 404)
})

t.test('a secret is written as text and read as base64', async (t) => {
  const { call } = await startSample(t)
  const made = await call('POST', '/api/v1/namespaces/team-a/secrets', { body: { metadata: { name: 's' }, stringData: { a: 'b' } } })
  t.strictSame([made.json.data, made.json.stringData, made.json.type], [{ a: 'Yg==' }, undefined, 'Opaque'])
})

t.test('routes are the same by either prefix', async (t) => {
  const { call } = await startSample(t)
  const body = { kind: 'Route', apiVersion: 'v1', metadata: { name: 'old' }, spec: { to: { kind: 'Service', name: 'web' } } }
  t.match((await call('POST', '/oapi/v1/namespaces/team-a/routes', { body })).json, { apiVersion: 'v1', spec: { host: 'old-team-a.apps.sample.example' } })
  t.match((await call('GET', '/apis/route.openshift.io/v1/namespaces/team-a/routes/old')).json, { apiVersion: 'route.openshift.io/v1', status: { ingress: [{ conditions: [{ type: 'Admitted' }] }] } })
})

t.test('the number of objects is bounded', async (t) => {
  const { call } = await startSample(t, { maxObjects: 40 })
  let status = 201
  for (let count = 0; status === 201 && count < 40; count += 1) status = (await call('POST', configMaps, { body: { metadata: { generateName: 'many-' } } })).status
  t.equal(status, 403)
})
