import { createClient, type Client } from '../clusters/client.ts'
import type { ClusterConfig, Config } from '../config/config.ts'
import { secretVariablesOf } from '../config/references.ts'
import { HeldSecrets } from '../credentials/held-secrets.ts'
import { ProxyError } from '../errors.ts'
import { createLog } from '../log/log.ts'
import { redactSecrets } from '../redaction/redact.ts'
import { makeCredential, takingAlong } from '../wiring/credentials.ts'
import { readEndpoint } from '../wiring/endpoint.ts'

export interface OpenOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Read credentials though every user of this machine may. */
  readonly allowLoose: boolean
  /** Milliseconds until it is given up. */
  readonly within: number
  /** Where the kubelet puts what a pod needs. */
  readonly podFolder?: string | undefined
}

/**
 * A client of a cluster with the credential that `serve` would use; one that has to be obtained
 * is obtained once. Rejects, repeating no secret, where it cannot be had; what is given up then
 * ends with the process. To be closed.
 */
export async function openClient(cluster: ClusterConfig, config: Config, options: OpenOptions): Promise<Client> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ProxyError('UpstreamTimeout', `it could not be had within ${options.within / 1000} s`)), options.within)
  })
  return Promise.race([open(cluster, config, options), late]).finally(() => clearTimeout(timer))
}

async function open(cluster: ClusterConfig, config: Config, options: OpenOptions): Promise<Client> {
  const { name, timeouts } = cluster
  const { endpoint, kubeconfig } = await readEndpoint(cluster, options)
  const log = createLog({ level: 'silent', redact: redactSecrets })
  const credential = await makeCredential(cluster.credential, { ...options, log, secrets: new HeldSecrets(), secretVariables: secretVariablesOf(config), patient: false, cluster, endpoint, kubeconfig })
  return takingAlong(credential, () => createClient({ name, ...endpoint, timeouts, credential }))
}
