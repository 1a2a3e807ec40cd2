interface Flight<T> {
  readonly startedAt: number
  readonly landed: Promise<T>
  /** Shared by everyone for whom this one started too early. */
  next: Promise<T> | undefined
}

/**
 * One request at a time for each key, however many wait for it. None of them owns
 * it: a caller that leaves takes nothing from the others.
 */
export class Flights<T> {
  readonly #now: () => number
  readonly #flights = new Map<string, Flight<T>>()

  constructor(now: () => number) {
    this.#now = now
  }

  has(key: string): boolean {
    return this.#flights.has(key)
  }

  /**
   * Joins the flight under way if it started at `notBefore` or later, else waits for
   * the next one, which starts when that has landed.
   */
  join(key: string, notBefore: number, start: () => Promise<T>): Promise<T> {
    const flight = this.#flights.get(key)
    if (flight === undefined) return this.#start(key, start)
    if (flight.startedAt >= notBefore) return flight.landed
    const asked = this.#now()
    const again = (): Promise<T> => this.join(key, asked, start)
    flight.next ??= flight.landed.then(again, again)
    return flight.next
  }

  #start(key: string, start: () => Promise<T>): Promise<T> {
    const startedAt = this.#now()
    const landed = start().finally(() => this.#flights.delete(key))
    this.#flights.set(key, { startedAt, landed, next: undefined })
    return landed
  }
}
