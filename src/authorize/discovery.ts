import type { Attributes } from '../model/attributes.ts'

/** The API server's discovery documents (kube-aggregator and apiserver `endpoints/discovery`), with one trailing slash or none. */
const documents = /^\/(?:api(?:\/[^/]+)?|apis(?:\/[^/]+){0,2}|oapi(?:\/[^/]+)?|openapi|openapi\/v2|openapi\/v3(?:\/.+)?|version)\/?$/

/** Reading them is allowed to every caller, unless the caller's definition says otherwise. */
export function isDiscovery({ isResourceRequest, verb, path }: Attributes): boolean {
  return !isResourceRequest && (verb === 'get' || verb === 'head') && documents.test(path)
}
