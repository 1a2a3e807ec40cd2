import { ProxyError } from '../errors.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Attributes } from '../model/attributes.ts'
import type { BodyCopies, Facts, Outcome, Trail } from '../model/trail.ts'
import { Bodies, type AuditedBodies } from './bodies/bodies.ts'
import type { Moment } from './event.ts'
import { endOf, isAtLeast, type AuditDecision, type AuditedEnd, type AuditJudgement, type AuditLevel, type AuditPolicy, type Stage } from './policy.ts'

export type AuditMode = 'batch' | 'blocking' | 'blocking-strict'

/** What a trail needs of the audit it belongs to. */
export interface TrailOptions {
  readonly mode: AuditMode
  readonly now: () => number
  /** The one in force. */
  readonly policy: () => AuditPolicy
  /** Bytes. */
  readonly maxBodySize: () => number
  /** Hands an event to every sink. */
  readonly record: (moment: Moment) => void
  /** As `record`; rejects unless every sink has it written in time. */
  readonly recordNow: (moment: Moment) => Promise<void>
  /** Hears of every end, whatever the policy says. */
  readonly ended: Ended
  /** Calls `trail.conclude()`, now or in a moment. */
  readonly conclude: (trail: AuditTrail) => void
  /** Settles, without an error, when what was recorded before is written, has failed or took too long; undefined when nothing is on its way. */
  readonly backlog: () => Promise<void> | undefined
}

/** `at`: when it ended, in milliseconds since the epoch. */
export type Ended = (arrival: Arrival, facts: Facts, outcome: Outcome, at: number) => void

const ends: readonly Stage[] = ['ResponseComplete', 'Panic']

/** One request's record, from its arrival to its end. */
export class AuditTrail implements Trail {
  readonly #arrival: Arrival
  readonly #options: TrailOptions
  readonly #facts: Facts = {}
  #policy: AuditPolicy | undefined
  #judgement: AuditJudgement | undefined
  /** An event of it is in the log, so that its end will be as well. */
  #begun = false
  #stream = false
  /** Writes the ResponseStarted of a stream that was refused: with what it was refused. */
  #startedLate: ((bodies: AuditedBodies | undefined) => void) | undefined
  #bodies: Bodies | undefined
  #outcome: Outcome | undefined
  #endedAt = 0
  #listeners: ((outcome: Outcome) => void)[] = []

  constructor(arrival: Arrival, options: TrailOptions) {
    this.#arrival = arrival
    this.#options = options
  }

