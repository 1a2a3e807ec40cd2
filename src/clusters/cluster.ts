import type { SecureContextOptions } from 'node:tls'
import type { Dispatcher } from 'undici'
import type { Credential } from '../credentials/credential.ts'
import type { ClusterFacts } from '../model/verdict.ts'

/** One API server and how to reach it. */
export interface Cluster {
  readonly name: string
  /** Scheme, host and port. */
  readonly origin: string
  /** A path in front of every target (`https://host/k8s/clusters/c-1`), without a trailing slash; usually empty. */
  readonly basePath: string
  readonly credential: Credential
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  /** For requests that end soon. */
  readonly short: Dispatcher
  /** For long-running ones, on connections of their own: however many there are, `short` keeps its own. */
  readonly long: Dispatcher
  /** For tunnels, which dial for themselves. */
  readonly tls: { readonly ca: SecureContextOptions['ca'], readonly servername: string }
  facts(): ClusterFacts
  /**
   * A GET of our own (discovery, health), read whole. Adds our `Authorization`, renews it once
   * after a 401; never follows a redirect. Rejects with ProxyError.
   */
  fetch(target: string, headers: readonly string[], options?: FetchOptions): Promise<Fetched>
  close(): Promise<void>
}

export interface FetchOptions {
  /** Bytes; a larger body rejects with BadUpstream. */
  readonly maxSize?: number
  readonly signal?: AbortSignal
}

export interface Fetched {
  readonly status: number
  /** Name, value, name, value … as received. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** The clusters of the config in force. */
export interface Clusters {
  /** Undefined name: the default cluster. */
  find(name: string | undefined): Cluster | undefined
  all(): readonly Cluster[]
}
