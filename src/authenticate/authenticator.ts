import type { ProxyError } from '../errors.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Caller } from '../model/caller.ts'

/**
 * One way to be a caller. `undefined` means "not mine", and the next one is asked;
 * a throw means "mine, and bad": a bad credential never falls through.
 */
export interface Authenticator {
  /** Throws ProxyError (400 or 401). */
  authenticate(arrival: Arrival): Caller | undefined | Promise<Caller | undefined>
  /**
   * For what stays open: the same credential against what is in force now. The
   * fresh Caller, the refusal, or `undefined` for "not mine".
   */
  recheck(caller: Caller): Caller | ProxyError | undefined
}
