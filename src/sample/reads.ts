import { gzipSync } from 'node:zlib'
import { stringify } from 'yaml'
import type { Answer, Call } from './answer.ts'
import { json, uncached } from './answer.ts'
import type { Json, JsonObject, KubeObject } from './json.ts'
import { namespaceOf } from './json.ts'
import type { Representation } from './negotiate.ts'
import { negotiate } from './negotiate.ts'
import { groupVersion } from './resource-type.ts'
import type { Matches } from './selectors.ts'
import { fieldSelector, labelSelector } from './selectors.ts'
import { ApiError, badRequest, expired, notFound } from './status.ts'
import type { Include, TableOptions } from './table.ts'
import { partialMetadata, table } from './table.ts'
import type { Target } from './target.ts'
import { listed, shown } from './views.ts'
import type { World } from './world.ts'

/** The API server compresses what is larger, and only that. */
const gzipFrom = 128 * 1024

export function read(world: World, target: Target): KubeObject {
  const { type, namespace, name } = target
  const found = world.store.get(type.storage, namespace, name)
  if (found === undefined) throw notFound(type, name)
  return found
}

/** What the selectors of the query and a name in the path leave over. */
export function matcher({ query }: Call, { name }: Pick<Target, 'name'>): Matches {
  const labels = labelSelector(query.get('labelSelector') ?? '')
  const fields = fieldSelector(query.get('fieldSelector') ?? '')
  return (object) => labels(object) && fields(object) && (name === '' || object.metadata.name === name)
}

export function tableOptions(world: World, call: Call, target: Target): TableOptions {
  const include = call.query.get('includeObject') ?? 'Metadata'
  if (include !== 'None' && include !== 'Metadata' && include !== 'Object') throw badRequest(`unrecognized includeObject value: ${include}`)
  return { type: target.type, include: include satisfies Include, now: world.clock() }
}

/** Writes a value in the syntax asked for, compressed where that is welcome and worth it. */
export function written(call: Call, status: number, value: JsonObject, syntax: Representation['syntax']): Answer {
  const pretty = call.query.get('pretty') === 'true' || (call.headers['user-agent'] ?? '').startsWith('curl/')
  const answer: Answer = syntax === 'yaml'
    ? { status, headers: { ...uncached, 'content-type': 'application/yaml' }, body: stringify(value) }
    : { ...json(status, value), body: `${JSON.stringify(value, null, pretty ? 2 : 0)}\n` }
  const body = String(answer.body)
  if (body.length < gzipFrom || !/\bgzip\b/.test(call.headers['accept-encoding'] ?? '')) return answer
  const headers = { ...answer.headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' }
  return { status, headers, body: gzipSync(body) }
}

/** One object, in the representation asked for. */
export function objectAnswer(world: World, call: Call, target: Target, stored: KubeObject, status = 200): Answer {
  const { syntax, as } = negotiate(call.headers.accept)
  return written(call, status, represented(world, call, target, stored, as), syntax)
}

function represented(world: World, call: Call, target: Target, stored: KubeObject, as: Representation['as']): JsonObject {
  const object = shown(target.type, stored)
  switch (as) {
    case 'object':
      return object
    case 'metadata':
      return partialMetadata(object)
    case 'table': {
      const { resourceVersion } = stored.metadata
      return table([object], { resourceVersion }, tableOptions(world, call, target))
    }
  }
}

interface Page {
  readonly items: readonly KubeObject[]
  readonly metadata: JsonObject
}

interface Continue {
  readonly rv: number
  readonly after: string
}

export function listAnswer(world: World, call: Call, target: Target): Answer {
  const { syntax, as } = negotiate(call.headers.accept)
  const page = pageOf(world, call, target)
  return written(call, 200, listOf(world, call, target, page, as), syntax)
}

function listOf(world: World, call: Call, target: Target, { items, metadata }: Page, as: Representation['as']): JsonObject {
  const { type } = target
  switch (as) {
    case 'object': {
      const objects: Json[] = items.map((item) => listed(type, item))
      return { kind: `${type.kind}List`, apiVersion: groupVersion(type), metadata, items: objects }
    }
    case 'metadata':
      return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: items.map(partialMetadata) }
    case 'table':
      return table(items.map((item) => shown(type, item)), metadata, tableOptions(world, call, target))
  }
}

/** Cuts the page that limit and continue ask for, out of the collection as it was when the first page was cut. */
function pageOf(world: World, call: Call, target: Target): Page {
  const from = continueOf(call)
  const revision = from?.rv ?? exactRevision(world, call) ?? world.store.revision
  const all = world.store.listAt(target.type.storage, target.namespace, revision)
  if (all === undefined) throw expired('The provided continue parameter is too old to display a consistent list result.')
  const left = all.filter(matcher(call, target)).filter((object) => from === undefined || position(object) > from.after)
  const limit = numberOf(call, 'limit') || Number.POSITIVE_INFINITY
  const items = left.slice(0, limit)
  const last = items.at(-1)
  const metadata: JsonObject = { resourceVersion: String(revision) }
  if (last !== undefined && left.length > items.length) {
    metadata.continue = Buffer.from(JSON.stringify({ rv: revision, after: position(last) } satisfies Continue)).toString('base64url')
    // The API server counts only what no selector thins out.
    if (!call.query.get('labelSelector') && !call.query.get('fieldSelector')) metadata.remainingItemCount = left.length - items.length
  }
  return { items, metadata }
}

const position = (object: KubeObject) => `${namespaceOf(object)}/${object.metadata.name}`

function numberOf({ query }: Call, name: string): number {
  const value = query.get(name) ?? ''
  if (!/^\d*$/.test(value)) throw badRequest(`invalid ${name}: ${value}`)
  return Number(value)
}

function exactRevision({ store }: World, call: Call): number | undefined {
  const revision = numberOf(call, 'resourceVersion')
  if (revision > store.revision) throw new ApiError(504, 'Timeout', `Too large resource version: ${revision}, current: ${store.revision}`)
  return call.query.get('resourceVersionMatch') === 'Exact' ? revision : undefined
}

function continueOf({ query }: Call): Continue | undefined {
  const token = query.get('continue') ?? ''
  if (token === '') return undefined
  const [, rv, after] = /^\{"rv":(\d+),"after":(".*")\}$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (rv === undefined || after === undefined) throw badRequest('continue key is not valid')
  return { rv: Number(rv), after: String(JSON.parse(after)) }
}
