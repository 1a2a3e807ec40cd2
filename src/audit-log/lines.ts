/** A line as it stands in a file. */
export interface RawLine {
  /** The first is 1. */
  readonly number: number
  /** Without its end; empty where it is too long. A view of what was read: copy what is kept. */
  readonly bytes: Buffer
  /** False for what stands behind the last end of a line: it is being written, or was cut. */
  readonly ended: boolean
  readonly tooLong: boolean
}

/** Bytes of a line, beyond which it is passed over: twice the largest body that the API server takes, in base64, twice over. */
export const longestLine = 16 * 1024 ** 2

const newline = 10
const nothing = Buffer.alloc(0)

/** Cuts bytes into lines, wherever chunks of them end; holds no more than one line. */
export class LineSplitter {
  readonly #longest: number
  #rest: Buffer[] = []
  #held = 0
  #tooLong = false
  #number = 0

  constructor(longest = longestLine) {
    this.#longest = longest
  }

  /** The lines that end in this chunk. */
  push(chunk: Buffer): RawLine[] {
    const lines: RawLine[] = []
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      lines.push(this.#line(chunk.subarray(from, end), true))
      from = end + 1
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from))
    return lines
  }

  /** What stands behind the last end of a line; nothing comes after it. */
  end(): RawLine[] {
    return this.#held === 0 && !this.#tooLong ? [] : [this.#line(nothing, false)]
  }

  #hold(bytes: Buffer): void {
    this.#held += bytes.length
    if (this.#held > this.#longest) this.#tooLong = true
    if (this.#tooLong) this.#rest = []
    else this.#rest.push(bytes)
  }

  #line(last: Buffer, ended: boolean): RawLine {
    const tooLong = this.#tooLong || this.#held + last.length > this.#longest
    const bytes = tooLong ? nothing : this.#rest.length === 0 ? last : Buffer.concat([...this.#rest, last])
    this.#rest = []
    this.#held = 0
    this.#tooLong = false
    this.#number += 1
    return { number: this.#number, bytes, ended, tooLong }
  }
}
