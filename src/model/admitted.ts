import type { Arrival } from './arrival.ts'
import type { Resolved } from './attributes.ts'
import type { Caller } from './caller.ts'
import type { Question, Verdict } from './verdict.ts'

declare const admittedBrand: unique symbol

/**
 * An arrival that may go upstream. Only admit makes one; cache, forward and
 * tunnel take nothing else, so there is no second door.
 */
export interface Admitted {
  readonly [admittedBrand]: true
  readonly arrival: Arrival
  readonly resolved: Resolved
  readonly caller: Caller
  /** The name of a cluster that exists (never undefined, unlike `resolved.cluster`). */
  readonly cluster: string
  readonly question: Question
  readonly verdict: Verdict
}
