import t from 'tap'
import { parse } from 'yaml'
import { at, list, text, type JsonObject } from '../../src/sample/json.ts'
import { startSample } from '../support/sample.ts'

const pods = '/api/v1/namespaces/team-a/pods'
const names = (answer: JsonObject) => list(answer, 'items').map((item) => text(item, 'metadata', 'name'))

t.test('one object says what it is, items of a list of built-in ones do not', async (t) => {
  const { call } = await startSample(t)
  const one = await call('GET', `${pods}/web-0`)
  t.match(one.json, { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'web-0', namespace: 'team-a' }, status: { phase: 'Running' } })
  const all = await call('GET', pods)
  t.match(all.json, { kind: 'PodList', apiVersion: 'v1' })
  t.strictSame(names(all.json), ['web-0', 'web-1'])
  t.equal(at(all.json, 'items', 0, 'kind'), undefined)
  const widgets = await call('GET', '/apis/example.com/v1/widgets')
  t.match(widgets.json, { kind: 'WidgetList', items: [{ kind: 'Widget', apiVersion: 'example.com/v1' }, { kind: 'Widget' }] })
  t.equal(all.headers['cache-control'], 'no-cache, private')
  t.match(all.headers['audit-id'], /^[0-9a-f-]{36}$/)
})

t.test('what is not there is a 404 that names it', async (t) => {
  const { call } = await startSample(t)
  t.strictSame((await call('GET', `${pods}/none`)).json, {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'pods "none" not found', reason: 'NotFound',
    details: { name: 'none', kind: 'pods' }, code: 404,
  })
  t.match((await call('GET', '/apis/apps/v1/namespaces/team-a/deployments/none')).json, { message: 'deployments.apps "none" not found', details: { group: 'apps' } })
})

t.test('selectors thin a list out', async (t) => {
  const { call } = await startSample(t)
  t.strictSame(names((await call('GET', `/api/v1/pods?labelSelector=${encodeURIComponent('app in (dns)')}`)).json), ['dns-0'])
  t.strictSame(names((await call('GET', '/api/v1/pods?fieldSelector=metadata.name%3Dweb-1')).json), ['web-1', 'web-1'])
  t.equal((await call('GET', '/api/v1/pods?fieldSelector=spec.secret%3D1')).status, 400)
})

t.test('pages come from one moment, whatever is written between them', async (t) => {
  const { call } = await startSample(t)
  const first = await call('GET', '/api/v1/pods?limit=2')
  t.strictSame(names(first.json), ['dns-0', 'web-0'])
  t.equal(at(first.json, 'metadata', 'remainingItemCount'), 3)
  await call('DELETE', `${pods}/web-1`)
  await call('POST', pods, { body: { metadata: { name: 'zz' }, spec: { containers: [{ name: 'c' }] } } })
  const token = encodeURIComponent(text(first.json, 'metadata', 'continue'))
  const second = await call('GET', `/api/v1/pods?limit=2&continue=${token}`)
  t.strictSame(names(second.json), ['web-1', 'web-0'])
  t.equal(text(second.json, 'metadata', 'resourceVersion'), text(first.json, 'metadata', 'resourceVersion'))
  const third = await call('GET', `/api/v1/pods?limit=2&continue=${encodeURIComponent(text(second.json, 'metadata', 'continue'))}`)
  t.strictSame(names(third.json), ['web-1'])
  t.equal(at(third.json, 'metadata', 'continue'), undefined)
  t.equal(at((await call('GET', '/api/v1/pods?limit=1&labelSelector=app')).json, 'metadata', 'remainingItemCount'), undefined)
})

t.test('a page that the history does not reach back to is gone', async (t) => {
  const { call } = await startSample(t, { history: 2 })
  const first = await call('GET', '/api/v1/pods?limit=1')
  for (let round = 0; round < 3; round += 1) {
    await call('PATCH', '/api/v1/namespaces/team-a/configmaps/settings', { body: { data: { round: String(round) } }, type: 'application/merge-patch+json' })
  }
  const second = await call('GET', `/api/v1/pods?limit=1&continue=${encodeURIComponent(text(first.json, 'metadata', 'continue'))}`)
  t.equal(second.status, 410)
  t.equal(second.json.reason, 'Expired')
})

t.test('a list can be asked for as it was, but not as it will be', async (t) => {
  const { call } = await startSample(t)
  const before = text((await call('GET', '/api/v1/pods')).json, 'metadata', 'resourceVersion')
  await call('DELETE', `${pods}/web-1`)
  t.strictSame(names((await call('GET', `${pods}?resourceVersion=${before}&resourceVersionMatch=Exact`)).json), ['web-0', 'web-1'])
  t.strictSame(names((await call('GET', `${pods}?resourceVersion=${before}`)).json), ['web-0'])
  t.equal((await call('GET', `${pods}?resourceVersion=99999999`)).status, 504)
  for (const bad of ['limit=x', 'resourceVersion=x', 'continue=x']) t.equal((await call('GET', `${pods}?${bad}`)).status, 400, bad)
})

