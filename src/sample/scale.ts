import type { Answer, Call } from './answer.ts'
import { json } from './answer.ts'
import { objectBody } from './body.ts'
import type { Json, JsonObject, KubeObject } from './json.ts'
import { at, namespaceOf, object } from './json.ts'
import { patchOf } from './patches.ts'
import { read } from './reads.ts'
import { invalid, methodNotAllowed } from './status.ts'
import type { Target } from './target.ts'
import type { World } from './world.ts'
import type { WriteOptions } from './writes.ts'
import { update } from './writes.ts'

/** The scale of a deployment: get, update and patch of how many replicas it should have. */
export function scaleAnswer(world: World, call: Call, target: Target, options: WriteOptions): Answer {
  switch (call.method) {
    case 'GET':
      return json(200, scaleOf(read(world, target)))
    case 'PUT':
      return rescaled(world, target, options, () => objectBody(call))
    case 'PATCH':
      return rescaled(world, target, options, patchOf(call, true))
    default:
      throw methodNotAllowed()
  }
}

function rescaled(world: World, target: Target, options: WriteOptions, change: (scale: Json) => Json): Answer {
  const stored = update(world, target, options, (current) => {
    const wanted = change(scaleOf(current))
    const replicas = at(wanted, 'spec', 'replicas') ?? 0
    if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
      throw invalid(target.type, target.name, 'spec.replicas', 'Invalid value: must be greater than or equal to 0')
    }
    const { resourceVersion = '' } = object(wanted, 'metadata')
    return { ...current, metadata: { ...current.metadata, resourceVersion: String(resourceVersion) }, spec: { ...object(current, 'spec'), replicas } }
  })
  return json(200, scaleOf(stored))
}

function scaleOf(deployment: KubeObject): JsonObject {
  const { name, uid, resourceVersion, creationTimestamp } = deployment.metadata
  const labels = Object.entries(object(deployment, 'spec', 'selector', 'matchLabels'))
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace: namespaceOf(deployment), uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(deployment, 'spec', 'replicas') ?? 0 },
    status: {
      replicas: at(deployment, 'status', 'replicas') ?? 0,
      selector: labels.map(([key, value]) => `${key}=${String(value)}`).join(','),
    },
  }
}
