import { stringify } from 'yaml'

/** A value on one line, as it may stand anywhere in a YAML text: `{ id: a, sizes: [1, 2] }`, words in quotes where they would be read as something else. */
export function inlineYaml(value: unknown): string {
  return inline(value, flowScalar, text => text)
}

/** The same in JSON: `{ "id": "a", "sizes": [1, 2] }`. */
export function inlineJson(value: unknown): string {
  return inline(value, scalar => JSON.stringify(scalar), name => JSON.stringify(name))
}

function inline(value: unknown, scalar: (value: unknown) => string, name: (text: string) => string): string {
  if (Array.isArray(value)) return `[${value.map(item => inline(item, scalar, name)).join(', ')}]`
  if (typeof value !== 'object' || value === null) return scalar(value)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return fields.length === 0 ? '{}' : `{ ${fields.map(([key, field]) => `${name(key)}: ${inline(field, scalar, name)}`).join(', ')} }`
}

// Within brackets: there more words need quotes than by themselves.
function flowScalar(value: unknown): string {
  return stringify([value], { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trim().slice(1, -1)
}
