import type { Audit } from '../audit/audit.ts'
import type { Cluster, Clusters } from '../clusters/cluster.ts'
import { timestamp } from '../credentials/times.ts'
import { ProxyError } from '../errors.ts'
import type { Check } from '../listen/admin.ts'

/** How long an answer about a cluster holds, in milliseconds: probes are many, and each would be a request. */
const holdMs = 5000
const patienceMs = 1500

export interface ReadinessOptions {
  readonly clusters: Clusters
  readonly audit: Audit
  readonly callers: () => Check
  readonly now: () => number
}

/** What `/readyz` asks: each cluster's credential and reachability, the audit sinks, and the callers' store. The config is loaded or there is no process. */
export function createReadiness({ clusters, audit, callers, now }: ReadinessOptions): () => Promise<Check[]> {
  const known = new WeakMap<Cluster, { readonly at: number, readonly checks: Promise<Check[]> }>()
  const checksOf = (cluster: Cluster): Promise<Check[]> => {
    const last = known.get(cluster)
    if (last !== undefined && now() - last.at < holdMs) return last.checks
    const checks = askCluster(cluster, now)
    known.set(cluster, { at: now(), checks })
    return checks
  }
  return async () => [
    { name: 'config', ok: true },
    callers(),
    ...(await Promise.all(clusters.all().map(checksOf))).flat(),
    audit.healthy() ? { name: 'audit', ok: true } : { name: 'audit', ok: false, message: 'a sink cannot write' },
  ]
}

async function askCluster(cluster: Cluster, now: () => number): Promise<Check[]> {
  const credential = `cluster ${cluster.name} credential`
  const reachable = `cluster ${cluster.name} reachable`
  const { claims: { expiresAt }, trouble } = cluster.credential.facts()
  if (expiresAt !== undefined && expiresAt <= now()) {
    return [{ name: credential, ok: false, message: `has expired at ${timestamp(expiresAt)}${trouble === undefined ? '' : `: ${trouble}`}` }]
  }
  // It still serves: to be taken out of service for it now would be the outage that is to be prevented.
  const good: Check = { name: credential, ok: true, ...trouble === undefined ? {} : { message: `not renewed: ${trouble}` } }
  try {
    await cluster.fetch('/version', [], { signal: AbortSignal.timeout(patienceMs) })
    return [good, { name: reachable, ok: true }]
  } catch (error) {
    const { code, message } = error instanceof ProxyError ? error : { code: 'Internal', message: 'could not be asked' }
    if (code === 'CredentialRejected') return [{ name: credential, ok: false, message: withTrouble(message, cluster) }, { name: reachable, ok: true }]
    return [good, { name: reachable, ok: false, message }]
  }
}

/** What a caller may not be told: why there is no newer one, or none at all. */
function withTrouble(message: string, { credential }: Cluster): string {
  const { trouble } = credential.facts()
  return trouble === undefined || trouble === message ? message : `${message}: ${trouble}`
}
