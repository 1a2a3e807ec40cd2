import type { Json, JsonObject, KubeObject } from './json.ts'
import type { ResourceType } from './resource-type.ts'

/** What a row carries besides its cells: `includeObject` of the query. */
export type Include = 'None' | 'Metadata' | 'Object'

export interface TableOptions {
  readonly type: ResourceType
  readonly include: Include
  readonly now: number
}

export function partialMetadata(object: KubeObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }
}

/** The Table of some objects; after the first event of a watch it comes without column definitions. */
export function table(objects: readonly KubeObject[], metadata: JsonObject, options: TableOptions, headers = true): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: headers ? options.type.columns.map(definition) : null,
    rows: objects.map((object) => row(object, options)),
  }
}

function definition({ name, type, priority, description }: ResourceType['columns'][number]): JsonObject {
  return { name, type, format: name === 'Name' ? 'name' : '', description, priority }
}

function row(object: KubeObject, { type, include, now }: TableOptions): JsonObject {
  return {
    cells: type.columns.map((column): Json => column.cell(object, now)),
    ...(include === 'Metadata' && { object: partialMetadata(object) }),
    ...(include === 'Object' && { object }),
  }
}
