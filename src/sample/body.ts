import { parse } from 'yaml'
import type { Call } from './answer.ts'
import type { Json, JsonObject } from './json.ts'
import { isObject } from './json.ts'
import { badRequest, unsupportedMediaType } from './status.ts'

export function mediaType({ headers }: Call): string {
  return (headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? ''
}

/** The body as data, whichever of its syntaxes it is in. */
export function decoded(call: Call, syntax: 'json' | 'yaml'): Json {
  const text = call.body.toString('utf8')
  try {
    return syntax === 'json' ? JSON.parse(text) as Json : parse(text, { maxAliasCount: 100 }) as Json
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : 'it cannot be parsed'}`)
  }
}

/** The object in the body of a create or an update. Protobuf is not read here: clients that offer it also know JSON. */
export function objectBody(call: Call): JsonObject {
  const type = mediaType(call)
  if (type !== 'application/json' && type !== 'application/yaml') throw unsupportedMediaType(['application/json', 'application/yaml'])
  const value = decoded(call, type === 'application/yaml' ? 'yaml' : 'json')
  if (!isObject(value)) throw badRequest('the object provided is unrecognized: it is no object')
  return value
}

/** DeleteOptions, which may be left out. */
export function optionsBody(call: Call): JsonObject {
  return call.body.length === 0 ? {} : objectBody(call)
}
