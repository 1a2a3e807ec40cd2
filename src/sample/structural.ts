import type { Json, JsonObject, KubeObject } from './json.ts'
import { isObject, list, object, put, same, text } from './json.ts'
import type { ResourceType } from './resource-type.ts'
import { qualified, ApiError } from './status.ts'

/** What the API server leaves alone in a custom resource. */
const untouched = ['apiVersion', 'kind', 'metadata']

/**
 * A custom resource as the API server would store it: what the schema does not name is pruned, what has a
 * default and is missing is filled in, and then all of it must fit (apiextensions-apiserver, structural
 * schemas). Throws the 422 of everything that does not.
 */
export function structured(type: ResourceType, value: KubeObject): KubeObject {
  if (!type.custom || type.schema === undefined) return value
  const shaped = shape(value, withoutCommon(type.schema), '', true) as KubeObject
  const faults: Fault[] = []
  check(shaped, withoutCommon(type.schema), '', faults)
  if (faults.length > 0) throw invalidObject(type, value.metadata.name, faults)
  return shaped
}

interface Fault {
  readonly field: string
  readonly message: string
}

function withoutCommon(schema: JsonObject): JsonObject {
  const properties = Object.fromEntries(Object.entries(object(schema, 'properties')).filter(([name]) => !untouched.includes(name)))
  return { ...schema, properties }
}

function invalidObject(type: ResourceType, name: string, faults: readonly Fault[]): ApiError {
  const causes = faults.map(({ field, message }): Json => ({ reason: 'FieldValueInvalid', message, field }))
  const told = faults.map(({ field, message }) => `${field}: ${message}`)
  const all = told.length === 1 ? told[0] : `[${told.join(', ')}]`
  const message = `${type.kind}.${type.group} "${name}" is invalid: ${String(all)}`
  return new ApiError(422, 'Invalid', message, { name, group: type.group, kind: type.kind, causes, resource: qualified(type) })
}

function shape(value: Json, schema: JsonObject, path: string, root = false): Json {
  if (Array.isArray(value)) return value.map((item) => shape(item, object(schema, 'items'), path))
  if (!isObject(value)) return value
  const properties = object(schema, 'properties')
  const others = schema.additionalProperties
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true
  const result: JsonObject = {}
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (isObject(known)) {
      // A null where there is a default is as good as nothing.
      if (member !== null || known.nullable === true || known.default === undefined) put(result, name, shape(member, known, `${path}.${name}`))
    } else if (isObject(others)) put(result, name, shape(member, others, `${path}.${name}`))
    else if (open || others === true || (root && untouched.includes(name))) put(result, name, member)
  }
  for (const [name, known] of Object.entries(properties)) {
    const missing = isObject(known) && known.default !== undefined && !Object.hasOwn(result, name)
    if (missing) put(result, name, shape(known.default as Json, known, `${path}.${name}`))
  }
  return result
}

function check(value: Json, schema: JsonObject, path: string, faults: Fault[]): void {
  const fault = (message: string) => { faults.push({ field: path.replace(/^\./, '') || '<nil>', message }) }
  if (value === null && schema.nullable === true) return
  if (!hasType(value, text(schema, 'type'))) return fault(`Invalid value: ${JSON.stringify(typeName(value))}: ${path.slice(1)} in body must be of type ${text(schema, 'type')}: ${JSON.stringify(typeName(value))}`)
  const wrong = whyUnfit(value, schema)
  if (wrong !== undefined) fault(`Invalid value: ${JSON.stringify(value)}: ${path.slice(1)} in body ${wrong}`)
  const values = list(schema, 'enum')
  if (values.length > 0 && !values.some((each) => same(each, value))) {
    fault(`Unsupported value: ${JSON.stringify(value)}: supported values: ${values.map((each) => JSON.stringify(each)).join(', ')}`)
  }
  if (Array.isArray(value)) checkList(value, schema, path, faults)
  else if (isObject(value)) checkMembers(value, schema, path, faults)
}

function checkList(value: readonly Json[], schema: JsonObject, path: string, faults: Fault[]): void {
  const keys = list(schema, 'x-kubernetes-list-map-keys').map(String)
  const seen = new Set<string>()
  for (const [place, item] of value.entries()) {
    check(item, object(schema, 'items'), `${path}[${place}]`, faults)
    if (schema['x-kubernetes-list-type'] !== 'map' || !isObject(item)) continue
    const identity = JSON.stringify(keys.map((key) => item[key] ?? null))
    if (seen.has(identity)) faults.push({ field: `${path.slice(1)}[${place}]`, message: `Duplicate value: ${JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key] ?? null])))}` })
    seen.add(identity)
  }
}

function checkMembers(value: JsonObject, schema: JsonObject, path: string, faults: Fault[]): void {
  for (const name of list(schema, 'required').map(String)) {
    if (!Object.hasOwn(value, name)) faults.push({ field: `${path}.${name}`.slice(1), message: 'Required value' })
  }
  const properties = object(schema, 'properties')
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties
    if (isObject(known)) check(member, known, `${path}.${name}`, faults)
  }
}

function hasType(value: Json, type: string): boolean {
  switch (type) {
    case 'object': return isObject(value)
    case 'array': return Array.isArray(value)
    case 'integer': return Number.isInteger(value)
    case 'string':
    case 'number':
    case 'boolean': return typeof value === type
    default: return true
  }
}

function typeName(value: Json): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}

/** What a scalar, a list or an object lacks, as the API server's validator words it. */
function whyUnfit(value: Json, schema: JsonObject): string | undefined {
  const bound = (name: string) => (typeof schema[name] === 'number' ? schema[name] : undefined)
  const beyond = (size: number, least: number | undefined, most: number | undefined) => size < (least ?? 0) || size > (most ?? Infinity)
  if (typeof value === 'string') {
    if (beyond([...value].length, bound('minLength'), bound('maxLength'))) return `should be between ${bound('minLength') ?? 0} and ${bound('maxLength') ?? 'any'} chars long`
    const pattern = text(schema, 'pattern')
    if (pattern !== '' && !new RegExp(pattern, 'u').test(value)) return `should match '${pattern}'`
    return schema.format === 'date-time' && Number.isNaN(Date.parse(value)) ? 'must be of type date-time' : undefined
  }
  if (typeof value === 'number') {
    const least = bound('minimum')
    if (least !== undefined && (value < least || (value === least && schema.exclusiveMinimum === true))) return `should be greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${least}`
    return value > (bound('maximum') ?? Infinity) ? `should be less than or equal to ${String(bound('maximum'))}` : undefined
  }
  if (Array.isArray(value)) return beyond(value.length, bound('minItems'), bound('maxItems')) ? `must have between ${bound('minItems') ?? 0} and ${bound('maxItems') ?? 'any'} items` : undefined
  if (isObject(value)) return beyond(Object.keys(value).length, bound('minProperties'), bound('maxProperties')) ? `must have between ${bound('minProperties') ?? 0} and ${bound('maxProperties') ?? 'any'} properties` : undefined
  return undefined
}
