import type { Json, JsonObject, KubeObject } from './json.ts'

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch'

export interface Subresource {
  readonly name: string
  readonly kind: string
  /** Where the kind of the subresource is not of the resource's own group and version. */
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
}

/** A column of the Table that `kubectl get` prints. Priority 1 is shown by `-o wide` alone. */
export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date' | 'number' | 'boolean'
  readonly priority: 0 | 1
  readonly description: string
  cell(object: KubeObject, now: number): Json
}

/** One resource as it is served under one group and version. */
export interface ResourceType {
  readonly prefix: 'api' | 'apis' | 'oapi'
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly singular: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly Verb[]
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly subresources: readonly Subresource[]
  /** The collection of the store it reads: projects are namespaces seen differently. */
  readonly storage: string
  /** Served because of a CustomResourceDefinition. */
  readonly custom: boolean
  readonly createOnUpdate: boolean
  readonly columns: readonly Column[]
  /** The schema of a custom resource; the built-in ones are in `schemas.ts`. */
  readonly schema: JsonObject | undefined
}

export const everyVerb: readonly Verb[] =
  ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

export function groupVersion(type: { readonly group: string; readonly version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`
}

/** The resources served now. It changes when a CustomResourceDefinition comes or goes. */
export class ResourceTypes {
  #types: readonly ResourceType[]
  #edition = 0

  constructor(types: readonly ResourceType[]) {
    this.#types = types
  }

  /** Grows with every change, so that documents made from the list can be kept until then. */
  get edition(): number {
    return this.#edition
  }

  all(): readonly ResourceType[] {
    return this.#types
  }

  find(prefix: string, group: string, version: string, resource: string): ResourceType | undefined {
    return this.#types.find((type) =>
      type.prefix === prefix && type.group === group && type.version === version && type.resource === resource)
  }

  /** Puts the versions of one resource in the place of what was served of it before. */
  replace(group: string, resource: string, types: readonly ResourceType[]): void {
    this.#types = [...this.#types.filter((type) => type.group !== group || type.resource !== resource), ...types]
    this.#edition += 1
  }
}
