import type { Cluster } from '../clusters/cluster.ts'
import { admittedHeaders } from '../headers/request.ts'
import type { Presented } from '../credentials/credential.ts'
import type { Admitted } from '../model/admitted.ts'
import { has401sOfItsOwn } from '../model/attributes.ts'
import { isCertificateRefused } from '../upstream-errors.ts'
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
  const presented = cluster.credential.present()
  try {
    const answer = await send(admitted, cluster, protocol, presented, signal)
    if (!await isRejection(answer, admitted, cluster, presented, signal)) return answer
    answer.upstream.destroy()
    return {}
  } catch (error) {
    if (isCertificateRefused(error)) return { alert: error as Error }
    throw error
  }
}

/** A program behind the API server has 401s of its own, which are the caller's: then only the API server can tell. */
async function isRejection(
  { response, upstream }: Opened, { resolved: { attributes } }: Admitted, cluster: Cluster, presented: Presented, signal: AbortSignal,
): Promise<boolean> {
  if (response.statusCode !== 401) return false
  if (!has401sOfItsOwn(attributes)) return true
  try {
    return !await unlessAborted(cluster.accepts(presented), signal)
  } catch (error) {
    upstream.destroy()
    throw error
  }
}

function unlessAborted<T>(wanted: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => { reject(new Error('the tunnel was given up while it was being opened')) }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    wanted.then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort) })
  })
}

async function send(admitted: Admitted, cluster: Cluster, protocol: string, { authorization }: Presented, signal: AbortSignal): Promise<Opened> {
  const { arrival, resolved } = admitted
  const headers = admittedHeaders(admitted, { origin: cluster.origin, authorization, upgrade: protocol })
  const answer = await dial(cluster, { method: arrival.method, path: cluster.basePath + resolved.target, headers }, signal)
  return { ...answer, authorization }
}
