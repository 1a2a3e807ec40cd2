import type { FieldSet } from './field-set.ts'
import { changedFields, difference, fieldsOf, intersection, union } from './field-set.ts'
import type { Json, JsonObject, KubeObject } from './json.ts'
import { isObject, list, object, text } from './json.ts'

/** Who writes, and how. */
export interface Writer {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly subresource: string
  readonly apiVersion: string
  readonly time: string
}

export interface Managed {
  readonly writer: Writer
  readonly fields: FieldSet
}

/** Bookkeeping of the server, which nobody owns. */
const ownerless = [
  'name', 'namespace', 'uid', 'resourceVersion', 'generation', 'generateName', 'creationTimestamp',
  'deletionTimestamp', 'managedFields', 'selfLink',
]

/** What of an object can be owned. */
export function ownable(value: JsonObject): JsonObject {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = value
  const kept = Object.fromEntries(Object.entries(object(metadata)).filter(([key]) => !ownerless.includes(key)))
  return Object.keys(kept).length === 0 ? rest : { metadata: kept, ...rest }
}

export function managedOf(value: KubeObject): Managed[] {
  return list(value.metadata, 'managedFields').filter(isObject).map((entry) => ({
    writer: {
      manager: text(entry, 'manager'),
      operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
      subresource: text(entry, 'subresource'),
      apiVersion: text(entry, 'apiVersion'),
      time: text(entry, 'time'),
    },
    fields: object(entry, 'fieldsV1') as FieldSet,
  }))
}

export function sameWriter(a: Writer, b: Writer): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource
}

/** The object with its managers written down; what no longer exists is owned by nobody. */
export function withManaged(value: KubeObject, managed: readonly Managed[]): KubeObject {
  const existing = fieldsOf(ownable(value))
  const entries = managed.flatMap(({ writer, fields }) => {
    const left = Object.keys(fields).length === 0 ? undefined : intersection(fields, existing)
    return left === undefined || Object.keys(left).length === 0 ? [] : [entryOf(writer, left)]
  })
  const { managedFields: _before, ...metadata } = value.metadata
  return { ...value, metadata: { ...metadata, ...(entries.length > 0 && { managedFields: entries }) } as KubeObject['metadata'] }
}

function entryOf({ manager, operation, subresource, apiVersion, time }: Writer, fields: FieldSet): Json {
  return { manager, operation, apiVersion, time, fieldsType: 'FieldsV1', fieldsV1: fields, ...(subresource && { subresource }) }
}

/** After an update the writer owns what it changed, and nobody else does. */
export function updateManaged(before: KubeObject | undefined, after: KubeObject, writer: Writer): KubeObject {
  const changed = changedFields(before && ownable(before), ownable(after))
  const managed = managedOf(after)
  if (changed === undefined) return withManaged(after, managed)
  const others = managed.filter((each) => !sameWriter(each.writer, writer))
    .map((each) => ({ ...each, fields: difference(each.fields, changed) ?? {} }))
  const own = managed.find((each) => sameWriter(each.writer, writer))
  return withManaged(after, [...others, { writer, fields: union(own?.fields ?? {}, changed) }])
}
