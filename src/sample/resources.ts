import type { Answer, Call } from './answer.ts'
import { json, pageNotFound } from './answer.ts'
import { objectBody, optionsBody } from './body.ts'
import { remove } from './deletes.ts'
import type { JsonObject, KubeObject } from './json.ts'
import { list, object } from './json.ts'
import { patch } from './patches.ts'
import { logAnswer } from './pod-log.ts'
import { listAnswer, matcher, objectAnswer, read } from './reads.ts'
import type { Verb } from './resource-type.ts'
import { groupVersion } from './resource-type.ts'
import { reviewAnswer } from './reviews.ts'
import { scaleAnswer } from './scale.ts'
import { badRequest, deleted, methodNotAllowed } from './status.ts'
import type { Target } from './target.ts'
import { readTarget } from './target.ts'
import { listed } from './views.ts'
import { watchAnswer } from './watch.ts'
import type { World } from './world.ts'
import { timestamp } from './world.ts'
import type { WriteOptions } from './writes.ts'
import { checkBody, create, update } from './writes.ts'

/** Answers a request for a resource. */
export function resourceAnswer(world: World, call: Call): Answer {
  const target = readTarget(call.path, world.types)
  if (target === undefined) return pageNotFound
  const review = reviewAnswer(call, target)
  if (review !== undefined) return review
  if (target.subresource !== '') return subresourceAnswer(world, call, target)
  const verb = verbOf(call, target)
  if (verb === undefined || !target.type.verbs.includes(verb)) throw methodNotAllowed()
  return verbs[verb](world, call, target)
}

function verbOf({ method, query }: Call, { name, watch }: Target): Verb | undefined {
  switch (method) {
    case 'GET':
      if (watch || (/^(1|t|true)$/i.test(query.get('watch') ?? '') && name === '')) return 'watch'
      return name === '' ? 'list' : 'get'
    case 'POST':
      return name === '' ? 'create' : undefined
    case 'PUT':
      return name === '' ? undefined : 'update'
    case 'PATCH':
      return name === '' ? undefined : 'patch'
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete'
    default:
      return undefined
  }
}

type Handler = (world: World, call: Call, target: Target) => Answer

const verbs: Readonly<Record<Verb, Handler>> = {
  get: (world, call, target) => objectAnswer(world, call, target, read(world, target)),
  list: listAnswer,
  watch: watchAnswer,
  create: (world, call, target) => {
    const body = target.type.kind === 'ProjectRequest' ? requested(objectBody(call)) : objectBody(call)
    const made = target.type.kind === 'ProjectRequest' ? projectTarget(world, target) : target
    return objectAnswer(world, call, made, create(world, made, body, writeOptions(world, call, made)), 201)
  },
  update: replace,
  patch: (world, call, target) => {
    const { object: stored, created } = patch(world, call, target, writeOptions(world, call, target))
    return objectAnswer(world, call, target, stored, created ? 201 : 200)
  },
  delete: (world, call, target) => {
    const removed = remove(world, target, read(world, target), optionsBody(call), isDryRun(call))
    return json(200, deleted(target.type, target.name, removed.metadata.uid))
  },
  deletecollection: (world, call, target) => {
    const matches = matcher(call, target)
    const matching = world.store.list(target.type.storage, target.namespace).filter(matches)
    const items = matching.map((each) => listed(target.type, remove(world, target, each, {}, isDryRun(call))))
    const metadata = { resourceVersion: String(world.store.revision) }
    return json(200, { kind: `${target.type.kind}List`, apiVersion: groupVersion(target.type), metadata, items })
  },
}

/** A project request names the namespace to make. */
function requested(body: JsonObject): JsonObject {
  const { displayName = '', description = '' } = body
  const annotations = {
    ...object(body, 'metadata', 'annotations'),
    'openshift.io/display-name': displayName,
    'openshift.io/description': description,
  }
  return { metadata: { ...object(body, 'metadata'), annotations } }
}

function projectTarget(world: World, target: Target): Target {
  const { prefix, group, version } = target.type
  return { ...target, type: world.types.find(prefix, group, version, 'projects') ?? target.type }
}

function replace(world: World, call: Call, target: Target): Answer {
  const body = objectBody(call)
  const options = writeOptions(world, call, target)
  const { type, namespace, name, subresource } = target
  if (type.createOnUpdate && subresource === '' && world.store.get(type.storage, namespace, name) === undefined) {
    return objectAnswer(world, call, target, create(world, target, body, options), 201)
  }
  checkBody(body, target, options)
  const stored = update(world, target, options, (current) => {
    const metadata = { ...object(body, 'metadata'), name, namespace: object(body, 'metadata').namespace ?? namespace }
    return { ...body, metadata: { ...metadata, creationTimestamp: current.metadata.creationTimestamp } as unknown as KubeObject['metadata'] }
  })
  return objectAnswer(world, call, target, stored)
}

function subresourceAnswer(world: World, call: Call, target: Target): Answer {
  switch (target.subresource) {
    case 'log':
      if (call.method !== 'GET') throw methodNotAllowed()
      return logAnswer(world, call, target)
    case 'scale':
      return scaleAnswer(world, call, target, writeOptions(world, call, target))
    case 'status':
      if (call.method === 'GET') return objectAnswer(world, call, target, read(world, target))
      if (call.method === 'PUT') return replace(world, call, target)
      if (call.method === 'PATCH') return verbs.patch(world, call, target)
      throw methodNotAllowed()
    default:
      // exec, which is served on upgraded connections alone.
      throw badRequest('Upgrade request required')
  }
}

function isDryRun(call: Call): boolean {
  const asked = [...call.query.getAll('dryRun'), ...(call.method === 'DELETE' ? list(optionsBody(call), 'dryRun').map(String) : [])]
  if (asked.some((each) => each !== 'All')) throw badRequest(`invalid dryRun: ${asked.join(', ')}`)
  return asked.length > 0
}

function writeOptions(world: World, call: Call, { type, subresource }: Target): WriteOptions {
  const manager = call.query.get('fieldManager') ?? (call.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown'
  const writer = { manager, operation: 'Update' as const, subresource, apiVersion: groupVersion(type), time: timestamp(world) }
  return { writer, dryRun: isDryRun(call), strict: call.query.get('fieldValidation') === 'Strict' }
}
