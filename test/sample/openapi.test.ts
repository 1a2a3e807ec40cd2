import t from 'tap'
import { at, list, object, text } from '../../src/sample/json.ts'
import { startSample } from '../support/sample.ts'

t.test('the index names every group version with the hash of its document', async (t) => {
  const { call } = await startSample(t)
  const index = await call('GET', '/openapi/v3')
  t.equal(index.headers['content-type'], 'text/plain; charset=utf-8')
  const { paths } = JSON.parse(index.text) as { paths: Record<string, { serverRelativeURL: string }> }
  t.ok(['api/v1', 'apis/apps/v1', 'apis/example.com/v1', 'oapi/v1'].every((path) => path in paths))
  const url = String(paths['api/v1']?.serverRelativeURL)
  t.match(url, /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{128}$/)
  const document = await call('GET', url)
  t.equal(document.headers['cache-control'], 'public, immutable')
  t.equal(document.headers.etag, `"${url.split('hash=')[1]}"`)
  t.equal((await call('GET', '/openapi/v3/api/v1')).headers['cache-control'], 'no-cache, private')
  const stale = await call('GET', '/openapi/v3/api/v1?hash=0000')
  t.strictSame([stale.status, stale.headers.location, stale.text], [301, url, ''])
  t.equal((await call('GET', url, { headers: { 'if-none-match': String(document.headers.etag) } })).status, 304)
  t.equal((await call('GET', '/openapi/v3/apis/none/v1')).status, 404)
})

t.test('the documents hold what kubectl looks for: kinds, merge keys, patch types and the field validation parameter', async (t) => {
  const { call } = await startSample(t)
  const { json } = await call('GET', '/openapi/v3/apis/apps/v1')
  const schemas = object(json, 'components', 'schemas')
  t.match(schemas['io.k8s.api.apps.v1.Deployment'], { 'x-kubernetes-group-version-kind': [{ group: 'apps', kind: 'Deployment', version: 'v1' }] })
  t.match(at(schemas, 'io.k8s.api.core.v1.PodSpec', 'properties', 'containers'), { 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-list-map-keys': ['name'] })
  t.equal(at(schemas, 'io.k8s.api.core.v1.Container', 'properties', 'ports', 'x-kubernetes-patch-merge-key'), 'containerPort')
  t.equal(at(schemas, 'io.k8s.api.core.v1.Container', 'properties', 'args', 'x-kubernetes-list-type'), 'atomic')
  const patch = at(json, 'paths', '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'patch')
  t.ok(list(patch, 'parameters').some((parameter) => text(parameter, 'name') === 'fieldValidation'))
  t.ok(at(patch, 'requestBody', 'content', 'application/strategic-merge-patch+json'))
  const services = (await call('GET', '/openapi/v3/api/v1')).json
  t.equal(at(services, 'components', 'schemas', 'io.k8s.api.core.v1.ServiceSpec', 'properties', 'ports', 'x-kubernetes-patch-merge-key'), 'port')
})

t.test('every reference leads somewhere', async (t) => {
  const { call } = await startSample(t)
  const { paths } = JSON.parse((await call('GET', '/openapi/v3')).text) as { paths: Record<string, unknown> }
  for (const path of Object.keys(paths)) {
    const { text: body, json } = await call('GET', `/openapi/v3/${path}`)
    const refs = [...body.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] ?? '')
    t.strictSame(refs.filter((ref) => at(json, 'components', 'schemas', ref) === undefined), [], path)
  }
  const swagger = await call('GET', '/openapi/v2')
  const refs = [...swagger.text.matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)].map((match) => match[1] ?? '')
  t.ok(refs.length > 0)
  t.strictSame(refs.filter((ref) => at(swagger.json, 'definitions', ref) === undefined), [])
  t.notMatch(swagger.text, '#/components/')
})

t.test('Swagger 2 is JSON, with a tag', async (t) => {
  const { call } = await startSample(t)
  const { headers } = await call('GET', '/openapi/v2', { headers: { accept: 'application/json' } })
  t.equal((await call('GET', '/openapi/v2', { headers: { 'if-none-match': String(headers.etag) } })).status, 304)
  t.equal((await call('GET', '/openapi/v2', { headers: { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' } })).status, 406)
})
