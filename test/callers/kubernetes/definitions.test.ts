import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { definitionFiles } from '../../../src/callers/kubernetes/definitions.ts'
import { longForm } from '../../../src/callers/kubernetes/long-form.ts'
import { toStructural } from '../../../src/callers/kubernetes/structural.ts'
import { callerSchema } from '../../../src/callers/schema.ts'
import { keyOf, namespace, rule, startStoreServer } from '../../support/callers-store.ts'

const folder = fileURLToPath(new URL('../../../helm/portcullis/crds/', import.meta.url))
type Node = Record<string, unknown>

for (const [name, text] of Object.entries(definitionFiles())) {
  t.test(`helm/portcullis/crds/${name} is what the code says (npm run schemas makes it)`, async (t) => {
    t.equal(readFileSync(`${folder}${name}`, 'utf8'), text)
  })

  // apiextensions-apiserver, pkg/apiserver/schema/validation.go: what an API server refuses a definition for.
  t.test(`${name} is a structural schema`, async (t) => {
    const { spec: { versions: [version] } } = parse(text) as { spec: { versions: { schema: { openAPIV3Schema: Node } }[] } }
    t.strictSame(faultsOf(version!.schema.openAPIV3Schema, 'root'), [])
  })
}

const known = new Set([
  'type', 'description', 'properties', 'required', 'items', 'additionalProperties', 'pattern', 'enum', 'format', 'minimum', 'maximum', 'exclusiveMinimum',
  'minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties',
  'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-preserve-unknown-fields',
])

function faultsOf(node: Node, place: string): string[] {
  const { type, properties = {}, items, additionalProperties, description } = node as { type?: string, properties?: Record<string, Node>, items?: Node, additionalProperties?: unknown, description?: string }
  const keys = (node['x-kubernetes-list-map-keys'] ?? []) as string[]
  return [
    ...Object.keys(node).filter(keyword => !known.has(keyword)).map(keyword => `${place}: ${keyword}`),
    ...type === undefined && node['x-kubernetes-preserve-unknown-fields'] !== true ? [`${place}: no type`] : [],
    ...Array.isArray(type) ? [`${place}: several types`] : [],
    ...type === 'array' && items === undefined ? [`${place}: no items`] : [],
    ...additionalProperties !== undefined && (typeof additionalProperties !== 'object' || node['properties'] !== undefined) ? [`${place}: additionalProperties`] : [],
    ...node['exclusiveMinimum'] !== undefined && typeof node['exclusiveMinimum'] !== 'boolean' ? [`${place}: exclusiveMinimum is a flag`] : [],
    ...keys.filter(key => !((items?.['required'] ?? []) as string[]).includes(key)).map(key => `${place}: key ${key} is not required`),
    ...description === undefined && !/\[\]$|^root$|metadata$/.test(place) ? [`${place}: no description`] : [],
    ...Object.entries(properties).flatMap(([name, field]) => faultsOf(field, `${place}.${name}`)),
    ...items === undefined ? [] : faultsOf(items, `${place}[]`),
  ]
}

t.test('every field of a caller in a file is there, whatever form it has', async (t) => {
  const { properties } = toStructural(callerSchema) as { properties: Node }
  t.strictSame(Object.keys(properties), Object.keys(callerSchema.properties))
  t.match(properties['limits'], { properties: { requestsPerSecond: { type: 'number', minimum: 0, exclusiveMinimum: true } } })
})

const forms: readonly [string, object, object][] = [
  ['one or several is a list', { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }, { type: 'array', items: { type: 'string' } }],
  ['one object or several is a list', { anyOf: [{ type: 'object', properties: { a: { type: 'string' } } }, { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } }] }, { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } }],
  ['a mapping of whatever keeps it', { type: 'object' }, { 'type': 'object', 'x-kubernetes-preserve-unknown-fields': true }],
  ['a choice of constants is an enum', { anyOf: [{ const: 'a' }, { const: 'b' }] }, { type: 'string', enum: ['a', 'b'] }],
  ['a map of texts', { type: 'object', patternProperties: { '^.*$': { type: 'string' } } }, { type: 'object', additionalProperties: { type: 'string' } }],
  ['what has no form here is left to our own check', { anyOf: [{ type: 'string' }, { type: 'number' }] }, { 'x-kubernetes-preserve-unknown-fields': true }],
]

for (const [name, from, to] of forms) t.test(name, async t => t.match(toStructural(from), to))

t.test('a short form becomes the long one', async (t) => {
  const schema = toStructural({ type: 'object', properties: { scopes: callerSchema.properties.scopes, aud: forms[0]![1] } })
  t.strictSame(longForm({ scopes: ['a', { name: 'b' }], aud: 'x', gone: undefined }, schema), { scopes: [{ name: 'a' }, { name: 'b' }], aud: ['x'] })
})

t.test('an API server refuses by these what can be told from one field, and prunes what is unknown', async (t) => {
  const { call, put } = await startStoreServer(t)
  await put('callers', 'ci', { rules: [rule], keys: [keyOf('aaaaaaaa')], limits: { requestsPerSecond: 0.5 }, unknown: 1 })
  const path = `/apis/portcullis.dev/v1alpha1/namespaces/${namespace}/callers`
  t.strictSame((await call('GET', `${path}/ci`)).json['spec'], { rules: [rule], keys: [keyOf('aaaaaaaa')], limits: { requestsPerSecond: 0.5 } })
  const refused: readonly [object, RegExp][] = [
    [{ keys: [{ id: 'short', sha256: 'ab'.repeat(32) }] }, /spec.keys\[0\].id in body should match/],
    [{ keys: [{ id: 'aaaaaaaa' }] }, /spec.keys\[0\].sha256: Required value/],
    [{ keys: [keyOf('aaaaaaaa'), keyOf('aaaaaaaa')] }, /spec.keys\[1\]: Duplicate value/],
    [{ limits: { requestsPerSecond: 0 } }, /should be greater than 0/],
    [{ limits: { burst: 1.5 } }, /must be of type integer/],
    [{ scopes: ['view'] }, /must be of type object/],
    [{ rules: [{ acknowledge: ['everything'] }] }, /Unsupported value/],
  ]
  for (const [spec, message] of refused) {
    t.match(await call('POST', path, { body: { metadata: { name: 'bad' }, spec } }), { status: 422, json: { message } }, JSON.stringify(spec))
  }
  t.match(await call('POST', path, { body: { metadata: { name: 'bad' } } }), { status: 422, json: { message: /spec: Required value/ } })
})
