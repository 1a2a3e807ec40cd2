import { isIP } from 'node:net'
import type { BaseLogger } from 'pino'
import type { Credential } from '../credentials/credential.ts'
import { createAgents } from './agents.ts'
import type { Cluster } from './cluster.ts'
import { createFetch } from './fetch.ts'
import { detectOpenshift, type OpenshiftAnswer } from './openshift.ts'

export interface ClusterOptions {
  readonly name: string
  /** An https URL, with a path where the API server is behind one. */
  readonly server: string
  /** PEM; undefined: the authorities that Node trusts. */
  readonly ca: string | undefined
  /** The name in SNI and in the certificate; undefined: the host of `server`. */
  readonly tlsServerName: string | undefined
  /** Closed with the cluster. */
  readonly credential: Credential
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  readonly openshift: boolean | 'auto'
  /** Namespaces of this cluster that hold Portcullis itself or its callers. */
  readonly ownNamespaces: readonly string[]
  readonly log?: Pick<BaseLogger, 'debug'>
}

/** Opens no connection that `openshift: auto` does not need. Throws for a `server` that is no https URL. */
export function createCluster(options: ClusterOptions): Cluster {
  const { name, credential, timeouts, ca, ownNamespaces } = options
  const { origin, basePath, hostname } = readServer(options.server)
  const servername = options.tlsServerName ?? (isIP(hostname) === 0 ? hostname : '')
  const { short, long } = createAgents({ ca, servername, timeouts })
  const fetch = createFetch({ origin, basePath, credential, short, timeouts })
  const openshift = openshiftOf(options, fetch)
  return {
    name, origin, basePath, credential, timeouts, short, long, fetch,
    tls: { ca, servername },
    facts: () => ({ name, openshift: openshift.current(), account: credential.account(), ownNamespaces }),
    async close() {
      openshift.close()
      await Promise.all([short.close(), long.close()])
      credential.close()
    },
  }
}

function openshiftOf({ openshift, log }: ClusterOptions, fetch: Cluster['fetch']): OpenshiftAnswer {
  if (openshift === 'auto') return detectOpenshift({ fetch, log })
  return { current: () => openshift, close() {} }
}

/** The token is never sent where nobody proved who they are, so only https. */
function readServer(server: string): { origin: string, basePath: string, hostname: string } {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url === undefined || url.protocol !== 'https:') throw new Error('server must be an https URL')
  if (url.username + url.password + url.search + url.hash !== '') {
    throw new Error('server may have a host, a port and a path, nothing else')
  }
  return {
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
  }
}
