import { parse } from 'yaml'
import type { Call } from './answer.ts'
import type { Json, JsonObject } from './json.ts'
import { isObject } from './json.ts'
import { objectOf } from './protobuf-kinds.ts'
import { badRequest, unsupportedMediaType } from './status.ts'

type Syntax = 'json' | 'yaml' | 'protobuf'

const syntaxes: Readonly<Record<string, Syntax>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
}

export function mediaType({ headers }: Call): string {
  return (headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** The body as data, whichever of its syntaxes it is in. */
export function decoded({ body }: Call, syntax: Syntax): Json {
  try {
    if (syntax === 'protobuf') return objectOf(body)
    return syntax === 'json' ? JSON.parse(body.toString()) as Json : parse(body.toString(), { maxAliasCount: 100 }) as Json
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : 'it cannot be parsed'}`)
  }
}

/** The object in the body of a create, an update or a review. */
export function objectBody(call: Call): JsonObject {
  const type = mediaType(call)
  const syntax = Object.hasOwn(syntaxes, type) ? syntaxes[type] : undefined
  if (syntax === undefined) throw unsupportedMediaType(Object.keys(syntaxes))
  const value = decoded(call, syntax)
  if (!isObject(value)) throw badRequest('the object provided is unrecognized: it is no object')
  return value
}

/** DeleteOptions, which may be left out. */
export function optionsBody(call: Call): JsonObject {
  return call.body.length === 0 ? {} : objectBody(call)
}
