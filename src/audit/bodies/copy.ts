/** Up to a bound, pieces of a body as they pass. What is larger is given up at once, so that nothing of it is held. */
export class BodyCopy {
  readonly maxSize: number
  #chunks: Buffer[] = []
  #size = 0

  /** `maxSize` in bytes. */
  constructor(maxSize: number) {
    this.maxSize = maxSize
  }

  readonly take = (chunk: Uint8Array): void => {
    this.#size += chunk.length
    if (this.#size > this.maxSize) this.#chunks = []
    // A copy: its memory may be another's by the time that it is looked at.
    else this.#chunks.push(Buffer.from(chunk))
  }

  /** Bytes that passed. */
  get size(): number {
    return this.#size
  }

  /** Undefined where it was too large. */
  bytes(): Buffer | undefined {
    return this.#size > this.maxSize ? undefined : Buffer.concat(this.#chunks)
  }
}
