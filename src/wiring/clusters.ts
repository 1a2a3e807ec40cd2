import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { createDiscoveryCache, type DiscoveryCache } from '../cache/discovery.ts'
import { createCluster } from '../clusters/create-cluster.ts'
import { createClusters, type ReplaceableClusters } from '../clusters/clusters.ts'
import type { Cluster } from '../clusters/cluster.ts'
import { watchApiChanges } from '../clusters/watch-api-changes.ts'
import type { ClusterConfig, Config } from '../config/config.ts'
import type { Credential } from '../credentials/credential.ts'
import { createTokenEnv } from '../credentials/token-env.ts'
import { createTokenFile } from '../credentials/token-file.ts'
import type { Metrics } from '../metrics/metrics.ts'

export interface ClusterWiring {
  readonly clusters: ReplaceableClusters
  cacheOf(cluster: string): DiscoveryCache | undefined
  /** Puts the clusters of another config in force, and of the same one when a CA file changed. */
  apply(config: Config): Promise<void>
  close(): Promise<void>
}

export interface ClusterWiringOptions {
  readonly log: Logger
  readonly metrics: Metrics
  readonly env: NodeJS.ProcessEnv
  /** The namespace of the pod that this process runs in, if it does. */
  readonly podNamespace: string | undefined
}

/** One cluster with what belongs to it alone. */
interface Entry {
  readonly fingerprint: string
  readonly cluster: Cluster
  readonly cache: DiscoveryCache
  stop(): void
}

/** The clusters of the config, each with its credential and its discovery cache; those that a reload leaves as they are live on. */
export async function wireClusters(config: Config, options: ClusterWiringOptions): Promise<ClusterWiring> {
  let entries = await makeEntries(config, [], options)
  const clusters = createClusters(entries.map(entry => entry.cluster))
  return {
    clusters,
    cacheOf: name => entries.find(({ cluster }) => cluster.name === name)?.cache,
    async apply(next) {
      const before = entries
      entries = await makeEntries(next, before, options)
      for (const entry of before) if (!entries.includes(entry)) entry.stop()
      // Resolves when the last watch on a cluster that went is over; nobody needs to wait for that.
      clusters.replace(entries.map(({ cluster }) => cluster)).catch((err: unknown) => options.log.warn({ err }, 'a cluster did not close'))
    },
    async close() {
      for (const entry of entries) entry.stop()
      await clusters.close()
    },
  }
}

async function makeEntries(config: Config, before: readonly Entry[], options: ClusterWiringOptions): Promise<Entry[]> {
  const made: Entry[] = []
  try {
    for (const wanted of config.clusters) {
      const ca = wanted.caFile === undefined ? undefined : await readFile(wanted.caFile, 'utf8')
      const fingerprint = JSON.stringify([wanted, ca, config.self])
      const known = before.find(entry => entry.fingerprint === fingerprint)
      made.push(known ?? await makeEntry(wanted, { ca, fingerprint, ownNamespaces: ownNamespaces(config, wanted, options.podNamespace) }, options))
    }
    return made
  } catch (error) {
    for (const entry of made) if (!before.includes(entry)) entry.stop()
    throw error
  }
}

/** Where Portcullis itself runs, if it runs in this cluster. A pod that is not told which cluster is its own takes every one for it. */
export function ownNamespaces({ self }: Config, { name }: ClusterConfig, podNamespace: string | undefined): string[] {
  if (self !== undefined) return self.cluster === name ? [self.namespace] : []
  return podNamespace === undefined ? [] : [podNamespace]
}

interface EntryFacts {
  readonly ca: string | undefined
  readonly fingerprint: string
  readonly ownNamespaces: readonly string[]
}

async function makeEntry(config: ClusterConfig, facts: EntryFacts, options: ClusterWiringOptions): Promise<Entry> {
  const { name, server, tlsServerName, timeouts, openshift, discovery } = config
  const log = options.log.child({ cluster: name })
  const credential = await makeCredential(config, { ...options, log })
  const cluster = createCluster({ name, server, tlsServerName, timeouts, openshift, credential, ca: facts.ca, ownNamespaces: facts.ownNamespaces, log })
  const cache = createDiscoveryCache({ ...discovery, cluster, log })
  const stopMetric = options.metrics.watchCredential(name, () => credential.expiresAt())
  const changes = watchApiChanges({ cluster, onChange: () => cache.markChanged(), log })
  return {
    fingerprint: facts.fingerprint,
    cluster,
    cache,
    stop() {
      stopMetric()
      changes.close()
    },
  }
}

function makeCredential({ credential }: ClusterConfig, { log, env }: ClusterWiringOptions): Promise<Credential> | Credential {
  switch (credential.kind) {
    case 'tokenFile': return createTokenFile({ path: credential.path, warn: message => log.warn({}, message) })
    case 'tokenEnv': return createTokenEnv({ variable: credential.variable, env })
  }
}
