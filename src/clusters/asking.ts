import { backOff } from '../back-off.ts'
import { scheduleUnreferenced, type Schedule } from '../schedule.ts'

/**
 * Asks; never rejects. Resolves with how long the answer holds, in milliseconds (`Infinity`: for
 * good), or with undefined where there was none.
 */
export type Ask = (signal: AbortSignal) => Promise<number | undefined>

/** Milliseconds between two attempts. */
const slowest = 300_000

/**
 * Asks an API server something about itself or about us, beside the requests: at once, again when
 * the answer no longer holds, and ever more slowly while there is none.
 */
export class Asking {
  /** Resolves when the first attempt is over, whatever came of it. */
  readonly tried: Promise<void>
  readonly #ask: Ask
  readonly #schedule: Schedule
  readonly #stop = new AbortController()
  #underWay = false
  #failures = 0
  #cancel: () => void = () => {}

  constructor(ask: Ask, schedule: Schedule = scheduleUnreferenced) {
    this.#ask = ask
    this.#schedule = schedule
    this.tried = this.#run()
  }

  /** Asks now, though the last answer still holds. Does nothing while one is under way, or is to be tried again. */
  again(): void {
    if (this.#underWay || this.#failures > 0 || this.#stop.signal.aborted) return
    this.#cancel()
    void this.#run()
  }

  close(): void {
    this.#stop.abort()
    this.#cancel()
  }

  async #run(): Promise<void> {
    this.#underWay = true
    const holds = await this.#ask(this.#stop.signal)
    this.#underWay = false
    if (this.#stop.signal.aborted) return
    this.#failures = holds === undefined ? this.#failures + 1 : 0
    const wait = holds ?? backOff(this.#failures, slowest)
    if (wait !== Infinity) this.#cancel = this.#schedule(wait, () => void this.#run())
  }
}
