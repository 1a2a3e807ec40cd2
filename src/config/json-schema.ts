import { callersFileSchema } from '../callers/schema.ts'
import { configSchema } from './schema.ts'

/** The files of `config/` that are made from the code, by name, so that an editor knows what we accept. */
export function jsonSchemas(): Readonly<Record<string, string>> {
  return {
    'portcullis.schema.json': toJson(configSchema),
    'callers.schema.json': toJson(callersFileSchema),
  }
}

function toJson(schema: unknown): string {
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...asWritten(schema) as object }, null, 2)}\n`
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, object>>
  readonly required?: readonly string[]
}

/** What the chart says itself: callers, where it runs, the certificate. */
const ofChart = new Set(['callers', 'self'])

/** The chart's `values.schema.json` with what its value `config` may be, which is the config file but for what the chart says itself. `text`: as it is. */
export function chartValuesSchema(text: string): string {
  const schema = JSON.parse(text) as { definitions: object }
  const { required: _, ...written } = asWritten(configSchema) as ObjectSchema
  const properties = Object.fromEntries(Object.entries(written.properties).filter(([name]) => !ofChart.has(name)))
  const { tls: _tls, ...listen } = (properties['listen'] as ObjectSchema).properties
  const config = { ...written, properties: { ...properties, listen: { ...properties['listen'], properties: listen } } }
  return `${JSON.stringify({ ...schema, definitions: { ...schema.definitions, config } }, null, 2)}\n`
}

/** A schema for what people write: what has a default may be left out, and our own keywords mean nothing to others. */
function asWritten(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asWritten)
  if (typeof schema !== 'object' || schema === null) return schema
  const { required, properties } = schema as { required?: unknown, properties?: Readonly<Record<string, { default?: unknown }>> }
  const entries = Object.entries(schema)
    .filter(([name]) => name !== 'x-unknown' && name !== 'title')
    .map(([name, value]) => [name, name === 'default' ? value : asWritten(value)])
  const written = Object.fromEntries(entries) as Record<string, unknown>
  // As files/schema.ts reads it.
  if (written['type'] === 'array' && JSON.stringify(written['default']) === '[]') written['type'] = ['array', 'null']
  if (Array.isArray(required) && properties !== undefined) {
    written['required'] = required.filter(name => properties[String(name)]?.default === undefined)
  }
  return written
}
