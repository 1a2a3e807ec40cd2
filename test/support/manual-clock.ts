/** Time that passes when told to, and the timers that go with it. */
export class Clock {
  #time: number
  /** Where the wall clock was set to differs from the time that passed. */
  #shift = 0
  readonly #timers = new Set<{ readonly at: number, readonly task: () => void }>()
  /** The longest wait that was ever asked for, in milliseconds. */
  longestWait = 0

  constructor(start: number) {
    this.#time = start
  }

  readonly now = (): number => this.#time + this.#shift

  readonly schedule = (task: () => void, ms: number): (() => void) => {
    const timer = { at: this.#time + ms, task }
    this.longestWait = Math.max(this.longestWait, ms)
    this.#timers.add(timer)
    return () => { this.#timers.delete(timer) }
  }

  get pending(): number {
    return this.#timers.size
  }

  /** Sets the wall clock; no timer notices. */
  set(now: number): void {
    this.#shift = now - this.#time
  }

  advance(ms: number): void {
    const end = this.#time + ms
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers.delete(next)
      this.#time = next.at
      next.task()
    }
    this.#time = end
  }
}