  /** What becomes known after its end, while that waits to be recorded, is no part of it. */
  note(facts: Facts): void {
    if (this.#outcome === undefined) Object.assign(this.#facts, facts)
  }

  admit(): Promise<void> | undefined {
    // Its caller left meanwhile: that is on record, and behind an end no request is received.
    if (this.#outcome !== undefined) return undefined
    switch (this.#options.mode) {
      case 'blocking-strict': return this.#judged().most === 'None' ? undefined : this.#requireReceived()
      case 'blocking': {
        this.#received()
        return this.#judged().most === 'None' ? undefined : this.#options.backlog()
      }
      case 'batch': {
        this.#received()
        return undefined
      }
    }
  }

  /** Whatever stages are omitted: no request may pass that is not on record. */
  #requireReceived(): Promise<void> {
    this.#begun = true
    const received = this.#options.recordNow(this.#moment('RequestReceived', this.#judged().now))
    return received.catch((cause: unknown) => {
      throw new ProxyError('AuditUnavailable', 'the audit log cannot be written, and without it no request goes up', {
        cause, retryAfter: 1,
      })
    })
  }

  #received(): void {
    const { now } = this.#judged()
    if (!this.#begun && now.level !== 'None') this.#record('RequestReceived', now)
  }

  bodies(): BodyCopies | undefined {
    const { resolved } = this.#facts
    const judgement = this.#judged()
    if (resolved === undefined || judgement.most === 'None') return undefined
    const { attributes, longRunning } = resolved
    const { maxBodySize } = this.#options
    this.#bodies = new Bodies({
      arrival: this.#arrival, attributes, longRunning, judgement, maxSize: maxBodySize(), levelOf: (object, end) => this.#levelOf({ ...attributes, ...object }, end),
    })
    return this.#bodies
  }

  /** As it came here; where a rule names it for `get`, as such rules mostly do, no more than that. */
  #levelOf(attributes: Attributes, end: AuditedEnd): AuditLevel {
    const { resolved } = this.#facts
    if (resolved === undefined) return 'None'
    const decided = (verb: string) => this.#judge({ ...this.#facts, resolved: { ...resolved, attributes: { ...attributes, verb } } }).at(end)
    const [here, read] = [decided(attributes.verb), decided('get')]
    return read.byName && isAtLeast(here.level, read.level) ? read.level : here.level
  }

  recordsSession(): boolean {
    return this.#judged().now.recordSessions
  }

  started(status: number): void {
    if (this.#outcome !== undefined || this.#stream) return
    this.#stream = true
    const decision = this.#judged().at({ status })
    const record = (more: Partial<Moment>) => this.#record('ResponseStarted', decision, { status, ...more })
    if (this.#bodies?.awaitsStatus !== true) return record({})
    const at = this.#options.now()
    this.#startedLate = bodies => record({ at, bodies })
  }

  finish(outcome: Outcome): void {
    if (this.#outcome !== undefined) return
    const { received } = this.#facts
    // It is counted on; what it is now is what is recorded.
    if (received !== undefined) this.note({ received: { bytes: received.bytes } })
    this.#outcome = outcome
    // One that was refused never came to `admit`.
    this.#received()
    this.#endedAt = this.#options.now()
    const listeners = this.#listeners
    // What they know of the request is not held until its end is recorded.
    this.#listeners = []
    try {
      for (const listener of listeners) listener(outcome)
    } finally {
      this.#options.conclude(this)
    }
  }

  /** Copies of bodies are held for it. */
  get holdsBodies(): boolean {
    return this.#bodies?.any === true
  }

  /** Records how it ended. Once, after `finish`. */
  conclude(): void {
    const outcome = this.#outcome
    if (outcome === undefined) return
    const at = this.#endedAt
    const decision = this.#judged().at(endOf(outcome))
    const bodies = this.#bodies?.tell(decision, outcome)
    this.#startedLate?.(bodies)
    this.#record('ResponseComplete', decision, { outcome, bodies, at })
    this.#options.ended(this.#arrival, this.#facts, outcome, at)
  }

  onFinish(listener: (outcome: Outcome) => void): void {
    // The caller may have left while it was still being admitted: what is taken after that is given back at once.
    if (this.#outcome === undefined) this.#listeners.push(listener)
    else listener(this.#outcome)
  }

  /** Judged at the first event, as the API server does, whatever becomes known or is reloaded later. */
  #judged(): AuditJudgement {
    this.#judgement ??= this.#judge(this.#facts)
    return this.#judgement
  }

  #judge(facts: Facts): AuditJudgement {
    this.#policy ??= this.#options.policy()
    return this.#policy(facts, this.#arrival)
  }

  #record(stage: Stage, decision: AuditDecision, more: Partial<Moment> = {}): void {
    if (decision.omitStages.has(stage)) return
    if (decision.level === 'None' && !this.#begun) return
    this.#begun = true
    this.#options.record({ ...this.#moment(stage, decision), ...more })
  }

  /** What has begun in the log is ended there, though a rule of its code would have left all of it out. */
  #moment(stage: Stage, decision: AuditDecision): Moment {
    const { level } = decision
    return {
      arrival: this.#arrival,
      facts: this.#facts,
      stage,
      level: level === 'None' ? 'Metadata' : level,
      // As the API server does: the stage is as old as the request.
      at: stage === 'RequestReceived' ? this.#arrival.receivedAt : this.#options.now(),
      stream: this.#stream,
      ...stage === 'ResponseComplete' ? {} : { omittedEnds: ends.filter(end => decision.omitStages.has(end)) },
    }
  }
}
