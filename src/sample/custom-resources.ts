import { age } from './duration.ts'
import { ageColumn, nameColumn } from './columns.ts'
import { removeAll } from './deletes.ts'
import type { Json, JsonObject, KubeObject } from './json.ts'
import { at, isObject, list, object, text } from './json.ts'
import { jsonPath } from './json-path.ts'
import type { Column, ResourceType, Subresource } from './resource-type.ts'
import { everyVerb } from './resource-type.ts'
import type { Change } from './store.ts'
import type { World } from './world.ts'
import { timestamp } from './world.ts'

const definitions = 'customresourcedefinitions.apiextensions.k8s.io'

/**
 * Serves what CustomResourceDefinitions define, a moment after they are
 * written as a real API server does, and stops when they go. Runs until the
 * signal aborts.
 */
export async function serveCustomResources(world: World, signal: AbortSignal): Promise<void> {
  const timers = new Set<NodeJS.Timeout>()
  signal.addEventListener('abort', () => timers.forEach((timer) => clearTimeout(timer)))
  let position = world.store.revision
  while (!signal.aborted) {
    const changes = world.store.since(position) ?? []
    position = world.store.revision
    for (const change of changes.filter(({ storage }) => storage === definitions)) {
      const timer = setTimeout(() => {
        timers.delete(timer)
        follow(world, change)
      }, change.type === 'DELETED' ? 0 : world.crdDelay)
      timers.add(timer)
    }
    if (changes.length === 0) await world.store.changed(3_600_000, signal)
  }
}

function follow(world: World, { type, object: definition }: Change): void {
  const group = text(definition, 'spec', 'group')
  const resource = text(definition, 'spec', 'names', 'plural')
  if (type === 'DELETED') {
    removeAll(world, `${resource}.${group}`)
    world.types.replace(group, resource, [])
    return
  }
  const current = world.store.get(definitions, '', definition.metadata.name)
  if (current === undefined) return
  world.types.replace(group, resource, typesOf(current))
  if (!isEstablished(current)) world.store.put(definitions, established(current, timestamp(world)))
}

function isEstablished(definition: KubeObject): boolean {
  return list(definition, 'status', 'conditions').some((condition) => at(condition, 'type') === 'Established')
}

/** The definition as the API server leaves it once it is served. */
export function established(definition: KubeObject, now: string): KubeObject {
  const condition = (type: string, reason: string): Json => ({ type, status: 'True', reason, message: '', lastTransitionTime: now })
  const versions = list(definition, 'spec', 'versions')
  return {
    ...definition,
    status: {
      conditions: [condition('NamesAccepted', 'NoConflicts'), condition('Established', 'InitialNamesAccepted')],
      acceptedNames: object(definition, 'spec', 'names'),
      storedVersions: versions.filter((version) => at(version, 'storage') === true).map((version) => text(version, 'name')),
    },
  }
}

/** One resource type for each version that is served, the storage version first. */
export function typesOf(definition: KubeObject): ResourceType[] {
  return list(definition, 'spec', 'versions').filter(isObject)
    .filter((version) => version.served === true)
    .map((version) => typeOf(definition, version))
}

function typeOf(definition: KubeObject, version: JsonObject): ResourceType {
  const group = text(definition, 'spec', 'group')
  const names = object(definition, 'spec', 'names')
  const strings = (field: string) => list(names, field).filter((each) => typeof each === 'string')
  return {
    prefix: 'apis',
    group,
    version: text(version, 'name'),
    resource: text(names, 'plural'),
    singular: text(names, 'singular') || text(names, 'kind').toLowerCase(),
    kind: text(names, 'kind'),
    namespaced: text(definition, 'spec', 'scope') !== 'Cluster',
    verbs: everyVerb,
    shortNames: strings('shortNames'),
    categories: strings('categories'),
    subresources: subresourcesOf(names, version),
    storage: `${text(names, 'plural')}.${group}`,
    custom: true,
    createOnUpdate: false,
    columns: columnsOf(version),
    schema: object(version, 'schema', 'openAPIV3Schema'),
  }
}

function subresourcesOf(names: JsonObject, version: JsonObject): Subresource[] {
  if (at(version, 'subresources', 'status') === undefined) return []
  return [{ name: 'status', kind: text(names, 'kind'), verbs: ['get', 'patch', 'update'] }]
}

function columnsOf(version: JsonObject): Column[] {
  const declared = list(version, 'additionalPrinterColumns').map((each): Column => {
    const read = jsonPath(text(each, 'jsonPath'))
    const type = text(each, 'type')
    return {
      name: text(each, 'name'),
      type: type === 'integer' || type === 'number' || type === 'boolean' || type === 'date' ? type : 'string',
      priority: at(each, 'priority') === 1 ? 1 : 0,
      description: text(each, 'description') || `Custom resource definition column (in JSONPath format): ${text(each, 'jsonPath')}`,
      cell: (value, now) => (type === 'date' ? ageOf(read(value), now) : read(value)),
    }
  })
  return [nameColumn, ...declared.length > 0 ? declared : [ageColumn]]
}

/** What has no time yet has an empty cell. */
function ageOf(time: Json, now: number): Json {
  return typeof time === 'string' ? age(time, now) : null
}
