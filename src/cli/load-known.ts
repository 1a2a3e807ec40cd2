import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ClusterConfig, Config, CredentialConfig } from '../config/config.ts'
import { requireConfig } from '../config/load.ts'
import { certificateClaims } from '../credentials/certificate-claims.ts'
import { readPodToken } from '../credentials/in-cluster.ts'
import { readMaterial } from '../credentials/kubeconfig.ts'
import { readToken } from '../credentials/token.ts'
import type { Account, ClusterFacts } from '../model/verdict.ts'
import { ownNamespaces } from '../wiring/clusters.ts'
import type { Known } from './judge.ts'
import { requireStored } from './stored-callers.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Config and callers as the offline commands see them: nothing is asked of a cluster but for callers that are kept there,
 * so `openshift: auto` reads as false, and no pod is ours unless `self` names it.
 * Rejects with FaultsError.
 */
export async function loadKnown(file: string, env: Env, now = Date.now): Promise<Known> {
  const { config } = await requireConfig(file)
  const { callers } = await requireStored(config, { env, now: now() })
  const byName = new Map(callers.map(caller => [caller.name, caller]))
  const clusters = await Promise.all(config.clusters.map(cluster => factsOf(cluster, config, env)))
  return {
    findCaller: name => byName.get(name),
    clusterFacts: name => name === undefined ? clusters[0] : clusters.find(cluster => cluster.name === name),
  }
}

/** What the guard may know of a cluster without asking it. */
export async function factsOf(cluster: ClusterConfig, config: Config, env: Env): Promise<ClusterFacts> {
  return {
    name: cluster.name,
    openshift: cluster.openshift === true,
    account: await accountOf(cluster, env),
    bootstrapAccount: cluster.credential.kind === 'tokenRequest' ? await accountOfBootstrap(cluster.credential.bootstrap, env) : undefined,
    accountPending: false,
    restrictedIn: new Set(),
    settled: true,
    ownNamespaces: ownNamespaces(config, cluster, undefined),
  }
}

/** A token that is not there, or not readable here, leaves the account unknown. */
async function accountOf({ credential }: ClusterConfig, env: Env): Promise<Account | undefined> {
  if (credential.kind === 'tokenRequest' && credential.serviceAccount !== undefined) return credential.serviceAccount
  return accountOfBootstrap(credential.kind === 'tokenRequest' ? credential.bootstrap : credential, env)
}

/** Of a credential that is there from the start; `podFolder`: where the kubelet puts what a pod needs. */
export async function accountOfBootstrap(credential: CredentialConfig, env: Env, podFolder?: string): Promise<Account | undefined> {
  try {
    switch (credential.kind) {
      case 'tokenFile': return readToken(await readFile(credential.path, 'utf8')).claims.account
      case 'tokenEnv': return readToken(env[credential.variable] ?? '').claims.account
      case 'clientCertificate': return certificateClaims(new X509Certificate(await readFile(credential.certFile))).account
      case 'kubeconfig': return (await readMaterial({ ...credential, allowLoose: true })).claims.account
      case 'inCluster': return (await readPodToken(podFolder)).claims.account
      default: return undefined
    }
  } catch {
    return undefined
  }
}
