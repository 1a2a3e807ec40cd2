import { asFields } from '../../json-fields.ts'
import type { Structural } from './structural.ts'

/** What a file may say in short (`scopes: [view]`), as a structural schema has it: `scopes: [{ name: view }]`. */
export function longForm(value: unknown, schema: Structural): unknown {
  switch (schema['type']) {
    case 'array': return (Array.isArray(value) ? value : [value]).map(item => longForm(item, asFields(schema['items'])))
    case 'object': return typeof value === 'string' ? { name: value } : longFields(value, schema)
    default: return value
  }
}

function longFields(value: unknown, schema: Structural): unknown {
  if (typeof value !== 'object' || value === null) return value
  const properties = asFields(schema['properties'])
  return Object.fromEntries(Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => [name, Object.hasOwn(properties, name) ? longForm(field, asFields(properties[name])) : field]))
}
