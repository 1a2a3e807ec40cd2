import type { Cluster } from '../clusters/cluster.ts'
import { admittedHeaders } from '../headers/request.ts'
import type { Admitted } from '../model/admitted.ts'
import { dial, type Answer } from './dial.ts'

export interface Opened extends Answer {
  /** What upstream was shown, and must not come back. */
  readonly authorization: string | undefined
}

/**
 * Dials, and once more with a renewed credential after a 401: that is about us, not
 * about the caller, and nothing of a body was sent. Rejects with ProxyError, and when
 * `signal` aborts.
 */
export async function open(admitted: Admitted, cluster: Cluster, protocol: string, signal: AbortSignal): Promise<Opened> {
  const presented = cluster.credential.present()
  const first = await send(admitted, cluster, protocol, signal)
  if (first.response.statusCode !== 401) return first
  first.upstream.destroy()
  if (!await cluster.credential.renew(presented)) throw cluster.rejected()

  const second = await send(admitted, cluster, protocol, signal)
  if (second.response.statusCode !== 401) return second
  second.upstream.destroy()
  throw cluster.rejected()
}

async function send(admitted: Admitted, cluster: Cluster, protocol: string, signal: AbortSignal): Promise<Opened> {
  const { arrival, resolved } = admitted
  const { authorization } = cluster.credential.present()
  const headers = admittedHeaders(admitted, { origin: cluster.origin, authorization, upgrade: protocol })
  const answer = await dial(cluster, { method: arrival.method, path: cluster.basePath + resolved.target, headers }, signal)
  return { ...answer, authorization }
}
