/**
 * Does one step of several requests in a row, once for what came in one turn of the event loop. Code and tables that one
 * request has just used are still in the processor's caches then; where each request takes all of its steps by itself,
 * they have to be fetched again for each: measured, twice the processor time of a discovery hit.
 */
export class Batch<T> {
  #held: T[] = []
  readonly #work: (item: T) => void
  readonly #later: (run: () => void) => void

  /** `later`: calls what it is given once, in a moment; `setImmediate`, `process.nextTick`. */
  constructor(work: (item: T) => void, later: (run: () => void) => void) {
    this.#work = work
    this.#later = later
  }

  add(item: T): void {
    if (this.#held.push(item) === 1) this.#later(this.flush)
  }

  get size(): number {
    return this.#held.length
  }

  /** Does at once what is held, in the order in which it came. Throws what `work` throws; what is behind that has a moment of its own. */
  readonly flush = (): void => {
    const items = this.#held
    if (items.length === 0) return
    this.#held = []
    let begun = 0
    try {
      for (const item of items) {
        begun += 1
        this.#work(item)
      }
    } finally {
      if (begun < items.length) {
        this.#held = [...items.slice(begun), ...this.#held]
        this.#later(this.flush)
      }
    }
  }
}
