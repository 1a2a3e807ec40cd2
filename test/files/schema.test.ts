import t from 'tap'
import { Type } from '../../src/files/shape.ts'
import { formatPath } from '../../src/files/fault.ts'
import { checkSchema } from '../../src/files/schema.ts'

const schema = Type.Object({
  name: Type.String({ pattern: '^[a-z]+$', title: 'lower-case letters' }),
  port: Type.Integer({ minimum: 1, maximum: 9, default: 5 }),
  share: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  mode: Type.Enum(['a', 'b'], { default: 'a' }),
  auto: Type.Union([Type.Enum(['auto']), Type.Boolean()], { default: 'auto', title: 'auto, true or false' }),
  either: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  inner: Type.Object({ deep: Type.Boolean({ default: true }) }, { default: {}, additionalProperties: false }),
  kind: Type.Optional(Type.Object({ x: Type.Optional(Type.String()), y: Type.Optional(Type.String()) }, {
    additionalProperties: false, minProperties: 1, maxProperties: 1, 'x-unknown': { z: 'comes later' },
  })),
  list: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  verbs: Type.Optional(Type.Array(Type.String(), { default: [] })),
}, { additionalProperties: false })

function faultsOf(value: unknown): string[] {
  return checkSchema(schema, value).findings.map(({ path, message }) => `${formatPath(path)}: ${message}`)
}

t.test('what is left out takes its default, inside of defaults too, and the value itself stays as it was', async (t) => {
  const written = Object.freeze({ name: 'x' })
  const { value, findings } = checkSchema(schema, written)
  t.strictSame(findings, [])
  t.strictSame(value, { name: 'x', port: 5, mode: 'a', auto: 'auto', inner: { deep: true }, verbs: [] })
  t.strictSame(written, { name: 'x' })
})

for (const [value, ...faults] of [
  [{ name: 'x', port: 9, share: 0.5, mode: 'b', auto: false, either: ['y'], kind: { x: '' }, list: ['z'] }],
  [{ name: 'x', either: 'y', auto: true }],
  ['text', ': must be a mapping'],
  [[], ': must be a mapping'],
  [null, ': must be a mapping'],
  [{}, 'name: is missing'],
  [{ name: 'X', port: 10 }, 'name: must be lower-case letters', 'port: must be a whole number from 1 to 9'],
  [{ name: 'x', port: 1.5 }, 'port: must be a whole number from 1 to 9'],
  [{ name: 'x', port: '5' }, 'port: must be a whole number from 1 to 9'],
  [{ name: 'x', share: 0 }, 'share: must be a number above 0'],
  [{ name: 'x', mode: 'c' }, 'mode: must be one of: a, b'],
  [{ name: 'x', auto: 'Auto' }, 'auto: must be auto, true or false'],
  [{ name: 'x', either: 3 }, 'either: must be a string or a list'],
  [{ name: 'x', either: [3] }, 'either[0]: must be a string'],
  [{ name: 'x', inner: { deep: 'no', dep: 1 } }, 'inner.deep: must be true or false', 'inner.dep: is unknown here; known: deep'],
  [{ name: 'x', inner: null }, 'inner: must be a mapping'],
  [{ name: 'x', kind: {} }, 'kind: must have exactly one of: x, y'],
  [{ name: 'x', kind: { x: '', y: '' } }, 'kind: must have exactly one of: x, y'],
  [{ name: 'x', kind: { z: 1 } }, 'kind.z: comes later'],
  [{ name: 'x', list: [] }, 'list: must not be empty'],
  [JSON.parse('{ "name": "x", "__proto__": {}, "toString": 1 }'), '__proto__: is unknown here; known: name, port, share, mode, auto, either, inner, kind, list, verbs', 'toString: is unknown here; known: name, port, share, mode, auto, either, inner, kind, list, verbs'],
] as const) {
  t.test(`${JSON.stringify(value)} has ${faults.length} faults`, async t => t.strictSame(faultsOf(value), faults))
}

t.test('a list written as null is empty where that is the default, and a fault where a missing list means all', async (t) => {
  const { value, findings } = checkSchema(schema, { name: 'x', verbs: null })
  t.strictSame(findings, [])
  t.match(value, { verbs: [] })
  t.strictSame(faultsOf({ name: 'x', list: null }), ['list: must be a list'])
})

t.test('no fault repeats the value: it may be a secret', async (t) => {
  t.notMatch(faultsOf({ name: 'S3cret', mode: 'S3cret', port: 'S3cret', list: 'S3cret' }).join(), /S3cret/)
})
