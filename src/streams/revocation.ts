/** One change that may end streams: from when it counts, and who is still asked about or still ending because of it. */
export class Revocation {
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly #onOver: (since: number) => void
  #held = 0
  #ended = false

  /** `onOver` is told when nobody is asked about any more and the last stream that it ended is over; never where it ended none. */
  constructor(since: number, onOver: (since: number) => void) {
    this.since = since
    this.#onOver = onOver
  }

  hold(): void {
    this.#held += 1
  }

  letGo(): void {
    this.#held -= 1
    if (this.#held > 0 || !this.#ended) return
    this.#ended = false
    this.#onOver(this.since)
  }

  /** A stream that this ended is over. */
  over(): void {
    this.#ended = true
    this.letGo()
  }
}
