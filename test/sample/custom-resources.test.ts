import t from 'tap'
import { at, text, type JsonObject } from '../../src/sample/json.ts'
import { startSample, type TestSample } from '../support/sample.ts'

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const gadgets = '/apis/shop.example.com/v1/namespaces/team-a/gadgets'
const crd = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gadgets.shop.example.com' },
  spec: {
    group: 'shop.example.com', scope: 'Namespaced', names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', shortNames: ['gd'] },
    versions: [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, free: { type: 'object', properties: { a: {} }, 'x-kubernetes-preserve-unknown-fields': true } } } } } } },
      { name: 'v0', served: false, storage: false },
    ],
  },
}

/** Waits until the watch of the definition shows it served. */
async function established({ lines }: TestSample): Promise<JsonObject> {
  for await (const line of await lines(`${definitions}?watch=true&fieldSelector=metadata.name%3Dgadgets.shop.example.com`)) {
    const event = JSON.parse(line) as JsonObject
    if (text(event, 'object', 'status', 'conditions', 1, 'type') === 'Established') return event
  }
  throw new Error('the watch ended')
}

t.test('a definition is served a moment after it is written, in every document', async (t) => {
  const sample = await startSample(t, { crdDelay: 1000 })
  const { call } = sample
  const tag = (await call('GET', '/openapi/v3/apis/example.com/v1')).headers.etag
  t.equal((await call('POST', definitions, { body: crd })).status, 201)
  t.equal((await call('GET', gadgets)).status, 404, 'not yet')
  t.equal((await call('GET', '/apis/shop.example.com')).status, 404)
  t.match(await established(sample), { object: { status: { acceptedNames: { kind: 'Gadget' }, storedVersions: ['v1'] } } })
  t.match((await call('GET', '/apis/shop.example.com/v1')).json, { resources: [{ name: 'gadgets', kind: 'Gadget', shortNames: ['gd'] }] })
  t.equal((await call('GET', '/apis/shop.example.com/v0')).status, 404)
  t.ok(at((await call('GET', '/openapi/v3/apis/shop.example.com/v1')).json, 'components', 'schemas', 'com.example.shop.v1.Gadget', 'properties', 'spec'))
  t.equal((await call('GET', '/openapi/v3/apis/example.com/v1')).headers.etag, tag, 'other documents stay as they were')
  const body = { apiVersion: 'shop.example.com/v1', kind: 'Gadget', metadata: { name: 'one' }, spec: { size: 1, free: { b: 1 } } }
  t.match((await call('POST', `${gadgets}?fieldValidation=Strict`, { body })).json, { ...body, metadata: { generation: 1 } })
  const unknown = await call('POST', `${gadgets}?fieldValidation=Strict`, { body: { ...body, spec: { sise: 1 } } })
  t.match(unknown.json, { code: 400, message: /unknown field "spec.sise"/ })
  t.match((await call('GET', '/apis/shop.example.com/v1/gadgets')).json, { kind: 'GadgetList', items: [{ kind: 'Gadget' }] })
})

t.test('when a definition goes, so does all that it defined', async (t) => {
  const sample = await startSample(t, { crdDelay: 0 })
  const { call, lines } = sample
  await call('POST', definitions, { body: crd })
  await established(sample)
  await call('POST', gadgets, { body: { metadata: { name: 'one' } } })
  const watch = await lines('/apis/shop.example.com/v1/gadgets?watch=true')
  await watch.next()
  await call('DELETE', `${definitions}/gadgets.shop.example.com`)
  t.match(JSON.parse(String((await watch.next()).value)), { type: 'DELETED', object: { metadata: { name: 'one' } } })
  t.equal((await call('GET', gadgets)).status, 404)
  t.equal((await call('GET', '/apis/shop.example.com')).status, 404)
})

t.test('a definition that goes before it is served is never served', async (t) => {
  const { call } = await startSample(t, { crdDelay: 300 })
  await call('POST', definitions, { body: crd })
  await call('DELETE', `${definitions}/gadgets.shop.example.com`)
  const other = { ...crd, metadata: { name: 'others.shop.example.com' }, spec: { ...crd.spec, group: 'other.example.com' } }
  await call('POST', definitions, { body: other })
  while ((await call('GET', '/apis/other.example.com')).status === 404);
  t.equal((await call('GET', '/apis/shop.example.com')).status, 404)
})
