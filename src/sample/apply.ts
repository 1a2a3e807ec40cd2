import type { FieldSet } from './field-set.ts'
import { changedFields, difference, fieldsOf, intersection, paths, union, without } from './field-set.ts'
import type { Json, JsonObject, KubeObject } from './json.ts'
import { isObject, object, put } from './json.ts'
import type { Managed, Writer } from './managed-fields.ts'
import { managedOf, ownable, sameWriter, withManaged } from './managed-fields.ts'
import { itemName, mergeKeysOf } from './merge-keys.ts'
import { ApiError } from './status.ts'

/**
 * Server-side apply: the configuration is merged in; what this manager
 * applied before and leaves out now goes, unless another owns it too; a value
 * that another manager owns and that would change is a conflict, or with
 * force changes hands.
 */
export function applied(current: KubeObject, configuration: JsonObject, writer: Writer, force: boolean): KubeObject {
  const wanted = ownable(configuration)
  const fields = fieldsOf(wanted)
  const annotated = withLastApplied(current, configuration, writer)
  const managed = managedOf(current)
  const others = managed.filter((each) => !sameWriter(each.writer, writer))
  const before = ownable(annotated)
  const merged = merge(before, wanted) as JsonObject
  const changed = changedFields(before, merged)
  const left = changed === undefined ? others : takenFrom(others, changed, force)
  const earlier = managed.find((each) => sameWriter(each.writer, writer))?.fields
  const result = restored(annotated, withoutAbandoned(merged, earlier, fields, left))
  return withManaged(result, [...left, { writer, fields }])
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Where client-side apply left its annotation, the API server keeps it in step when kubectl goes over to this kind. */
function withLastApplied(current: KubeObject, configuration: JsonObject, { manager }: Writer): KubeObject {
  const annotations = object(current.metadata, 'annotations')
  if (manager !== 'kubectl' || annotations[lastApplied] === undefined) return current
  const written = `${JSON.stringify(sortedMembers(configuration))}\n`
  return { ...current, metadata: { ...current.metadata, annotations: { ...annotations, [lastApplied]: written } } }
}

function sortedMembers(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortedMembers)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sortedMembers(value[key] ?? null)]))
}

function takenFrom(others: readonly Managed[], changed: FieldSet, force: boolean): Managed[] {
  const clashes = others.map(({ writer, fields }) => ({ writer, fields: intersection(fields, changed) ?? {} }))
    .filter(({ fields }) => paths(fields).length > 0)
  if (clashes.length > 0 && !force) throw conflictOf(clashes)
  return others.map((each) => ({ ...each, fields: difference(each.fields, changed) ?? {} }))
}

function conflictOf(clashes: readonly { writer: Writer; fields: FieldSet }[]): ApiError {
  const causes = clashes.flatMap(({ writer, fields }) => paths(fields).map((field): Json =>
    ({ reason: 'FieldManagerConflict', message: `conflict with "${writer.manager}" using ${writer.apiVersion}`, field })))
  const each = causes.map((cause) => `${String(object(cause).message)}: ${String(object(cause).field)}`)
  const message = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${each.join('\n')}`
  return new ApiError(409, 'Conflict', message, { causes })
}

function withoutAbandoned(merged: JsonObject, before: FieldSet | undefined, now: FieldSet, others: readonly Managed[]): JsonObject {
  const kept = others.reduce((all, { fields }) => union(all, fields), now)
  const abandoned = before && difference(before, kept)
  return abandoned === undefined ? merged : object(without(merged, abandoned))
}

/** Puts the server's own bookkeeping back around what was applied. */
function restored(current: KubeObject, content: JsonObject): KubeObject {
  const { labels: _labels, annotations: _annotations, finalizers: _finalizers, ownerReferences: _owners, ...metadata } = current.metadata
  return { ...content, metadata: { ...metadata, ...object(content, 'metadata') } as KubeObject['metadata'] }
}

function merge(current: Json | undefined, wanted: Json, field = ''): Json {
  if (isObject(wanted)) {
    const result = isObject(current) ? { ...current } : {}
    for (const [key, value] of Object.entries(wanted)) put(result, key, merge(Object.hasOwn(result, key) ? result[key] : undefined, value, key))
    return result
  }
  if (!Array.isArray(wanted) || !Array.isArray(current)) return wanted
  const keys = mergeKeysOf(field, [...current, ...wanted])
  if (keys === undefined) return wanted
  const names = wanted.map((item) => itemName(item, keys))
  const updated = current.map((item) => {
    const place = names.indexOf(itemName(item, keys))
    return place < 0 ? item : merge(item, wanted[place] ?? item)
  })
  const known = new Set(current.map((item) => itemName(item, keys)))
  return [...updated, ...wanted.filter((_, place) => !known.has(names[place] ?? ''))]
}
