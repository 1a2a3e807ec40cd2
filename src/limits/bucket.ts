/** What sums of fractions may be off by; far less than a request. What is let in too early by it is owed afterwards. */
const rounding = 1e-6

/** A token bucket: requests that may come at once; grows by `rate` a second, up to `size`. Begins full. */
export class Bucket {
  #tokens: number
  #filledAt: number
  #rate: number
  #size: number

  constructor(rate: number, size: number, at: number) {
    this.#rate = rate
    this.#size = size
    this.#tokens = size
    this.#filledAt = at
  }

  /** `at` in milliseconds, never before the last. */
  refill(at: number): void {
    this.#tokens = this.#at(at)
    this.#filledAt = at
  }

  #at(at: number): number {
    return Math.min(this.#size, this.#tokens + (at - this.#filledAt) / 1000 * this.#rate)
  }

  /** From here on; the time before is paid by the rate of before. */
  change(rate: number, size: number): void {
    this.#rate = rate
    this.#size = size
    this.#tokens = Math.min(size, this.#tokens)
  }

  get isEmpty(): boolean {
    return this.#tokens < 1 - rounding
  }

  /** Until there is one, from the last refill on. */
  get secondsToNext(): number {
    return (1 - rounding - this.#tokens) / this.#rate
  }

  spend(): void {
    this.#tokens -= 1
  }

  isFull(at: number): boolean {
    return this.#at(at) >= this.#size
  }
}
