import type { Json, JsonObject } from './json.ts'
import { isObject, list, put, same } from './json.ts'
import { mergeKeysOf } from './merge-keys.ts'
import { badRequest } from './status.ts'

/**
 * Kubernetes' strategic merge patch: a merge patch whose keyed lists are
 * merged item by item, with the directives `$patch`, `$retainKeys`,
 * `$deleteFromPrimitiveList/` and `$setElementOrder/`.
 */
export function strategicMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  if (patch.$patch === 'replace') return withoutDirectives(patch)
  const result = retained(isObject(target) ? { ...target } : {}, patch)
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue
    if (value === null) delete result[key]
    else put(result, key, mergedMember(key, Object.hasOwn(result, key) ? result[key] : undefined, value, patch))
  }
  for (const key of Object.keys(patch).filter((each) => each.startsWith('$deleteFromPrimitiveList/'))) {
    const field = key.slice('$deleteFromPrimitiveList/'.length)
    const gone = list(patch, key)
    put(result, field, list(result, field).filter((item) => !gone.some((each) => same(each, item))))
  }
  return result
}

function mergedMember(key: string, before: Json | undefined, value: Json, patch: JsonObject): Json {
  if (!Array.isArray(value)) return strategicMergePatch(before, value)
  return ordered(key, mergedList(key, Array.isArray(before) ? before : [], value), list(patch, `$setElementOrder/${key}`))
}

function retained(target: JsonObject, patch: JsonObject): JsonObject {
  const keep = list(patch, '$retainKeys')
  if (keep.length === 0) return target
  return Object.fromEntries(Object.entries(target).filter(([key]) => keep.includes(key)))
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith('$')))
}

function mergedList(field: string, before: readonly Json[], items: readonly Json[]): Json[] {
  const isReplace = (item: Json) => isObject(item) && item.$patch === 'replace' && Object.keys(item).length === 1
  if (items.some(isReplace)) return items.filter((item) => !isReplace(item))
  const key = mergeKeysOf(field, [...before, ...items])?.[0]
  if (key === undefined) return mergedPlain(field, before, items)
  const result = [...before]
  for (const item of items.filter(isObject)) {
    const place = result.findIndex((each) => isObject(each) && same(each[key], item[key]))
    if (item.$patch === 'delete') {
      if (place >= 0) result.splice(place, 1)
    } else if (place >= 0) result[place] = strategicMergePatch(result[place], item)
    else result.push(strategicMergePatch({}, item))
  }
  return result
}

/** Finalizers are a set; other lists without a key are replaced. */
function mergedPlain(field: string, before: readonly Json[], items: readonly Json[]): Json[] {
  if (items.some((item) => isObject(item) && item.$patch !== undefined)) throw badRequest(`the list ${field} has no merge key`)
  return field === 'finalizers' ? [...new Set([...before, ...items])] : [...items]
}

function ordered(field: string, items: Json[], order: readonly Json[]): Json[] {
  const key = mergeKeysOf(field, items)?.[0]
  if (order.length === 0) return items
  const rank = (item: Json) => order.findIndex((each) =>
    key !== undefined && isObject(each) && isObject(item) ? same(each[key], item[key]) : same(each, item))
  const named = items.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b))
  // Items that the order does not name stay where they were among the others.
  return items.map((item) => (rank(item) >= 0 ? named.shift() ?? item : item))
}
