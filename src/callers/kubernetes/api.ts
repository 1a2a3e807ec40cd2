import type { Cluster, FetchOptions } from '../../clusters/cluster.ts'
import { ProxyError } from '../../errors.ts'
import { asFields } from '../../json-fields.ts'
import { pathOf, type Plural } from './names.ts'

/** What is asked of the cluster that holds the store. */
export type StoreCluster = Pick<Cluster, 'name' | 'origin' | 'basePath' | 'credential' | 'timeouts' | 'own' | 'fetch'>

/** For requests that end soon. */
export type StoreApi = Pick<Cluster, 'fetch'>

/** An object as the API server gives it; `spec` and `status` are not checked. */
export interface ApiObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation?: number
    readonly creationTimestamp?: Date
    readonly [field: string]: unknown
  }
  spec?: unknown
  readonly status?: unknown
}

export interface ApiList {
  readonly metadata: { readonly resourceVersion: string }
  readonly items: ApiObject[]
}

/** An answer other than success. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  /** Read by client-node's informer under this name: 410 has it list anew. */
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

/** As many at a time as are parsed in some ten milliseconds: ten thousand in one answer would stop the process for half a second. */
const pageSize = 200
/** Bytes; etcd takes no object above 1.5 MiB. */
const largestPage = 256 << 20
const json = ['Accept', 'application/json']

/** All objects of a collection, by pages that are of one moment. Rejects with ApiFailure or ProxyError. */
export async function listAll(cluster: StoreApi, plural: Plural, namespace: string, signal?: AbortSignal): Promise<ApiList> {
  const items: ApiObject[] = []
  for (let query = `limit=${pageSize}`; ;) {
    const page = asFields(await request(cluster, `${pathOf(plural, namespace)}?${query}`, { maxSize: largestPage, ...signal === undefined ? {} : { signal } }))
    if (!Array.isArray(page['items'])) throw new ProxyError('BadUpstream', `the API server answered a list of ${plural} that is none`)
    for (const item of page['items']) items.push(readObject(item))
    const { resourceVersion, continue: next } = asFields(page['metadata'])
    if (typeof next === 'string' && next !== '') query = `limit=${pageSize}&continue=${encodeURIComponent(next)}`
    else return { metadata: { resourceVersion: String(resourceVersion) }, items }
  }
}

export function create(cluster: StoreApi, plural: Plural, namespace: string, object: object): Promise<unknown> {
  return write(cluster, 'POST', `${pathOf(plural, namespace)}?fieldValidation=Strict`, object, 'application/json')
}

/** In place of the version that the object names; ApiFailure 409 where that is no longer the last one. */
export function replace(cluster: StoreApi, plural: Plural, namespace: string, object: ApiObject): Promise<unknown> {
  return write(cluster, 'PUT', `${pathOf(plural, namespace, object.metadata.name)}?fieldValidation=Strict`, object, 'application/json')
}

/** Merges into the status; `metadata.resourceVersion` in it is a precondition. */
export function patchStatus(cluster: StoreApi, plural: Plural, namespace: string, name: string, patch: object, signal: AbortSignal): Promise<unknown> {
  return write(cluster, 'PATCH', pathOf(plural, namespace, name, 'status'), patch, 'application/merge-patch+json', signal)
}

function write(cluster: StoreApi, method: 'POST' | 'PUT' | 'PATCH', target: string, body: object, type: string, signal?: AbortSignal): Promise<unknown> {
  return request(cluster, target, { method, body: JSON.stringify(body), ...signal === undefined ? {} : { signal } }, ['Content-Type', type])
}

async function request(cluster: StoreApi, target: string, options: FetchOptions = {}, headers: readonly string[] = []): Promise<unknown> {
  const { status, body } = await cluster.fetch(target, [...json, ...headers], options)
  const value = parse(body)
  if (status < 200 || status > 299) throw failureOf(status, value)
  return value
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

/** A Status says in words what is wrong. */
export function failureOf(status: number, value: unknown): ApiFailure {
  const { message } = asFields(value)
  return new ApiFailure(status, typeof message === 'string' ? message : `the API server answered ${status}`)
}

/** Throws where it names nothing. What says who wrote which field is left out: it is larger than all the rest, and is not read. */
export function readObject(value: unknown): ApiObject {
  const { metadata, spec, status, apiVersion, kind } = asFields(value)
  const { managedFields: _, ...rest } = asFields(metadata)
  const { name, uid, resourceVersion } = rest
  if (typeof name !== 'string' || typeof uid !== 'string' || typeof resourceVersion !== 'string') {
    throw new ProxyError('BadUpstream', 'the API server sent an object without a name, a uid or a version')
  }
  const head = { ...typeof apiVersion === 'string' ? { apiVersion } : {}, ...typeof kind === 'string' ? { kind } : {} }
  return { ...head, metadata: rest as ApiObject['metadata'], spec, ...status === undefined ? {} : { status } }
}

/** What was checked is held in another form: the informer's copy of it is half of the memory. What tells states apart stays. */
export function forgetSpec(object: ApiObject): void {
  object.spec = undefined
  if (object.metadata['annotations'] !== undefined) delete (object.metadata as Record<string, unknown>)['annotations']
}

/** What to do about an answer, for the operator. */
export function whyFailed(error: unknown, cluster: string, namespace: string, otherwise = messageOf): string {
  if (!(error instanceof ApiFailure)) return otherwise(error)
  const { statusCode, message } = error
  const where = `cluster ${cluster}, namespace ${namespace}`
  if (statusCode === 404) return `${where}: the API server serves no callers.portcullis.dev (${message}): kubectl apply -f helm/portcullis/crds`
  if (statusCode === 403) return `${where}: our account may not do that (${message}): portcullis rbac prints what serve needs; commands that change callers take a config with a credential of your own`
  return `${where}: ${message}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
