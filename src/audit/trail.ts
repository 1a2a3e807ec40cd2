import { ProxyError } from '../errors.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Facts, Outcome, Trail } from '../model/trail.ts'
import type { Moment } from './event.ts'
import type { AuditLevel } from './policy.ts'

export type AuditMode = 'batch' | 'blocking' | 'blocking-strict'

/** What a trail needs of the audit it belongs to. */
export interface TrailOptions {
  readonly mode: AuditMode
  readonly now: () => number
  readonly levelOf: (facts: Facts, method: string) => AuditLevel
  /** Hands an event to every sink. */
  readonly record: (moment: Moment) => void
  /** As `record`; rejects unless every sink has it written in time. */
  readonly recordNow: (moment: Moment) => Promise<void>
  /** Hears of every end, whatever the policy says. */
  readonly ended: (arrival: Arrival, facts: Facts, outcome: Outcome) => void
  /** Settles, without an error, when what was recorded before is written, has failed or took too long; undefined when nothing is on its way. */
  readonly backlog: () => Promise<void> | undefined
}

/** One request's record, from its arrival to its end. */
export class AuditTrail implements Trail {
  readonly #arrival: Arrival
  readonly #options: TrailOptions
  #facts: Facts = {}
  #level: AuditLevel | undefined
  #stream = false
  #outcome: Outcome | undefined
  #listeners: ((outcome: Outcome) => void)[] = []

  constructor(arrival: Arrival, options: TrailOptions) {
    this.#arrival = arrival
    this.#options = options
  }

  note(facts: Facts): void {
    this.#facts = { ...this.#facts, ...facts }
  }

  admit(): Promise<void> | undefined {
    if (this.#silent()) return undefined
    if (this.#options.mode === 'batch') return undefined
    if (this.#options.mode === 'blocking') return this.#options.backlog()
    // Only here is a RequestReceived written. It doubles the log and says nothing that ResponseComplete
    // does not say again (Kubernetes' own recommended policy omits the stage for that), except
    // where no request may pass that is not on record.
    const received = this.#options.recordNow(this.#moment('RequestReceived', this.#arrival.receivedAt))
    return received.catch((cause: unknown) => {
      throw new ProxyError('AuditUnavailable', 'the audit log cannot be written, and without it no request goes up', {
        cause, retryAfter: 1,
      })
    })
  }

  started(status: number): void {
    if (this.#outcome !== undefined || this.#stream) return
    this.#stream = true
    if (!this.#silent()) this.#options.record({ ...this.#moment('ResponseStarted', this.#options.now()), status })
  }

  finish(outcome: Outcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    if (!this.#silent()) this.#options.record({ ...this.#moment('ResponseComplete', this.#options.now()), outcome })
    this.#options.ended(this.#arrival, this.#facts, outcome)
    for (const listener of this.#listeners) listener(outcome)
  }

  onFinish(listener: (outcome: Outcome) => void): void {
    // The caller may have left while it was still being admitted: what is taken after that is given back at once.
    if (this.#outcome === undefined) this.#listeners.push(listener)
    else listener(this.#outcome)
  }

  /** Decided at the first event, as the API server does, so that a request has all of its events or none. */
  #silent(): boolean {
    this.#level ??= this.#options.levelOf(this.#facts, this.#arrival.method)
    return this.#level === 'None'
  }

  #moment(stage: Moment['stage'], at: number): Moment {
    return { arrival: this.#arrival, facts: this.#facts, stage, at, stream: this.#stream }
  }
}
