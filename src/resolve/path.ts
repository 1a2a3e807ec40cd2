import type { Attributes } from '../model/attributes.ts'
import { readListOptions } from './list-options.ts'

/** OpenShift 3 resolved `/oapi`; it has no group segment, as `/api` has none. */
const prefixes = new Set(['api', 'apis', 'oapi'])
const methodVerbs = new Map([
  ['POST', 'create'], ['GET', 'get'], ['HEAD', 'get'], ['PUT', 'update'], ['PATCH', 'patch'], ['DELETE', 'delete'],
])

/** Where in a path its resource stands. */
export interface Place {
  readonly apiPrefix: string
  readonly apiGroup: string
  readonly apiVersion: string
  /** The verb that stands in the path itself: `/api/v1/watch/…`, `/api/v1/proxy/…`. */
  readonly special: 'watch' | 'proxy' | undefined
  readonly namespace: string
  /** The index of the resource's segment; its name and subresource follow it. */
  readonly at: number
}

/**
 * Reads method, decoded path and raw query as `RequestInfoFactory.NewRequestInfo` does
 * (k8s.io/apiserver pkg/endpoints/request/requestinfo.go, 1.36), for any method and path.
 * Undefined where the API server's resolver errors: a bare `/api/v1/watch`.
 */
export function readAttributes(method: string, path: string, query: string): Attributes | undefined {
  const segments = splitPath(path)
  const place = findPlace(segments)
  if (place === undefined) return nonResource(method, path, segments)
  if (place.at >= segments.length) return undefined

  const { apiPrefix, apiGroup, apiVersion, namespace, at } = place
  const verb = place.special ?? methodVerbs.get(method) ?? ''
  const name = segments[at + 1] ?? ''
  // What follows a name under /proxy/ is the proxied server's business.
  const subresource = verb === 'proxy' ? '' : segments[at + 2] ?? ''
  const resource = segments[at] ?? ''
  const settled = name === '' ? withoutName(verb, query) : { verb, name }
  return { isResourceRequest: true, path, apiPrefix, apiGroup, apiVersion, namespace, resource, subresource, ...settled }
}

/** Go's `strings.Trim(path, "/")`, then split. */
export function splitPath(path: string): string[] {
  let [start, end] = [0, path.length]
  while (start < end && path[start] === '/') start++
  while (end > start && path[end - 1] === '/') end--
  return start === end ? [] : path.slice(start, end).split('/')
}

/** Undefined for what is no resource request. `at` is past the end where only a special verb stands there. */
export function findPlace(segments: readonly string[]): Place | undefined {
  const apiPrefix = segments[0] ?? ''
  const groups = apiPrefix === 'apis' ? 1 : 0
  if (segments.length < 3 + groups || !prefixes.has(apiPrefix)) return undefined

  const first = segments[2 + groups]
  const special = first === 'watch' || first === 'proxy' ? first : undefined
  const start = 2 + groups + (special === undefined ? 0 : 1)
  const namespaced = segments[start] === 'namespaces' && segments.length > start + 1
  return {
    apiPrefix,
    apiGroup: groups === 1 ? segments[1] ?? '' : '',
    apiVersion: segments[1 + groups] ?? '',
    special,
    namespace: namespaced ? segments[start + 1] ?? '' : '',
    at: namespaced && isWithinNamespace(segments[start + 2]) ? start + 2 : start,
  }
}

/** `status` and `finalize` are the namespace's own subresources, not kinds within it. */
function isWithinNamespace(segment: string | undefined): boolean {
  return segment !== undefined && segment !== 'status' && segment !== 'finalize'
}

/** Without a name a get is a list or a watch, and a delete is one of the whole collection. */
function withoutName(verb: string, query: string): { verb: string, name: string } {
  if (verb === 'get') {
    const { watch, name } = readListOptions(query)
    return { verb: watch ? 'watch' : 'list', name }
  }
  return { verb: verb === 'delete' ? 'deletecollection' : verb, name: '' }
}

/** A group or a prefix is known only of a path long enough to hold a resource. */
function nonResource(method: string, path: string, segments: readonly string[]): Attributes {
  const apiPrefix = segments.length === 3 && segments[0] === 'apis' ? 'apis' : ''
  return {
    isResourceRequest: false, path, verb: method.toLowerCase(), apiPrefix, apiGroup: '', apiVersion: '',
    namespace: '', resource: '', subresource: '', name: '',
  }
}