t.test('kubectl gets its Table, with the metadata of each object unless it asks otherwise', async (t) => {
  const { call } = await startSample(t)
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'
  const { json } = await call('GET', pods, { headers: { accept } })
  t.match(json, { kind: 'Table', apiVersion: 'meta.k8s.io/v1' })
  t.strictSame(list(json, 'columnDefinitions').map((column) => text(column, 'name')),
    ['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP', 'Node', 'Nominated Node', 'Readiness Gates'])
  t.match(at(json, 'rows', 0), { cells: ['web-0', '1/1', 'Running', '0'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'web-0' } } })
  t.equal(at((await call('GET', `${pods}?includeObject=None`, { headers: { accept } })).json, 'rows', 0, 'object'), undefined)
  t.match(at((await call('GET', `${pods}?includeObject=Object`, { headers: { accept } })).json, 'rows', 0, 'object'), { kind: 'Pod' })
  t.equal((await call('GET', `${pods}?includeObject=x`, { headers: { accept } })).status, 400)
  t.match((await call('GET', `${pods}/web-1`, { headers: { accept } })).json, { kind: 'Table', rows: [{ cells: ['web-1'] }] })
})

t.test('each resource has its columns', async (t) => {
  const { call } = await startSample(t)
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const table: [path: string, cells: unknown[]][] = [
    ['/api/v1/namespaces?fieldSelector=metadata.name%3Dteam-a', ['team-a', 'Active']],
    ['/api/v1/namespaces/team-a/secrets', ['database', 'Opaque', 2]],
    ['/api/v1/namespaces/team-a/services', ['web', 'ClusterIP', /^10\.96\./, '<none>', '80/TCP']],
    ['/apis/apps/v1/namespaces/team-a/deployments', ['web', '2/2', 2, 2]],
    ['/apis/route.openshift.io/v1/namespaces/team-a/routes', ['web', 'web-team-a.apps.sample.example', '', 'web', '<all>', '', 'None']],
    ['/apis/project.openshift.io/v1/projects?fieldSelector=metadata.name%3Dteam-a', ['team-a', '', 'Active']],
    ['/apis/example.com/v1/namespaces/team-a/widgets', ['first', 1]],
    ['/api/v1/namespaces/team-a/events', [/s$/, 'Normal', 'Started', 'pod/web-0', 'Started container main']],
  ]
  for (const [path, cells] of table) t.match(at((await call('GET', path, { headers: { accept } })).json, 'rows', 0, 'cells'), cells, path)
})

t.test('other representations', async (t) => {
  const { call } = await startSample(t)
  const as = (accept: string) => call('GET', pods, { headers: { accept } })
  t.match((await as('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1')).json, { kind: 'PartialObjectMetadataList', items: [{ kind: 'PartialObjectMetadata' }, {}] })
  const yaml = await as('application/yaml')
  t.equal(yaml.headers['content-type'], 'application/yaml')
  t.match(parse(yaml.text), { kind: 'PodList' })
  t.match((await as('application/vnd.kubernetes.protobuf,application/json')).json, { kind: 'PodList' })
  for (const accept of ['text/xml', 'application/cbor', 'application/vnd.kubernetes.protobuf', 'application/json;as=Table;v=v9;g=meta.k8s.io']) {
    const refused = await as(accept)
    t.equal(refused.status, 406, accept)
    t.equal(refused.json.reason, 'NotAcceptable')
  }
  t.match((await as('text/xml;q=0.9, application/json;q=0.1')).json, { kind: 'PodList' })
  t.match((await as('application/yaml;q=0.1, application/json;q=0.9')).json, { kind: 'PodList' })
})

t.test('HEAD is GET without the body', async (t) => {
  const { call } = await startSample(t)
  const [head, get] = [await call('HEAD', `${pods}/web-0`), await call('GET', `${pods}/web-0`)]
  t.equal(head.status, 200)
  t.equal(head.text, '')
  t.equal(head.headers['content-length'], get.headers['content-length'])
})

t.test('what is large is compressed for who takes it so', async (t) => {
  const { call } = await startSample(t)
  await call('POST', '/api/v1/namespaces/team-a/configmaps', { body: { metadata: { name: 'large' }, data: { a: 'x'.repeat(200_000) } } })
  const path = '/api/v1/namespaces/team-a/configmaps/large'
  t.equal((await call('GET', path, { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'], 'gzip')
  t.equal((await call('GET', path)).headers['content-encoding'], undefined)
  t.equal((await call('GET', `${pods}/web-0`, { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'], undefined)
})
