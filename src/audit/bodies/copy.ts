/** Up to a bound, a body as it passes. What is larger is given up at once, so that nothing of it is held. */
export class BodyCopy {
  readonly maxSize: number
  /** Doubled as it fills: pieces of a byte each cost no more than one of all. */
  #held = Buffer.alloc(0)
  #size = 0

  /** `maxSize` in bytes. */
  constructor(maxSize: number) {
    this.maxSize = maxSize
  }

  readonly take = (chunk: Uint8Array): void => {
    const from = this.#size
    this.#size += chunk.length
    if (this.#size > this.maxSize) {
      this.#held = Buffer.alloc(0)
      return
    }
    if (this.#size > this.#held.length) this.#grow()
    this.#held.set(chunk, from)
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(Math.min(this.maxSize, Math.max(this.#size, 2 * this.#held.length)))
    this.#held.copy(larger)
    this.#held = larger
  }

  /** Bytes that passed. */
  get size(): number {
    return this.#size
  }

  /** Undefined where it was too large. */
  bytes(): Buffer | undefined {
    return this.#size > this.maxSize ? undefined : this.#held.subarray(0, this.#size)
  }
}
