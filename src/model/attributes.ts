/**
 * What the API server computes of a method and a target, by the same names as
 * `k8s.io/apiserver/pkg/endpoints/request.RequestInfo`. Strings are empty where
 * the API server leaves them empty.
 */
export interface Attributes {
  readonly isResourceRequest: boolean
  /** Decoded path, without the query. */
  readonly path: string
  readonly verb: string
  readonly apiPrefix: string
  readonly apiGroup: string
  readonly apiVersion: string
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
}

/** Every verb but get, list and watch; the virtual ones of RBAC (`bind`, `impersonate` …) too. */
export function isWrite(verb: string): boolean {
  return verb !== 'get' && verb !== 'list' && verb !== 'watch'
}

/** Whether a patch of this media type is a server-side apply. Looked for anywhere in the value: two values joined into one must not hide it. */
export function isApply(contentType: string): boolean {
  return /application\/apply-patch\+/i.test(contentType)
}

const sessions = new Set(['pods/exec', 'pods/attach', 'pods/portforward', 'nodes/proxy'])

/** Whether an upgrade of it opens a session, by WebSocket, which is a GET, or by SPDY, which is a POST: client-go falls back from one to the other. */
export function opensSession({ isResourceRequest, apiGroup, resource, subresource }: Attributes): boolean {
  return isResourceRequest && apiGroup === '' && sessions.has(`${resource}/${subresource}`)
}

/** Whether a program behind the API server answers: `services/x/proxy`, the old `/proxy/` prefix. */
export function isProxied({ verb, subresource }: Attributes): boolean {
  return verb === 'proxy' || subresource === 'proxy'
}

/** Whether a 401 may be about the caller's own credential for something that the API server hands its request to. */
export function has401sOfItsOwn(attributes: Attributes): boolean {
  // OpenShift's build webhooks: the secret is in the path, and a wrong one is a 401.
  return isProxied(attributes) || (attributes.resource === 'buildconfigs' && attributes.subresource === 'webhooks')
}

/** An arrival, read. `target` is what goes upstream: the raw bytes, less a `/clusters/<name>` prefix. */
export interface Resolved {
  /** The name in `/clusters/<name>/…`; undefined for the default cluster. It may name no cluster at all. */
  readonly cluster: string | undefined
  readonly target: string
  readonly attributes: Attributes
  /** Watches, logs, exec and their like: no time limit, no body limit, flushed chunk by chunk. */
  readonly longRunning: boolean
}
