export interface ExpiriesOptions<T> {
  readonly now: () => number
  readonly schedule: (task: () => void, ms: number) => () => void
  readonly onExpired: (item: T, date: number) => void
}

/**
 * Longest single wait. setTimeout fires at once beyond 2^31 ms, and does not notice
 * when the wall clock is set: looking once a second bounds that too.
 */
const longestWaitMs = 1000

/** Things with an end date, and one timer for the earliest. Few dates for many things: a key's streams share one. */
export class Expiries<T> {
  readonly #options: ExpiriesOptions<T>
  readonly #dates = new Map<T, number>()
  readonly #byDate = new Map<number, Set<T>>()
  #cancel: (() => void) | undefined
  /** When the timer looks next; one that finds nothing to do does no harm. */
  #nextLook = Infinity

  constructor(options: ExpiriesOptions<T>) {
    this.#options = options
  }

  /** Milliseconds since the epoch; undefined: never. A later call replaces an earlier one. */
  set(item: T, date: number | undefined): void {
    if (this.#dates.get(item) === date) return
    this.delete(item)
    if (date === undefined) return
    this.#dates.set(item, date)
    const sameDate = this.#byDate.get(date)
    if (sameDate === undefined) this.#byDate.set(date, new Set([item]))
    else sameDate.add(item)
    this.#lookAt(date)
  }

  delete(item: T): void {
    const date = this.#dates.get(item)
    if (date === undefined) return
    this.#dates.delete(item)
    const sameDate = this.#byDate.get(date)
    sameDate?.delete(item)
    if (sameDate?.size === 0) this.#byDate.delete(date)
    if (this.#byDate.size === 0) this.#stopLooking()
  }

  clear(): void {
    this.#dates.clear()
    this.#byDate.clear()
    this.#stopLooking()
  }

  #lookAt(date: number): void {
    const now = this.#options.now()
    const at = Math.min(date, now + longestWaitMs)
    if (at >= this.#nextLook) return
    this.#stopLooking()
    this.#nextLook = at
    this.#cancel = this.#options.schedule(() => this.#look(), Math.max(0, at - now))
  }

  #stopLooking(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#nextLook = Infinity
  }

  #look(): void {
    this.#stopLooking()
    const now = this.#options.now()
    let earliest = Infinity
    for (const [date, items] of this.#byDate) {
      if (date > now) earliest = Math.min(earliest, date)
      else for (const item of items) this.#expire(item, date)
    }
    if (earliest < Infinity) this.#lookAt(earliest)
  }

  #expire(item: T, date: number): void {
    this.delete(item)
    this.#options.onExpired(item, date)
  }
}
