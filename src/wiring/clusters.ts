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
import { readCa } from './tls.ts'
import type { Changeable, Prepared } from './prepared.ts'

/** `prepare` makes what is new or another: also a cluster of the same config whose CA file changed. */
export interface ClusterWiring extends Changeable {
  readonly clusters: ReplaceableClusters
  cacheOf(cluster: string): DiscoveryCache | undefined
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
  /** When it comes into force, and when it no longer is. */
  begin(): void
  stop(): void
}

/** The clusters of the config, each with its credential and its discovery cache; those that a reload leaves as they are live on. */
export async function wireClusters(config: Config, options: ClusterWiringOptions): Promise<ClusterWiring> {
  let entries: readonly Entry[] = await makeEntries(config, [], options)
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
    async prepare(config): Promise<Prepared> {
      const next = await makeEntries(config, entries, options)
      return { commit: () => replaceWith(next), discard: () => discard(next, entries, options.log) }
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
      const ca = wanted.caFile === undefined ? undefined : await readCa(wanted.caFile)
      const fingerprint = JSON.stringify([wanted, ca, config.self])
      const known = before.find(entry => entry.fingerprint === fingerprint)
      made.push(known ?? await makeEntry(wanted, { ca, fingerprint, ownNamespaces: ownNamespaces(config, wanted, options.podNamespace) }, options))
    }
    return made
  } catch (error) {
    discard(made, before, options.log)
    throw error
  }
}

/** Closes what was made and never came into force. */
function discard(made: readonly Entry[], before: readonly Entry[], log: Logger): void {
  for (const { cluster } of made.filter(entry => !before.includes(entry))) {
    cluster.close().catch((err: unknown) => log.warn({ err }, 'a cluster did not close'))
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
  if (credential.account() === undefined) {
    log.warn({}, 'the token does not say whose it is: the guard cannot know our own namespace, and route own-credential holds for all-namespace requests alone')
  }
  const cluster = createCluster({ name, server, tlsServerName, timeouts, openshift, credential, ca: facts.ca, ownNamespaces: facts.ownNamespaces, log })
  const cache = createDiscoveryCache({ ...discovery, cluster, log })
  let stop = () => {}
  return {
    fingerprint: facts.fingerprint,
    cluster,
    cache,
    begin() {
      const stopMetric = options.metrics.watchCredential(name, () => credential.expiresAt())
      const changes = watchApiChanges({ cluster, onChange: () => cache.markChanged(), log })
      stop = () => {
        stopMetric()
        changes.close()
      }
    },
    stop: () => stop(),
  }
}

function makeCredential({ credential }: ClusterConfig, { log, env }: ClusterWiringOptions): Promise<Credential> | Credential {
  switch (credential.kind) {
    case 'tokenFile': return createTokenFile({ path: credential.path, warn: message => log.warn({}, message) })
    case 'tokenEnv': return createTokenEnv({ variable: credential.variable, env })
  }
}
