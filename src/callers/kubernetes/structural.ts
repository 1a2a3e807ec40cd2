/** The part of OpenAPI that a CustomResourceDefinition may use: a type at every node, no reference, no union (KEP-1111, "structural schema"). */
export interface Structural {
  readonly [keyword: string]: unknown
}

interface Written {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Written>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Written
  readonly patternProperties?: Readonly<Record<string, Written>>
  readonly items?: Written
  readonly anyOf?: readonly Written[]
  readonly default?: unknown
  readonly pattern?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly [keyword: string]: unknown
}

/** For what the files' schema does not bound: an object in etcd has to be small, and a hostile one is refused early. */
const mostItems = 1000
const longestText = 4096

/** Lists whose items are told apart by a field: server-side apply and strategic patches merge them by it. */
const mapKeys: Readonly<Record<string, string>> = { keys: 'id' }

/**
 * A schema of the callers files as a structural one. It admits no less than that one in the fields' long
 * forms: what it cannot say (how fields bear on each other) is checked when the object is read, as files are.
 * Defaults are left to that, too, so that objects stay as they were written.
 */
export function toStructural(schema: object, name = ''): Structural {
  const written = schema as Written
  if (written.anyOf !== undefined) return ofUnion(written, written.anyOf, name)
  const described = written.description === undefined ? {} : { description: written.description }
  switch (written.type) {
    case 'object': return { ...described, ...ofObject(written) }
    case 'array': return { ...described, ...ofList(written, name) }
    case 'string': return { ...described, ...ofText(written) }
    case 'number':
    case 'integer': return { ...described, ...ofNumber(written) }
    case 'boolean': return { ...described, type: 'boolean' }
    default: return { ...described, 'x-kubernetes-preserve-unknown-fields': true }
  }
}

/** Of several forms the long one: `{ name, namespaces }` for a scope, a list where one or several may stand. */
function ofUnion({ description }: Written, arms: readonly Written[], name: string): Structural {
  const described = description === undefined ? {} : { description }
  const texts = arms.flatMap(({ const: value, enum: values }) => values ?? (value === undefined ? [] : [value]))
  if (texts.length >= arms.length) return { ...described, type: 'string', enum: texts }
  const long = arms.find(({ type }) => type === 'array') ?? arms.find(({ type }) => type === 'object')
  return long === undefined ? { ...described, 'x-kubernetes-preserve-unknown-fields': true } : { ...toStructural(long, name), ...described }
}

function ofObject({ properties, required = [], additionalProperties, patternProperties, minProperties, maxProperties }: Written): Structural {
  const bounds = { ...minProperties === undefined ? {} : { minProperties }, ...maxProperties === undefined ? {} : { maxProperties } }
  if (properties === undefined || Object.keys(properties).length === 0) {
    const values = Object.values(patternProperties ?? {})[0] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined)
    if (values !== undefined) return { type: 'object', ...bounds, additionalProperties: toStructural(values) }
    // Any field may be in it: without this all of them would be pruned.
    return { type: 'object', ...bounds, ...additionalProperties === false ? {} : { 'x-kubernetes-preserve-unknown-fields': true } }
  }
  const needed = required.filter(name => properties[name]?.default === undefined)
  return {
    type: 'object', ...bounds,
    ...needed.length === 0 ? {} : { required: needed },
    properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, toStructural(field, name)])),
  }
}

function ofList({ items = {}, minItems, maxItems = mostItems }: Written, name: string): Structural {
  const key = Object.hasOwn(mapKeys, name) ? mapKeys[name] : undefined
  const kind = key === undefined ? { 'x-kubernetes-list-type': 'atomic' } : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] }
  return { type: 'array', ...minItems === undefined ? {} : { minItems }, maxItems, ...kind, items: toStructural(items) }
}

function ofText({ pattern, enum: values, minLength, maxLength = longestText, const: value }: Written): Structural {
  if (values !== undefined || value !== undefined) return { type: 'string', enum: values ?? [value] }
  return { type: 'string', ...minLength === undefined ? {} : { minLength }, maxLength, ...pattern === undefined ? {} : { pattern } }
}

/** OpenAPI 3.0 says by a flag that a bound is not itself allowed. */
function ofNumber({ type, minimum, maximum, exclusiveMinimum }: Written): Structural {
  const lowest = exclusiveMinimum === undefined ? { ...minimum === undefined ? {} : { minimum } } : { minimum: exclusiveMinimum, exclusiveMinimum: true }
  return { type, ...lowest, ...maximum === undefined ? {} : { maximum } }
}
