import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { callerSchema } from '../../src/callers/schema.ts'
import { chartValuesSchema, jsonSchemas } from '../../src/config/json-schema.ts'
import { configSchema } from '../../src/config/schema.ts'
import { checkSchema } from '../../src/files/schema.ts'

const folder = fileURLToPath(new URL('../../config/', import.meta.url))
const ajv = new Ajv({ strict: false })

for (const [name, text] of Object.entries(jsonSchemas())) {
  t.test(`config/${name} is what the code says (node dist/config/write-schemas.js makes it)`, async (t) => {
    t.equal(readFileSync(`${folder}${name}`, 'utf8'), text)
  })
}

t.test('the chart takes for its value config what the code does (node dist/config/write-schemas.js makes it so)', async (t) => {
  const text = readFileSync(fileURLToPath(new URL('../../helm/portcullis/values.schema.json', import.meta.url)), 'utf8')
  t.equal(chartValuesSchema(text), text)
})

t.test('every field has a description, and is needed or has a default or may be left out', async (t) => {
  t.strictSame(undescribed(JSON.parse(jsonSchemas()['portcullis.schema.json']!), '#'), [])
  t.strictSame(undescribed(JSON.parse(jsonSchemas()['callers.schema.json']!), '#'), [])
})

for (const name of ['portcullis', 'callers']) {
  t.test(`an editor finds nothing wrong with config/${name}.yaml`, async (t) => {
    const validate = ajv.compile(JSON.parse(jsonSchemas()[`${name}.schema.json`]!))
    t.ok(validate(parse(readFileSync(`${folder}${name}.yaml`, 'utf8'))), JSON.stringify(validate.errors))
  })
}

t.test('we and ajv agree about every single damage to the example', async (t) => {
  const validate = ajv.compile(JSON.parse(jsonSchemas()['portcullis.schema.json']!))
  const example = parse(readFileSync(`${folder}portcullis.yaml`, 'utf8')) as object
  let seen = 0
  for (const damaged of damages(example)) {
    const ours = checkSchema(configSchema, damaged).findings.length === 0
    if (ours !== validate(damaged)) t.fail(`we say ${ours} of ${JSON.stringify(damaged)}`)
    seen++
  }
  t.ok(seen > 300)
})

t.test('we and ajv agree about every single damage to a caller', async (t) => {
  const { anyOf } = JSON.parse(jsonSchemas()['callers.schema.json']!)
  const validate = ajv.compile(anyOf[0].properties.callers.items)
  const { callers } = parse(readFileSync(`${folder}callers.yaml`, 'utf8')) as { callers: object[] }
  for (const damaged of callers.flatMap(damages)) {
    const ours = checkSchema(callerSchema, damaged).findings.length === 0
    if (ours !== validate(damaged)) t.fail(`we say ${ours} of ${JSON.stringify(damaged)}`)
  }
})

/** Fields of a schema without a description, by their place. */
function undescribed(schema: Record<string, unknown>, place: string): string[] {
  const { properties = {}, items, anyOf = [] } = schema as { properties?: Record<string, Record<string, unknown>>, items?: Record<string, unknown>, anyOf?: Record<string, unknown>[] }
  return [
    ...Object.entries(properties).flatMap(([name, field]) => [
      ...field['description'] === undefined && name !== 'apiVersion' && name !== 'kind' ? [`${place}/${name}`] : [],
      ...undescribed(field, `${place}/${name}`),
    ]),
    ...items === undefined ? [] : undescribed(items, `${place}[]`),
    ...anyOf.flatMap(arm => undescribed(arm, `${place}|`)),
  ]
}

const strange = [null, true, 0, 1.5, -1, 70_000, '', 'x', '10s', '64KiB', [], [3], [''], {}, { x: 1 }]

/** The value with one piece at a time taken out, added, or become something else. */
function damages(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return strange
  if (Array.isArray(value)) {
    return [...strange, ...value.flatMap((item, index) => damages(item).map(other => value.with(index, other)))]
  }
  return [...strange, { ...value, unknown: 1 }, ...Object.entries(value).flatMap(([name, field]) => {
    const { [name]: _, ...without } = value as Record<string, unknown>
    return [without, ...damages(field).map(other => ({ ...value, [name]: other }))]
  })]
}
