import type { Json, JsonObject } from './json.ts'
import { isObject, same } from './json.ts'
import { itemName, mergeKeysOf } from './merge-keys.ts'

/** The form of `fieldsV1`: `f:` before a field, `k:` before an item of a keyed list, `.` for the item itself. */
export interface FieldSet {
  [key: string]: FieldSet
}

type Child = readonly [name: string, value: Json]

function childrenOf(value: Json, field: string): readonly Child[] | undefined {
  if (isObject(value)) {
    const entries = Object.entries(value)
    return entries.length === 0 ? undefined : entries.map(([key, member]) => [`f:${key}`, member])
  }
  if (!Array.isArray(value)) return undefined
  const keys = mergeKeysOf(field, value)
  return keys && value.map((item) => [itemName(item, keys), item])
}

const fieldOf = (name: string) => (name.startsWith('f:') ? name.slice(2) : '')

/** Every leaf of a value. */
export function fieldsOf(value: Json, name = ''): FieldSet {
  const set: FieldSet = name.startsWith('k:') ? { '.': {} } : {}
  for (const [child, member] of childrenOf(value, fieldOf(name)) ?? []) set[child] = fieldsOf(member, child)
  return set
}

/** Every leaf of a value that is not the same in another. */
export function changedFields(before: Json | undefined, after: Json, name = ''): FieldSet | undefined {
  if (same(before, after)) return undefined
  const children = childrenOf(after, fieldOf(name))
  if (children === undefined) return {}
  const earlier = new Map(before === undefined ? [] : childrenOf(before, fieldOf(name)) ?? [])
  const set: FieldSet = name.startsWith('k:') && before === undefined ? { '.': {} } : {}
  for (const [child, member] of children) {
    const changed = changedFields(earlier.get(child), member, child)
    if (changed !== undefined) set[child] = changed
  }
  return Object.keys(set).length === 0 ? undefined : set
}

const isLeaf = (set: FieldSet) => Object.keys(set).length === 0

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result = { ...a }
  for (const [key, set] of Object.entries(b)) result[key] = union(result[key] ?? {}, set)
  return result
}

/** The leaves of `a` that are leaves of, or lie under leaves of, `b`. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (isLeaf(a) || isLeaf(b)) return a
  return filtered(a, (key, set) => b[key] && intersection(set, b[key]))
}

/** The leaves of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (isLeaf(a) || isLeaf(b)) return undefined
  return filtered(a, (key, set) => (b[key] === undefined ? set : difference(set, b[key])))
}

function filtered(a: FieldSet, keep: (key: string, set: FieldSet) => FieldSet | undefined): FieldSet | undefined {
  const result: FieldSet = {}
  for (const [key, set] of Object.entries(a)) {
    const kept = keep(key, set)
    if (kept !== undefined) result[key] = kept
  }
  return isLeaf(result) ? undefined : result
}

/** A value without the leaves of a set; what is emptied by that goes too. */
export function without(value: Json, set: FieldSet, name = ''): Json | undefined {
  if (isLeaf(set)) return undefined
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, member]): [string, Json | undefined] =>
      [key, set[`f:${key}`] ? without(member, set[`f:${key}`] ?? {}, `f:${key}`) : member])
    const kept = entries.filter((entry): entry is [string, Json] => entry[1] !== undefined)
    return kept.length === 0 ? undefined : Object.fromEntries(kept) satisfies JsonObject
  }
  const keys = Array.isArray(value) ? mergeKeysOf(fieldOf(name), value) : undefined
  if (!Array.isArray(value) || keys === undefined) return value
  const kept = value.filter((item) => set[itemName(item, keys)]?.['.'] === undefined)
  return kept.length === 0 ? undefined : kept.map((item) => {
    const inner = set[itemName(item, keys)]
    return inner === undefined ? item : without(item, inner, itemName(item, keys)) ?? item
  })
}

/** Leaves as dotted paths, for messages. */
export function paths(set: FieldSet, prefix = ''): string[] {
  return Object.entries(set).filter(([key]) => key !== '.').flatMap(([key, inner]) => {
    const path = key.startsWith('f:') ? `${prefix}.${key.slice(2)}` : `${prefix}[${key.slice(2).replace(/^\{|\}$/g, '').replaceAll('"', '').replaceAll(':', '=')}]`
    const deeper = paths(inner, path)
    return deeper.length === 0 ? [path] : deeper
  })
}
