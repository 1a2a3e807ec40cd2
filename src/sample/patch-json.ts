import type { Json } from './json.ts'
import { isObject, put, same } from './json.ts'
import { ApiError, badRequest } from './status.ts'

/** RFC 6902. The document is not changed: a changed copy is returned. */
export function jsonPatch(document: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations')
  if (patch.length > 10_000) throw new ApiError(413, 'RequestEntityTooLarge', 'The allowed maximum operations in a JSON patch is 10000')
  return patch.reduce((result, operation) => applied(result, operation), structuredClone(document))
}

function applied(document: Json, operation: Json): Json {
  if (!isObject(operation)) throw badRequest('an operation of a JSON patch is an object')
  const path = pointer(operation.path)
  switch (operation.op) {
    case 'add':
      return add(document, path, given(operation.value))
    case 'remove':
      return remove(document, path)
    case 'replace':
      return add(path.length === 0 ? document : remove(document, path), path, given(operation.value))
    case 'move': {
      const from = pointer(operation.from)
      const value = find(document, from)
      return add(remove(document, from), path, value)
    }
    case 'copy':
      return add(document, path, structuredClone(find(document, pointer(operation.from))))
    case 'test':
      if (same(find(document, path), given(operation.value))) return document
      throw rejected(`testing path ${String(operation.path)} failed`)
    default:
      throw badRequest(`unexpected kind of JSON patch operation: ${JSON.stringify(operation.op ?? null)}`)
  }
}

function rejected(why: string): ApiError {
  return new ApiError(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`, {})
}

function given(value: Json | undefined): Json {
  if (value === undefined) throw badRequest('the JSON patch operation lacks a value')
  return value
}

/** RFC 6901. */
function pointer(path: Json | undefined): string[] {
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) throw badRequest('the JSON patch operation has no valid path')
  return path.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function find(document: Json, path: readonly string[]): Json {
  let current = document
  for (const key of path) {
    const next = Array.isArray(current) ? current[index(key, current.length - 1)]
      : isObject(current) && Object.hasOwn(current, key) ? current[key] : undefined
    if (next === undefined) throw rejected(`there is nothing at /${path.join('/')}`)
    current = next
  }
  return current
}

function index(key: string, last: number): number {
  const value = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : Number.NaN
  if (!(value <= last)) throw rejected(`index out of bounds: ${key}`)
  return value
}

function add(document: Json, path: readonly string[], value: Json): Json {
  const key = path.at(-1)
  if (key === undefined) return value
  const parent = find(document, path.slice(0, -1))
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : index(key, parent.length), 0, value)
  else if (isObject(parent)) put(parent, key, value)
  else throw rejected(`there is nothing to add to at /${path.slice(0, -1).join('/')}`)
  return document
}

function remove(document: Json, path: readonly string[]): Json {
  const key = path.at(-1)
  if (key === undefined) throw rejected('the whole document cannot be removed')
  find(document, path)
  const parent = find(document, path.slice(0, -1))
  if (Array.isArray(parent)) parent.splice(Number(key), 1)
  else if (isObject(parent)) delete parent[key]
  return document
}
