import { backOff } from '../back-off.ts'
import { scheduleUnreferenced, type Schedule } from '../schedule.ts'

/**
 * Asks; never rejects. Resolves with how long the answer holds, in milliseconds (`Infinity`: for
 * good), or with undefined where there was none.
 */
export type Ask = (signal: AbortSignal) => Promise<number | undefined>

/** Milliseconds between two attempts. */
const slowest = 300_000
/** The same while there is no answer at all: callers are refused for want of it. */
const slowestUnanswered = 10_000

/**
 * Asks an API server something about itself or about us, beside the requests: at once, again when
 * the answer no longer holds, and ever more slowly while there is none.
 */
export class Asking {
  /** Resolves when the first attempt is over, whatever came of it. */
  readonly tried: Promise<void>
  /** Resolves with the first answer; never where it is closed before. */
  readonly answered: Promise<void>
  readonly #ask: Ask
  readonly #schedule: Schedule
  readonly #stop = new AbortController()
  #underWay = false
  #failures = 0
  #answered = false
  #tellAnswered = () => {}
  #cancel: () => void = () => {}

  constructor(ask: Ask, schedule: Schedule = scheduleUnreferenced) {
    this.#ask = ask
    this.#schedule = schedule
    this.answered = new Promise((resolve) => { this.#tellAnswered = resolve })
    this.tried = this.#run()
  }

  /** Asks now, for the last answer may hold no more. Does nothing while one is under way, or is to be tried again for that. */
  again(): void {
    if (this.#failures > 0 && !this.#answered) return
    this.#answered = false
    this.#now()
  }

  /** The API server can be reached: what failed is tried at once. The second attempt is near anyway, so it is two a second at most. */
  soon(): void {
    if (this.#failures < 2) return
    this.#failures = 0
    this.#now()
  }

  close(): void {
    this.#stop.abort()
    this.#cancel()
  }

  #now(): void {
    if (this.#underWay || this.#stop.signal.aborted) return
    this.#cancel()
    void this.#run()
  }

  async #run(): Promise<void> {
    this.#underWay = true
    const holds = await this.#ask(this.#stop.signal)
    this.#underWay = false
    if (this.#stop.signal.aborted) return
    this.#failures = holds === undefined ? this.#failures + 1 : 0
    this.#answered ||= holds !== undefined
    if (this.#answered) this.#tellAnswered()
    const wait = holds ?? backOff(this.#failures, this.#answered ? slowest : slowestUnanswered)
    if (wait !== Infinity) this.#cancel = this.#schedule(wait, () => void this.#run())
  }
}
