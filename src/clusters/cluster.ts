import type { Dispatcher } from 'undici'
import type { ProxyError } from '../errors.ts'
import type { ClientCertificate, Credential, Presented } from '../credentials/credential.ts'
import type { ClusterFacts } from '../model/verdict.ts'
import type { Sender } from './sender.ts'

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
  /**
   * For callers' requests that end soon. To be asked for in the same turn as `credential.present()`: another
   * client certificate has other connections. Throws as that does.
   */
  readonly short: Sender
  /** For long-running ones, on connections of their own (with `http2`, which they share): however many there are, `short` keeps its own. */
  readonly long: Sender
  /** For requests of our own. */
  readonly own: Dispatcher
  /** For tunnels, which dial for themselves; throws as `credential.present()` does. */
  tls(): UpstreamTls
  /** For a 401 to our own credential, or a certificate refused within TLS (`alert`): what is known of why. */
  rejected(alert?: Error): ProxyError
  /**
   * Asks the API server itself whether it takes `presented`, after a 401 that may be that of a
   * program behind it. False too where that was replaced since. Rejects with ProxyError.
   */
  accepts(presented: Presented): Promise<boolean>
  facts(): ClusterFacts
  /**
   * A request of our own (discovery, health, reviews of ourselves), read whole. Adds our
   * credential, renews it once after a 401; never follows a redirect. Rejects with ProxyError.
   */
  fetch(target: string, headers: readonly string[], options?: FetchOptions): Promise<Fetched>
  /** Takes nothing new and renews nothing; resolves when what is under way is over, which may take as long as a watch does. */
  close(): Promise<void>
  /** The same, and cuts what is under way: at a shutdown, when no caller waits for it any more. */
  destroy(): Promise<void>
}

export interface UpstreamTls extends Partial<ClientCertificate> {
  /** PEM; undefined: the authorities that Node trusts. */
  readonly ca: string | undefined
  /** Empty where the server is an address. */
  readonly servername: string
}

export interface FetchOptions {
  /** Default: GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly body?: string
  /** Bytes; a larger body rejects with BadUpstream. */
  readonly maxSize?: number
  readonly signal?: AbortSignal
  /** A 401 is an answer like any other, and renews nothing: for whoever reads its challenge. */
  readonly keep401?: boolean
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
