import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createDiscoveryCache, type DiscoveryCache } from '../cache/discovery.ts'
import { createCluster } from '../clusters/create-cluster.ts'
import { createClusters, type ReplaceableClusters } from '../clusters/clusters.ts'
import type { Cluster } from '../clusters/cluster.ts'
import { watchApiChanges } from '../clusters/watch-api-changes.ts'
import type { ClusterConfig, Config } from '../config/config.ts'
import { secretVariablesOf } from '../config/references.ts'
import { watchExpiry } from '../credentials/expiry-warning.ts'
import type { HeldSecrets } from '../credentials/held-secrets.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { makeCredential, runsPlugin, takingAlong } from './credentials.ts'
import { readEndpoint, type EndpointReading } from './endpoint.ts'
import type { Changeable, Prepared } from './prepared.ts'

/** `prepare` makes what is new or another: also a cluster of the same config whose CA file changed. */
export interface ClusterWiring extends Changeable {
  readonly clusters: ReplaceableClusters
  cacheOf(cluster: string): DiscoveryCache | undefined
  /** Files of which a change may make another cluster; absolute. */
  files(): readonly string[]
  /** Resolves when the clusters in force have been told all that the guard asks of them; never where one of them is closed before. */
  told(): Promise<unknown>
  close(): Promise<void>
}

export interface ClusterWiringOptions {
  readonly log: Logger
  readonly secrets: HeldSecrets
  readonly metrics: Metrics
  readonly env: NodeJS.ProcessEnv
  /** The namespace of the pod that this process runs in, if it does. */
  readonly podNamespace: string | undefined
  /** Where the kubelet puts what a pod needs. */
  readonly podFolder?: string | undefined
  /** Read credentials though every user of the machine may. */
  readonly allowLoose: boolean
}

/** How long new clusters are waited for, in milliseconds, until they have answered what the guard asks of them. */
const patience = 2000

/** One cluster with what belongs to it alone. */
interface Entry {
  readonly fingerprint: string
  readonly files: readonly string[]
  readonly cluster: Cluster
  readonly cache: DiscoveryCache
  /** See AskedCluster. */
  readonly tried: Promise<void>
  readonly told: Promise<void>
  /** When it comes into force, and when it no longer is. */
  begin(): void
  stop(): void
}

/** The clusters of the config, each with its credential and its discovery cache; those that a reload leaves as they are live on. */
export async function wireClusters(config: Config, options: ClusterWiringOptions): Promise<ClusterWiring> {
  // At a start a credential that cannot be had yet is waited for; a reload keeps what works.
  let entries: readonly Entry[] = await makeEntries(config, [], { ...options, patient: true })
  for (const entry of entries) entry.begin()
  const clusters = createClusters(entries.map(entry => entry.cluster))
  const replaceWith = (next: readonly Entry[]): void => {
    for (const entry of entries) if (!next.includes(entry)) entry.stop()
    for (const entry of next) if (!entries.includes(entry)) entry.begin()
    entries = next
    // Resolves when the last watch on a cluster that went is over; nobody needs to wait for that.
    clusters.replace(next.map(({ cluster }) => cluster)).catch((err: unknown) => options.log.warn({ err }, 'a cluster did not close'))
  }
  return {
    clusters,
    cacheOf: name => entries.find(({ cluster }) => cluster.name === name)?.cache,
    files: () => entries.flatMap(({ files }) => files),
    told: () => Promise.all(entries.map(({ told }) => told)),
    async prepare(config, signal): Promise<Prepared> {
      const next = await makeEntries(config, entries, { ...options, patient: false, signal })
      return { commit: () => replaceWith(next), discard: () => discard(next, entries, options.log) }
    },
    async close() {
      for (const entry of entries) entry.stop()
      await clusters.destroy()
    },
  }
}

interface EntryOptions extends ClusterWiringOptions {
  readonly patient: boolean
  /** Aborted when they are not wanted any more. */
  readonly signal?: AbortSignal
}

async function makeEntries(config: Config, before: readonly Entry[], options: EntryOptions): Promise<Entry[]> {
  const made: Entry[] = []
  const secretVariables = [...new Set(secretVariablesOf(config))].sort()
  try {
    for (const wanted of config.clusters) {
      const reading = await readEndpoint(wanted, options)
      const { endpoint, files, form } = reading
      // A plugin that goes on running would go on inheriting what is a secret by now.
      const withheld = runsPlugin(wanted.credential, reading) ? secretVariables : []
      const fingerprint = JSON.stringify([wanted, endpoint, files, form, withheld, ownNamespaces(config, wanted, options.podNamespace)])
      const known = before.find(entry => entry.fingerprint === fingerprint)
      made.push(known ?? await makeEntry(wanted, { ...reading, secretVariables, fingerprint, ownNamespaces: ownNamespaces(config, wanted, options.podNamespace) }, options))
    }
    // What the guard is not told yet it takes for the worst: that no caller should meet.
    await Promise.race([Promise.all(made.map(({ tried }) => tried)), delay(patience, undefined, { ref: false })])
    return made
  } catch (error) {
    discard(made, before, options.log)
    throw error
  }
}

/** Closes what was made and never came into force. */
function discard(made: readonly Entry[], before: readonly Entry[], log: Logger): void {
  for (const { cluster } of made.filter(entry => !before.includes(entry))) {
    cluster.destroy().catch((err: unknown) => log.warn({ err }, 'a cluster did not close'))
  }
}

/** Where Portcullis itself runs, if it runs in this cluster, and where its callers are kept, if they are there. A pod that is not told which cluster is its own takes every one for it. */
export function ownNamespaces({ self, callers }: Config, { name }: ClusterConfig, podNamespace: string | undefined): string[] {
  const store = callers.kind === 'kubernetes' && callers.cluster === name ? [callers.namespace] : []
  if (self !== undefined) return self.cluster === name ? [self.namespace, ...store] : store
  return podNamespace === undefined ? store : [podNamespace, ...store]
}

interface EntryFacts extends EndpointReading {
  readonly fingerprint: string
  readonly ownNamespaces: readonly string[]
  readonly secretVariables: readonly string[]
}

async function makeEntry(config: ClusterConfig, facts: EntryFacts, options: EntryOptions): Promise<Entry> {
  const { name, timeouts, http2, openshift, discovery } = config
  const log = options.log.child({ cluster: name })
  const credential = await makeCredential(config.credential, { ...options, ...facts, log, cluster: config })
  const cluster = takingAlong(credential, () => createCluster({ name, ...facts.endpoint, timeouts, http2, openshift, credential, ownNamespaces: facts.ownNamespaces, log }))
  const cache = createDiscoveryCache({ ...discovery, cluster, log })
  let stop = () => {}
  return {
    fingerprint: facts.fingerprint,
    files: facts.files,
    cluster,
    cache,
    tried: cluster.tried,
    told: cluster.told,
    begin() {
      const stopMetric = options.metrics.watchCredential(name, () => credential.facts().claims.expiresAt)
      const stopWarning = watchExpiry({ credential, log })
      const changes = watchApiChanges({ cluster, onChange: () => cache.markChanged(), log })
      stop = () => {
        stopMetric()
        stopWarning()
        changes.close()
      }
    },
    stop: () => stop(),
  }
}
