import { readFile } from 'node:fs/promises'
import { loadCallers } from '../callers/load.ts'
import type { ClusterConfig, Config } from '../config/config.ts'
import { defaultConfigFile } from '../config/default-file.ts'
import { requireConfig } from '../config/load.ts'
import { readToken } from '../credentials/token.ts'
import { FaultsError } from '../files/fault.ts'
import type { Account, ClusterFacts } from '../model/verdict.ts'
import type { Known } from './judge.ts'

/**
 * Config and callers as the offline commands see them: nothing is asked of a cluster,
 * so `openshift: auto` reads as false. Rejects with FaultsError.
 */
export async function loadKnown(file: string | undefined): Promise<Known> {
  const { config } = await requireConfig(file ?? await defaultConfigFile())
  const { callers, faults } = await loadCallers(config.callers.paths, { clusters: config.clusters.map(({ name }) => name) })
  if (faults.length > 0) throw new FaultsError(faults)
  const byName = new Map(callers.map(caller => [caller.name, caller]))
  const clusters = await Promise.all(config.clusters.map(cluster => toFacts(cluster, config)))
  return {
    findCaller: name => byName.get(name),
    clusterFacts: name => name === undefined ? clusters[0] : clusters.find(cluster => cluster.name === name),
  }
}

async function toFacts(cluster: ClusterConfig, { self }: Config): Promise<ClusterFacts> {
  return {
    name: cluster.name,
    openshift: cluster.openshift === true,
    account: await accountOf(cluster),
    ownNamespaces: self?.cluster === cluster.name ? [self.namespace] : [],
  }
}

/** A token that is not there, or not readable here, leaves the account unknown. */
async function accountOf({ credential }: ClusterConfig): Promise<Account | undefined> {
  try {
    switch (credential.kind) {
      case 'tokenFile': return readToken(await readFile(credential.path, 'utf8')).claims.account
      case 'tokenEnv': return readToken(process.env[credential.variable] ?? '').claims.account
    }
  } catch {
    return undefined
  }
}
