import t from 'tap'
import { jsonPath } from '../../src/sample/json-path.ts'
import type { JsonObject, KubeObject } from '../../src/sample/json.ts'
import { typesOf } from '../../src/sample/custom-resources.ts'
import { structured } from '../../src/sample/structural.ts'

const text = { type: 'string' }

function typeWith(spec: JsonObject) {
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }
  const definition = { metadata: { name: 'x', uid: '', resourceVersion: '', creationTimestamp: '' }, spec: { group: 'g', names: { plural: 'ws', kind: 'W' }, versions: [version] } } as unknown as KubeObject
  return typesOf(definition)[0]!
}

const object = (spec: unknown) => ({ metadata: { name: 'x', uid: '', resourceVersion: '', creationTimestamp: '' }, spec }) as unknown as KubeObject

const shaped: readonly [string, JsonObject, unknown, unknown][] = [
  ['what is unknown is pruned, in lists too', { type: 'object', properties: { a: { type: 'array', items: { type: 'object', properties: { b: text } } } } }, { a: [{ b: 'x', c: 1 }], d: 1 }, { a: [{ b: 'x' }] }],
  ['what is to be preserved is not', { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { a: { type: 'object', properties: {} } } }, { a: { x: 1 }, b: { c: 1 } }, { a: {}, b: { c: 1 } }],
  ['a default is filled in, for null too', { type: 'object', properties: { a: { type: 'string', default: 'x' }, b: { type: 'string', default: 'y' } } }, { b: null }, { b: 'y', a: 'x' }],
  ['a map keeps its keys', { type: 'object', additionalProperties: text }, { x: 'y' }, { x: 'y' }],
]

for (const [name, schema, given, wanted] of shaped) {
  t.test(name, async t => t.strictSame(structured(typeWith(schema), object(given))['spec'], wanted))
}

const refused: readonly [string, JsonObject, unknown, RegExp][] = [
  ['another type', text, 1, /^W.g "x" is invalid: spec: Invalid value: "number": spec in body must be of type string/],
  ['a null', text, null, /must be of type string: "null"/],
  ['a part that is missing', { type: 'object', required: ['a'], properties: { a: text } }, {}, /spec.a: Required value/],
  ['a pattern', { type: 'string', pattern: '^a$' }, 'b', /should match '\^a\$'/],
  ['a text that is too long', { type: 'string', maxLength: 1 }, 'bb', /between 0 and 1 chars/],
  ['a value of no enum', { type: 'string', enum: ['a'] }, 'b', /Unsupported value: "b": supported values: "a"/],
  ['a number at a bound that is excluded', { type: 'number', minimum: 0, exclusiveMinimum: true }, 0, /greater than 0/],
  ['a number beyond', { type: 'integer', maximum: 3 }, 4, /less than or equal to 3/],
  ['no time', { type: 'string', format: 'date-time' }, 'soon', /must be of type date-time/],
  ['too many items', { type: 'array', maxItems: 1, items: text }, ['a', 'b'], /between 0 and 1 items/],
  ['too few properties', { type: 'object', minProperties: 1, additionalProperties: text }, {}, /between 1 and any properties/],
  ['an item twice', { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'], items: { type: 'object', properties: { id: text } } }, [{ id: 'a' }, { id: 'a' }], /spec\[1\]: Duplicate value: {"id":"a"}/],
  ['two faults at once', { type: 'array', items: text }, [1, 2], /\[spec\[0\]: .*, spec\[1\]: /],
]

for (const [name, schema, given, message] of refused) {
  t.test(`${name} is refused`, async t => t.throws(() => structured(typeWith(schema), object(given)), { code: 422, message }))
}

const value = { a: { 'b.c': 1 }, list: [{ type: 'X', status: 'no' }, { type: 'Ready', status: 'yes' }] }
const paths: readonly [string, unknown][] = [
  ['.a', { 'b.c': 1 }], ['.a[\'b.c\']', 1], ['.list[1].status', 'yes'], ['.list[*].type', 'X'], ['.list[?(@.type=="Ready")].status', 'yes'],
  ['.list[?(@.type=="Gone")].status', null], ['.gone.more', null], ['.list[?(@.x>1)]', null],
]

for (const [path, wanted] of paths) t.test(`JSONPath ${path}`, async t => t.strictSame(jsonPath(path)(value), wanted))
