import type { Json, JsonObject } from './json.ts'
import { isObject } from './json.ts'
import type { ResourceType } from './resource-type.ts'
import { definitions } from './schemas.ts'
import { badRequest } from './status.ts'

/** What `fieldValidation=Strict` refuses: fields that the kind does not have, all named at once. */
export function refuseUnknownFields(value: JsonObject, type: ResourceType): void {
  const unknown = type.custom
    ? unknownToSchema(value, { ...type.schema, properties: { ...type.schema?.properties as JsonObject, ...common } }, '')
    : unknownToDefinition(value, type.kind, '')
  if (unknown.length === 0) return
  const faults = unknown.map((path) => `unknown field "${path}"`).join(', ')
  throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: strict decoding error: ${faults}`)
}

const open = { 'x-kubernetes-preserve-unknown-fields': true }
const common: JsonObject = { apiVersion: open, kind: open, metadata: open }

function unknownToDefinition(value: Json, notation: string, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, place) => unknownToDefinition(item, notation.replace(/^\[|\]$/g, ''), `${path}[${place}]`))
  const fields = Object.hasOwn(definitions, notation) ? definitions[notation]?.fields : undefined
  if (fields === undefined || !isObject(value)) return []
  return Object.entries(value).flatMap(([key, member]) => {
    const inner = Object.hasOwn(fields, key) ? fields[key] : undefined
    const place = path === '' ? key : `${path}.${key}`
    return inner === undefined ? [place] : unknownToDefinition(member, inner, place)
  })
}

function unknownToSchema(value: Json, schema: Json | undefined, path: string): string[] {
  if (!isObject(schema)) return []
  if (Array.isArray(value)) return value.flatMap((item, place) => unknownToSchema(item, schema.items, `${path}[${place}]`))
  const { properties } = schema
  if (!isObject(value) || !isObject(properties) || schema['x-kubernetes-preserve-unknown-fields'] === true) return []
  return Object.entries(value).flatMap(([key, member]) => {
    const place = path === '' ? key : `${path}.${key}`
    return Object.hasOwn(properties, key) ? unknownToSchema(member, properties[key], place) : [place]
  })
}
