import type { Output } from './output.ts'
import { silence } from './saying.ts'

export interface ProgressBarOptions {
  readonly stderr: Output & { readonly isTTY?: boolean }
  /** What is done, as in `reading the audit log`. */
  readonly what: string
  /** Bytes in all; undefined: nobody knows. */
  readonly total: number | undefined
  /** Milliseconds. */
  readonly now: () => number
}

/** Milliseconds between two looks of the bar. */
const every = 100
const width = 24
const wipe = '\r\x1b[K'

/** A bar on stderr for what takes more than two seconds, where somebody looks on; nothing anywhere else. */
export class ProgressBar {
  readonly #options: ProgressBarOptions
  readonly #began: number
  #next: number
  #done = 0
  #drawn = false

  constructor(options: ProgressBarOptions) {
    this.#options = options
    this.#began = options.now()
    this.#next = options.stderr.isTTY === true ? this.#began + silence : Infinity
  }

  /** So many bytes more are done. */
  add(bytes: number): void {
    this.#done += bytes
    if (this.#next === Infinity) return
    const now = this.#options.now()
    if (now < this.#next) return
    this.#next = now + every
    this.#drawn = true
    this.#options.stderr.write(`${wipe}${this.#text(now)}`, () => {})
  }

  /** Takes the bar away, before something else is written. */
  clear(): void {
    if (!this.#drawn) return
    this.#drawn = false
    this.#options.stderr.write(wipe, () => {})
  }

  /** It draws no more. */
  end(): void {
    this.clear()
    this.#next = Infinity
  }

  #text(now: number): string {
    const { what, total } = this.#options
    if (total === undefined || total === 0) return `${what}: ${mebibytes(this.#done)}`
    const part = Math.min(1, this.#done / total)
    const left = Math.ceil((now - this.#began) * (1 / part - 1) / 1000)
    const full = Math.round(part * width)
    return `${what} [${'#'.repeat(full)}${'.'.repeat(width - full)}] ${Math.floor(part * 100)} % of ${mebibytes(total)}, ${left} s left`
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`
}
