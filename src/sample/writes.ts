import { randomBytes, randomUUID } from 'node:crypto'
import { settled } from './controllers.ts'
import type { JsonObject, KubeObject } from './json.ts'
import { at, namespaceOf, object, same, text } from './json.ts'
import type { Writer } from './managed-fields.ts'
import { updateManaged } from './managed-fields.ts'
import { groupVersion } from './resource-type.ts'
import { alreadyExists, ApiError, badRequest, conflict, invalid, notFound } from './status.ts'
import type { Target } from './target.ts'
import { structured } from './structural.ts'
import { refuseUnknownFields } from './validation.ts'
import type { World } from './world.ts'
import { timestamp } from './world.ts'

export interface WriteOptions {
  readonly writer: Writer
  readonly dryRun: boolean
  /** Unknown fields are refused. */
  readonly strict: boolean
}

const nameForm = /^[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?$/

/** Checks that a body is an object of the target's kind and in its namespace. */
export function checkBody(value: JsonObject, { type, namespace, name }: Target, { strict }: Pick<WriteOptions, 'strict'>): void {
  const expected = groupVersion(type)
  const { apiVersion = expected, kind = type.kind } = value
  if (apiVersion !== expected || kind !== type.kind) {
    throw badRequest(`the object provided is unrecognized: expected ${expected} ${type.kind}, got ${String(apiVersion)} ${String(kind)}`)
  }
  const given = text(value, 'metadata', 'namespace')
  if (given !== '' && given !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  const named = text(value, 'metadata', 'name')
  if (name !== '' && named !== '' && named !== name) {
    throw badRequest(`the name of the object (${named}) does not match the name on the URL (${name})`)
  }
  if (strict) refuseUnknownFields(value, type)
}

/** Stores a new object and returns it; with dryRun, what would have been stored. */
export function create(world: World, target: Target, body: JsonObject, options: WriteOptions, managed = updateManaged): KubeObject {
  const { type, namespace } = target
  checkBody(body, target, options)
  const name = target.name || newName(body, target)
  if (!nameForm.test(name)) throw invalid(type, name, 'metadata.name', 'Invalid value: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \'-\' or \'.\'')
  if (text(body, 'metadata', 'resourceVersion') !== '') throw badRequest('resourceVersion should not be set on objects to be created')
  if (type.namespaced && world.store.get('namespaces', '', namespace) === undefined) throw noSuchNamespace(namespace)
  if (world.store.get(type.storage, namespace, name) !== undefined) throw alreadyExists(type, name)
  const now = timestamp(world)
  const fresh = structured(type, settled(type, newObject(body, target, name, now), { now, creating: true }))
  validate(fresh, target)
  return commit(world, target, managed(undefined, fresh, options.writer), options)
}

function noSuchNamespace(namespace: string): ApiError {
  return new ApiError(404, 'NotFound', `namespaces "${namespace}" not found`, { name: namespace, kind: 'namespaces' })
}

function newName(body: JsonObject, { type }: Target): string {
  const name = text(body, 'metadata', 'name')
  const prefix = text(body, 'metadata', 'generateName')
  if (name === '' && prefix === '') throw invalid(type, '', 'metadata.name', 'Required value: name or generateName is required')
  return name || `${prefix}${randomBytes(3).toString('hex').slice(0, 5)}`
}

function newObject(body: JsonObject, { type, namespace }: Target, name: string, now: string): KubeObject {
  const { kind: _kind, apiVersion: _apiVersion, metadata: given, ...content } = body
  const { managedFields: _managed, ...metadata } = object(given)
  const hasSpec = content.spec !== undefined
  return {
    metadata: {
      ...metadata,
      name,
      ...(namespace !== '' && { namespace }),
      uid: randomUUID(),
      resourceVersion: '',
      ...((hasSpec || type.custom) && { generation: 1 }),
      creationTimestamp: now,
    },
    ...content,
  }
}

/** The least a kind must have, so that a mistake shows as it would on a real cluster. */
function validate(value: KubeObject, { type }: Target): void {
  const required: Readonly<Record<string, readonly string[]>> = {
    pods: ['spec', 'containers'],
    'deployments.apps': ['spec', 'template', 'spec', 'containers'],
  }
  const path = required[type.storage]
  const found = at(value, ...path ?? [])
  if (path !== undefined && !(Array.isArray(found) && found.length > 0)) {
    throw invalid(type, value.metadata.name, path.join('.'), 'Required value')
  }
}

/**
 * Replaces an object by what `change` makes of it. Status and the rest are
 * written apart: each leaves the other as it was.
 */
export function update(
  world: World, target: Target, options: WriteOptions, change: (current: KubeObject) => KubeObject, managed = updateManaged,
): KubeObject {
  const { type, namespace, name } = target
  const current = world.store.get(type.storage, namespace, name)
  if (current === undefined) throw notFound(type, name)
  const wanted = change(current)
  checkPreconditions(current, wanted, target)
  const next = structured(type, kept(current, wanted, target))
  const raised = same(next.spec, current.spec) || type.storage === 'namespaces' ? next : nextGeneration(next)
  const calm = target.subresource === 'status' ? raised : settled(type, raised, { now: timestamp(world), creating: false })
  validate(calm, target)
  const result = managed(current, calm, options.writer)
  return same(content(result), content(current)) ? current : commit(world, target, result, options)
}

/** All but the version: what is the same in this is no change, and makes no event. */
function content(value: KubeObject): JsonObject {
  const managedFields = (at(value.metadata, 'managedFields') ?? []) as JsonObject[]
  const untimed = managedFields.map(({ time: _time, ...entry }) => entry)
  return { ...value, metadata: { ...value.metadata, resourceVersion: '', managedFields: untimed } }
}

function checkPreconditions(current: KubeObject, wanted: KubeObject, { type, name }: Target): void {
  const version = text(wanted.metadata, 'resourceVersion')
  if (version !== '' && version !== current.metadata.resourceVersion) {
    throw conflict(type, name, 'the object has been modified; please apply your changes to the latest version and try again')
  }
  const uid = text(wanted.metadata, 'uid')
  if (uid !== '' && uid !== current.metadata.uid) {
    throw conflict(type, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`)
  }
}

/** What a writer cannot change stays as it is. */
function kept(current: KubeObject, wanted: KubeObject, { type, subresource }: Target): KubeObject {
  const { name, uid, creationTimestamp, resourceVersion, generation, managedFields: managers = [] } = current.metadata
  const namespace = namespaceOf(current)
  const metadata = {
    managedFields: managers, ...wanted.metadata, name, uid, creationTimestamp, resourceVersion,
    ...(namespace !== '' && { namespace }), ...(generation !== undefined && { generation }),
  }
  const hasStatus = type.subresources.some((each) => each.name === 'status')
  if (subresource === 'status') {
    const { managedFields = [] } = metadata as JsonObject
    return { ...current, metadata: { ...current.metadata, managedFields }, ...(wanted.status !== undefined && { status: wanted.status }) }
  }
  const { kind: _kind, apiVersion: _apiVersion, status, ...rest } = wanted
  const shownStatus = hasStatus ? current.status : status
  return { ...rest, metadata, ...(shownStatus !== undefined && { status: shownStatus }) }
}

function nextGeneration(value: KubeObject): KubeObject {
  return { ...value, metadata: { ...value.metadata, generation: Number(value.metadata.generation ?? 1) + 1 } }
}

function commit({ store }: World, { type }: Target, value: KubeObject, { dryRun }: WriteOptions): KubeObject {
  return dryRun ? value : store.put(type.storage, value)
}
