import t from 'tap'
import { at, list, object, text, type JsonObject } from '../../src/sample/json.ts'
import { startSample } from '../support/sample.ts'

const v2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const v2beta1 = 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList'
const named = (value: JsonObject, field: string, key: string, name: string) => list(value, field).find((each) => text(each, key) === name)

t.test('the legacy form', async (t) => {
  const { call, sample } = await startSample(t)
  t.strictSame((await call('GET', '/api?timeout=32s')).json, {
    kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: `127.0.0.1:${sample.port}` }],
  })
  const core = (await call('GET', '/api/v1')).json
  t.match(core, { kind: 'APIResourceList', groupVersion: 'v1' })
  t.strictSame(named(core, 'resources', 'name', 'pods'), {
    name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod',
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'], shortNames: ['po'], categories: ['all'],
  })
  t.strictSame(named(core, 'resources', 'name', 'pods/log'), { name: 'pods/log', singularName: '', namespaced: true, kind: 'Pod', verbs: ['get'] })
  const groups = (await call('GET', '/apis')).json
  t.match(groups, { kind: 'APIGroupList', apiVersion: 'v1' })
  t.strictSame(named(groups, 'groups', 'name', 'apps'), {
    name: 'apps', versions: [{ groupVersion: 'apps/v1', version: 'v1' }], preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
  })
  t.match((await call('GET', '/apis/apps')).json, { kind: 'APIGroup', apiVersion: 'v1', name: 'apps' })
  const apps = (await call('GET', '/apis/apps/v1')).json
  t.match(apps, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'apps/v1' })
  t.match(named(apps, 'resources', 'name', 'deployments/scale'), { group: 'autoscaling', version: 'v1', kind: 'Scale' })
  t.match((await call('GET', '/oapi/v1')).json, { kind: 'APIResourceList', groupVersion: 'v1', resources: [{ name: 'projectrequests' }, { name: 'projects' }, { name: 'routes' }, {}] })
})

t.test('the aggregated form is for who names its second version, and only for them', async (t) => {
  const { call } = await startSample(t)
  for (const accept of [v2, `${v2},${v2beta1},application/json`]) {
    const answer = await call('GET', '/apis', { headers: { accept } })
    t.equal(answer.headers['content-type'], v2)
    t.equal(answer.headers['cache-control'], 'public')
    t.equal(answer.headers.vary, 'Accept')
    t.match(answer.headers.etag, /^"[0-9A-F]{128}"$/)
    t.match(answer.json, { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {} })
  }
  const alone = await call('GET', '/api', { headers: { accept: v2beta1 } })
  t.equal(alone.status, 406)
  t.match(alone.json, { reason: 'NotAcceptable', message: /^only the following media types are accepted/ })
  t.equal((await call('GET', '/api', { headers: { accept: `${v2beta1},application/json` } })).json.kind, 'APIVersions')
})

t.test('both forms tell of the same resources', async (t) => {
  const { call } = await startSample(t)
  const core = (await call('GET', '/api', { headers: { accept: v2 } })).json
  const pods = named(object(core, 'items', 0, 'versions', 0), 'resources', 'resource', 'pods')
  t.match(pods, {
    responseKind: { group: '', version: '', kind: 'Pod' }, scope: 'Namespaced', singularResource: 'pod', shortNames: ['po'], categories: ['all'],
    subresources: [{ subresource: 'exec', responseKind: { kind: 'PodExecOptions' }, verbs: ['create', 'get'] }, { subresource: 'log' }, { subresource: 'status' }],
  })
  t.equal(at(core, 'items', 0, 'versions', 0, 'freshness'), 'Current')
  const groups = (await call('GET', '/apis', { headers: { accept: v2 } })).json
  const custom = list(groups, 'items').find((item) => text(item, 'metadata', 'name') === 'example.com')
  t.match(at(custom, 'versions', 0, 'resources', 0), { resource: 'widgets', responseKind: { group: 'example.com', version: 'v1', kind: 'Widget' } })
  const aggregated = list(groups, 'items').map((item) => text(item, 'metadata', 'name'))
  const legacy = list((await call('GET', '/apis')).json, 'groups').map((group) => text(group, 'name'))
  t.strictSame(aggregated, legacy)
})

t.test('what a client has already is not sent again', async (t) => {
  const { call } = await startSample(t)
  const { etag } = (await call('GET', '/apis', { headers: { accept: v2 } })).headers
  const again = await call('GET', '/apis', { headers: { accept: v2, 'if-none-match': String(etag) } })
  t.strictSame([again.status, again.text, again.headers.etag, again.headers['cache-control'], again.headers.vary], [304, '', etag, 'public', 'Accept'])
  t.equal((await call('GET', '/apis', { headers: { accept: v2, 'if-none-match': '"other"' } })).status, 200)
})

t.test('the other documents', async (t) => {
  const { call } = await startSample(t)
  t.match((await call('GET', '/version')).json, { major: '1', minor: '36', gitVersion: /^v1\.36/ })
  for (const path of ['/healthz', '/livez', '/readyz']) t.equal((await call('GET', path)).text, 'ok')
  t.match((await call('GET', '/metrics')).text, /^sample_namespaces 5$/m)
  t.match((await call('GET', '/')).json.paths, ['/api', '/api/v1', '/apis'])
  t.equal((await call('POST', '/version')).status, 404)
})
