import type { Account } from '../model/verdict.ts'

/**
 * How we prove ourselves to one API server. Everything a request needs is
 * synchronous: a credential renews itself beside the requests, never in them.
 */
export interface Credential {
  /** The value of `Authorization` (`Bearer …`); undefined under a client certificate. Throws ProxyError when there is none to give. */
  authorization(): string | undefined
  /**
   * After a 401: tries for a newer one. True when `authorization()` now differs
   * from `rejected`. Concurrent calls share one attempt.
   */
  renew(rejected: string | undefined): Promise<boolean>
  /** Milliseconds since the epoch; undefined where it never ends or does not say. */
  expiresAt(): number | undefined
  /** Our own account, from the token's claims; undefined where they do not tell. */
  account(): Account | undefined
  /** What is known of the token for an operator or for the 502 after a 401; never the token. */
  describe(): string
  close(): void
}
