import type { BaseLogger } from 'pino'
import { createClient, type ClientOptions } from './client.ts'
import type { Cluster } from './cluster.ts'
import { detectOpenshift, type OpenshiftAnswer } from './openshift.ts'

export interface ClusterOptions extends ClientOptions {
  readonly openshift: boolean | 'auto'
  /** Namespaces of this cluster that hold Portcullis itself or its callers. */
  readonly ownNamespaces: readonly string[]
  readonly log?: Pick<BaseLogger, 'debug'>
}

/** Opens no connection that `openshift: auto` does not need. Throws for a `server` that is no https URL. */
export function createCluster(options: ClusterOptions): Cluster {
  const { name, credential, timeouts, ownNamespaces } = options
  const client = createClient(options)
  const { origin, basePath, tls, rejected, fetch } = client
  const openshift = openshiftOf(options, fetch)
  return {
    name, origin, basePath, credential, timeouts, tls, rejected, fetch,
    get short() { return client.short },
    get long() { return client.long },
    facts: () => ({ name, openshift: openshift.current(), account: credential.facts().claims.account, ownNamespaces }),
    async close() {
      openshift.close()
      await client.close()
    },
  }
}

function openshiftOf({ openshift, log }: ClusterOptions, fetch: Cluster['fetch']): OpenshiftAnswer {
  if (openshift === 'auto') return detectOpenshift({ fetch, log })
  return { current: () => openshift, close() {} }
}
