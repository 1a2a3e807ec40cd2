import type { JsonObject, KubeObject } from './json.ts'
import { text } from './json.ts'
import type { ResourceTypes } from './resource-type.ts'
import { conflict } from './status.ts'
import type { Target } from './target.ts'
import type { World } from './world.ts'

/** Deletion is at once, whatever the grace period; dependents are not collected, but a namespace takes all it holds along. */
export function remove(world: World, { type, name }: Target, current: KubeObject, options: JsonObject, dryRun: boolean): KubeObject {
  const uid = text(options, 'preconditions', 'uid')
  const version = text(options, 'preconditions', 'resourceVersion')
  if ((uid !== '' && uid !== current.metadata.uid) || (version !== '' && version !== current.metadata.resourceVersion)) {
    throw conflict(type, name, 'Precondition failed: the object is another than the one to be deleted')
  }
  if (dryRun) return current
  if (type.storage === 'namespaces') empty(world, current.metadata.name)
  return gone(world, type.storage, current)
}

function gone({ store, logs }: World, storage: string, object: KubeObject): KubeObject {
  if (storage === 'pods') logs.forget(object.metadata.uid)
  return store.remove(storage, object)
}

function empty(world: World, namespace: string): void {
  for (const storage of storagesOf(world.types)) {
    for (const object of world.store.list(storage, namespace)) gone(world, storage, object)
  }
}

function storagesOf(types: ResourceTypes): Set<string> {
  return new Set(types.all().filter((type) => type.namespaced).map((type) => type.storage))
}

/** Everything of one collection, when its definition goes. */
export function removeAll(world: World, storage: string): void {
  for (const object of world.store.list(storage)) gone(world, storage, object)
}

