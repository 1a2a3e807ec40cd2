import type { Cluster } from '../clusters/cluster.ts'
import { admittedHeaders } from '../headers/request.ts'
import { isApiServers401, largestStatus } from '../headers/unauthorized.ts'
import type { Admitted } from '../model/admitted.ts'
import { isProxied } from '../model/attributes.ts'
import { isCertificateRefused } from '../upstream-errors.ts'
import { dial, type Answer } from './dial.ts'

export interface Opened extends Answer {
  /** What upstream was shown, and must not come back. */
  readonly authorization: string | undefined
  /** What was read of the body already. */
  seen: Buffer
}

/**
 * Dials, and once more with a renewed credential after a 401: that is about us, not
 * about the caller, and nothing of a body was sent. Rejects with ProxyError, and when
 * `signal` aborts.
 */
export async function open(admitted: Admitted, cluster: Cluster, protocol: string, signal: AbortSignal): Promise<Opened> {
  const presented = cluster.credential.present()
  const first = await ask(admitted, cluster, protocol, signal)
  if ('upstream' in first) return first
  if (!await cluster.credential.renew(presented)) throw cluster.rejected(first.alert)

  const second = await ask(admitted, cluster, protocol, signal)
  if ('upstream' in second) return second
  throw cluster.rejected(second.alert)
}

/** Upstream takes our credential for none: by a 401, or within TLS. */
interface Rejection {
  readonly alert?: Error
}

async function ask(admitted: Admitted, cluster: Cluster, protocol: string, signal: AbortSignal): Promise<Opened | Rejection> {
  try {
    const answer = await send(admitted, cluster, protocol, signal)
    if (!await isRejection(answer, admitted)) return answer
    answer.upstream.destroy()
    return {}
  } catch (error) {
    if (isCertificateRefused(error)) return { alert: error as Error }
    throw error
  }
}

/** A program behind the API server (subresource `proxy`) has 401s of its own, which are the caller's. */
async function isRejection(answer: Opened, { resolved: { attributes } }: Admitted): Promise<boolean> {
  if (answer.response.statusCode !== 401) return false
  if (!isProxied(attributes)) return true
  for await (const chunk of answer.response.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    answer.seen = Buffer.concat([answer.seen, chunk])
    if (answer.seen.length > largestStatus) return false
  }
  return isApiServers401(answer.seen)
}

async function send(admitted: Admitted, cluster: Cluster, protocol: string, signal: AbortSignal): Promise<Opened> {
  const { arrival, resolved } = admitted
  const { authorization } = cluster.credential.present()
  const headers = admittedHeaders(admitted, { origin: cluster.origin, authorization, upgrade: protocol })
  const answer = await dial(cluster, { method: arrival.method, path: cluster.basePath + resolved.target, headers }, signal)
  return { ...answer, authorization, seen: Buffer.alloc(0) }
}
