import { ProxyError } from '../errors.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Resolved } from '../model/attributes.ts'
import { splitCluster } from './cluster-prefix.ts'
import { isLongRunning } from './long-running.ts'
import { readAttributes } from './path.ts'
import { decodePath, splitTarget } from './target.ts'

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Whether the API server serves anything by this method; methods are case-sensitive (RFC 9110, 9.1). */
export function isKnownMethod(method: string): boolean {
  return methods.has(method)
}

export function refuseMethod(method: string): ProxyError {
  return new ProxyError('MethodNotAllowed', `method ${method.slice(0, 20)} is not allowed here`)
}

/**
 * Reads a raw target as the API server behind it will, whatever the method. Throws
 * MalformedTarget where the two could differ, or where the API server itself cannot.
 */
export function resolveTarget(method: string, raw: string): Resolved {
  const { path, query } = splitTarget(raw)
  const placed = splitCluster(path)
  if (placed.cluster !== undefined) decodePath(`/${placed.cluster}`)
  const decoded = decodePath(placed.path)
  // One reading: an escaped prefix is no prefix here, and must not become one behind us.
  if (decoded !== placed.path && decoded.startsWith('/clusters/')) {
    throw new ProxyError('MalformedTarget', 'the cluster prefix must not be percent-encoded')
  }
  const attributes = readAttributes(method, decoded, query ?? '')
  if (attributes === undefined) {
    throw new ProxyError('MalformedTarget', 'no resource follows the verb in this path')
  }
  return {
    cluster: placed.cluster,
    target: query === undefined ? placed.path : `${placed.path}?${query}`,
    attributes,
    longRunning: isLongRunning(attributes),
  }
}

/** The stop: throws MethodNotAllowed or MalformedTarget; needs no trust in who asks. */
export function createResolve(): (arrival: Arrival) => Resolved {
  return ({ method, target }) => {
    if (!isKnownMethod(method)) throw refuseMethod(method)
    return resolveTarget(method, target)
  }
}
