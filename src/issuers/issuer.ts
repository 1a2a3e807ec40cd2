import type { IssuerKey } from './key-set.ts'

/** The keys of one source, as they are known now. */
export interface Issuer {
  /**
   * The keys of that id, all of them where the token names none. Waits for the first set, and
   * where the id is unknown for a newer one, but for neither more often than the issuer may be
   * asked. Undefined: there is no set. Never rejects.
   */
  find(id: string | undefined): Promise<readonly IssuerKey[] | undefined>
  /** Whether a key that verified something is still in the set. */
  holds(digest: string): boolean
}
