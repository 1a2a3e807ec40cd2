import type { Call } from './answer.ts'
import { applied } from './apply.ts'
import { decoded, mediaType } from './body.ts'
import type { Json, JsonObject, KubeObject } from './json.ts'
import { isObject, object } from './json.ts'
import { jsonPatch } from './patch-json.ts'
import { mergePatch } from './patch-merge.ts'
import { strategicMergePatch } from './patch-strategic.ts'
import { ApiError, badRequest, notFound, unsupportedMediaType } from './status.ts'
import type { Target } from './target.ts'
import { shown } from './views.ts'
import type { World } from './world.ts'
import type { WriteOptions } from './writes.ts'
import { checkBody, create, update } from './writes.ts'

const strategic = 'application/strategic-merge-patch+json'
const apply = 'application/apply-patch+yaml'

/** The patch in a body, as a function of what it changes. */
export function patchOf(call: Call, custom: boolean): (before: Json) => Json {
  switch (mediaType(call)) {
    case 'application/json-patch+json':
      return (before) => jsonPatch(before, decoded(call, 'json'))
    case 'application/merge-patch+json':
      return (before) => mergePatch(before, decoded(call, 'json'))
    case strategic:
      if (!custom) return (before) => strategicMergePatch(before, decoded(call, 'json'))
      break
  }
  throw unsupportedMediaType(['application/json-patch+json', 'application/merge-patch+json', ...(custom ? [] : [strategic]), apply])
}

interface Patched {
  readonly object: KubeObject
  readonly created: boolean
}

export function patch(world: World, call: Call, target: Target, options: WriteOptions): Patched {
  if (mediaType(call) === apply) return applyPatch(world, call, target, options)
  const change = patchOf(call, target.type.custom)
  const object = update(world, target, options, (current) => {
    const result = change(shown(target.type, current))
    if (!isObject(result) || !isObject(result.metadata)) throw badRequest('the patch leaves no object')
    checkBody(result, target, options)
    return result as KubeObject
  })
  return { object, created: false }
}

function applyPatch(world: World, call: Call, target: Target, options: WriteOptions): Patched {
  const configuration = decoded(call, 'yaml')
  if (!isObject(configuration)) throw badRequest('the configuration to apply is no object')
  if (!call.query.get('fieldManager')) throw required('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch')
  if (object(configuration, 'metadata').managedFields !== undefined) throw badRequest('metadata.managedFields must be nil')
  checkBody(configuration, target, options)
  const { type, namespace, name, subresource } = target
  const writer = { ...options.writer, operation: 'Apply' as const }
  const force = call.query.get('force') === 'true'
  if (world.store.get(type.storage, namespace, name) !== undefined) {
    const merged = (current: KubeObject) => applied(versioned(current, configuration), configuration, writer, force)
    // Apply keeps its own books: nothing is to be added to them.
    return { object: update(world, target, options, merged, (_before, after) => after), created: false }
  }
  if (subresource !== '') throw notFound(type, name)
  const made = create(world, target, configuration, options, (_before, fresh) => applied(fresh, configuration, writer, true))
  return { object: made, created: true }
}

/** A resourceVersion in the configuration is a precondition. */
function versioned(current: KubeObject, configuration: JsonObject): KubeObject {
  const { resourceVersion } = object(configuration, 'metadata')
  return resourceVersion === undefined ? current : { ...current, metadata: { ...current.metadata, resourceVersion: String(resourceVersion) } }
}

function required(message: string): ApiError {
  return new ApiError(422, 'Invalid', message, {})
}
