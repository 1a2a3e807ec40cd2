import type { Cluster } from '../clusters/cluster.ts'
import type { Claims } from './claims.ts'

/** An X.509 pair in PEM: the certificate, with its chain, and its private key. */
export interface ClientCertificate {
  readonly cert: string
  readonly key: string
}

/** What proves us to the API server at one moment: a bearer token, a client certificate, or (exec) both. */
export interface Presented {
  /** The value of `Authorization` (`Bearer …`). */
  readonly authorization: string | undefined
  readonly certificate: ClientCertificate | undefined
}

export type CredentialKind =
  | 'tokenFile' | 'tokenEnv' | 'tokenRequest' | 'clientCertificate' | 'oauthSession' | 'exec' | 'kubeconfig' | 'inCluster'

/** What may be told of a credential, to an operator: never a secret. */
export interface CredentialFacts {
  readonly kind: CredentialKind
  /** Where it comes from, as in `the file /x/token`. */
  readonly source: string
  /** How it renews, as in `read again when the file changes`. */
  readonly renewal: string
  /** What the token or the certificate says of itself. */
  readonly claims: Claims
  /** Why there is no newer one, or none at all; undefined while all is well. */
  readonly trouble: string | undefined
}

/**
 * How we prove ourselves to one API server. Everything a request needs is
 * synchronous: a credential renews itself beside the requests, never in them.
 */
export interface Credential {
  /** The credential that asks for this one, and requests under it; undefined for what nothing else obtains. */
  readonly bootstrap?: Pick<Cluster, 'credential' | 'fetch'> | undefined
  /** The same object until a renewal replaces it. Throws ProxyError where there is none to give. */
  present(): Presented
  /**
   * After a 401: tries for a newer one. True when `present()` now gives another one
   * than `rejected`. Concurrent calls share one attempt. Never rejects.
   */
  renew(rejected: Presented): Promise<boolean>
  facts(): CredentialFacts
  /** Nothing is renewed from now on; `present` gives what it gave last, for what is under way. */
  close(): void
}
