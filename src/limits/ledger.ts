import type { RefusalCode } from '../errors.ts'
import type { CallerLimits } from '../model/caller.ts'

export type Kind = 'inFlight' | 'streams'

/** A request that wants to be counted; plain data, so that another process may be asked. */
export interface Ask {
  readonly caller: string
  readonly limits: CallerLimits
  readonly kind: Kind
}

/** `retryAfter` in whole seconds, at least 1. */
export type Answer =
  | { readonly granted: true }
  | { readonly granted: false, readonly code: Extract<RefusalCode, 'RateLimited' | 'TooManyInFlight'>, readonly message: string, readonly retryAfter: number }

/** Who uses how much of what, by the caller's name, so that a reload forgets nothing. One for all workers. */
export interface Ledger {
  /** What was granted is to be given back, once, when the request has ended. */
  take(ask: Ask): Answer
  giveBack(caller: string, kind: Kind): void
}
