import { setTimeout as delay } from 'node:timers/promises'
import { createKubernetesCallers, type KubernetesCallers } from '../callers/kubernetes-store.ts'
import type { Cluster } from '../clusters/cluster.ts'
import type { Check } from '../listen/admin.ts'
import type { CallersDeps, OpenCallers } from './callers.ts'

export interface KubernetesWiringOptions extends CallersDeps {
  readonly namespace: string
  /** Name of the cluster that has the objects. */
  readonly cluster: string
  readonly clusters: readonly string[]
  /** Of a reload; undefined at a start. */
  readonly reload: AbortSignal | undefined
}

/** How long a start waits for the callers, in milliseconds; then it goes on, and lets nobody in until they are there. */
const patience = 2000
/** A reload that names another store keeps what is in force, and fails where that store is silent for so long. */
const reloadPatience = 10_000
/** Shorter gaps are those of an API server that is replaced. Milliseconds. */
const worthTelling = 10_000

/** The callers of a namespace, asked for with our own credential of that cluster as it is in force. */
export async function openKubernetesCallers(options: KubernetesWiringOptions): Promise<OpenCallers> {
  const { namespace, cluster, clusters, findCluster, log, onReload, reload } = options
  const store = createKubernetesCallers({ namespace, clusters, log, report: onReload, cluster: () => required(findCluster(cluster), cluster) })
  if (await isLoaded(store, reload === undefined ? patience : reloadPatience, reload) || reload === undefined) {
    return { callers: store, check: () => checkOf(store), used: (...use) => store.used(...use), follow: () => store.follow(), requireLoaded: () => store.requireLoaded() }
  }
  const { why } = store.health()
  store.close()
  throw new Error(`the callers of cluster ${cluster}, namespace ${namespace} could not be read: ${why ?? 'given up'}; a cluster that is new in the config has to be in force first`)
}

async function isLoaded({ loaded }: KubernetesCallers, within: number, signal: AbortSignal | undefined): Promise<boolean> {
  const late = delay(within, false, { ref: false, ...signal === undefined ? {} : { signal } }).catch(() => false)
  return Promise.race([loaded.then(() => true), late])
}

function required(cluster: Cluster | undefined, name: string): Cluster {
  if (cluster === undefined) throw new Error(`there is no cluster ${name} in force`)
  return cluster
}

/** Where it may have missed a revocation another replica is the better one; what it has is served all the same. */
export function checkOf(store: Pick<KubernetesCallers, 'health'>): Check {
  const { loaded, outOfTouchFor, why, broken } = store.health()
  const reason = why === undefined ? '' : `: ${why}`
  if (broken !== undefined) return { name: 'callers', ok: false, message: `could not be put together, what was read last is not in force, revocations neither: ${broken}` }
  if (!loaded) return { name: 'callers', ok: false, message: `not read since the start${reason}` }
  if (outOfTouchFor === undefined || outOfTouchFor < worthTelling) return { name: 'callers', ok: true }
  return { name: 'callers', ok: false, message: `out of touch with their store for ${Math.round(outOfTouchFor / 1000)} s, what was read last stays in force${reason}` }
}
