interface Held {
  readonly line: string | Buffer
  /** Milliseconds, of the clock that is given. */
  readonly since: number
}

/** What is held for requests at most, in bytes. */
const most = 64 * 1024 ** 2

/**
 * Lines of requests that have begun in a log and not ended in it yet. It holds no more than
 * `longest` bytes: beyond that the oldest are given up as open, for the log has lost their ends.
 */
export class OpenRequests {
  readonly #held = new Map<string, Held>()
  readonly #longest: number
  #size = 0

  constructor(longest = most) {
    this.#longest = longest
  }

  /** Takes the latest line of a request; returns those that there is no room for any more. */
  begin(auditID: string, line: string | Buffer, now: number): (string | Buffer)[] {
    this.end(auditID)
    this.#held.set(auditID, { line, since: now })
    this.#size += line.length
    const given: (string | Buffer)[] = []
    for (const [oldest, held] of this.#held) {
      if (this.#size <= this.#longest) break
      this.end(oldest)
      given.push(held.line)
    }
    return given
  }

  end(auditID: string): void {
    if (this.#held.size === 0) return
    this.#size -= this.#held.get(auditID)?.line.length ?? 0
    this.#held.delete(auditID)
  }

  /** Those that came at this time or before, oldest first; they are held no more. */
  take(until = Infinity): (string | Buffer)[] {
    const taken = [...this.#held].filter(([, { since }]) => since <= until)
    for (const [auditID] of taken) this.end(auditID)
    return taken.map(([, { line }]) => line)
  }
}
