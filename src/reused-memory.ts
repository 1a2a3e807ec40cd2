/** Bytes up to which it is kept: what a batch of lines takes, unless bodies are written. */
const most = 1024 * 1024

/**
 * A piece of memory that is used again for one batch of lines after the other. A new one for each would be given back to
 * the system each time, and fetched again page by page: up to 10 µs a line, more than all else that is done to it.
 */
export class ReusedMemory {
  #kept: Buffer = Buffer.alloc(0)

  /** At least so many bytes, of any content, until it is asked again. */
  take(size: number): Buffer {
    if (size > most) return Buffer.allocUnsafeSlow(size)
    if (size > this.#kept.length) this.#kept = Buffer.allocUnsafeSlow(size)
    return this.#kept
  }
}
