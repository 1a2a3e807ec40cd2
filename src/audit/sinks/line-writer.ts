import type { ReusedMemory } from '../../reused-memory.ts'

/** Where a queue's lines end up. */
export interface LineWriter {
  /**
   * Writes whole lines, each with its line break, in order. Rejects with IncompleteWrite where some of it is out
   * already, with Undeliverable where repeating is of no use; after any other error all of it is repeated. The chunk's
   * memory is the next one's once this has settled.
   */
  write(chunk: Buffer): Promise<void>
  /** Resolves when the next write may begin, or with `signal`; never rejects. That is no part of the write: who waits here is well. */
  readonly turn?: ((signal: AbortSignal) => Promise<void>) | undefined
  close(): Promise<void>
}

/** A write that failed after `written` bytes; `cause` says why. */
export class IncompleteWrite extends Error {
  override readonly name = 'IncompleteWrite'
  readonly written: number

  constructor(written: number, options: ErrorOptions, message = 'an audit write failed half-way') {
    super(message, options)
    this.written = written
  }
}

/** The next `lines` lines will never be taken: they are to be counted as dropped, and those behind them are to be tried. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable'
  readonly lines: number
  /** It is the fault of those lines alone: others would be taken. */
  readonly faultOfLines: boolean

  constructor(lines: number, message: string, { faultOfLines = false } = {}) {
    super(message)
    this.lines = lines
    this.faultOfLines = faultOfLines
  }
}

/** It is not to be repeated for so many milliseconds. */
export class NotBefore extends Error {
  override readonly name = 'NotBefore'
  readonly wait: number

  constructor(wait: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.wait = wait
  }
}

/** What a failed write means: so many bytes are out, so many lines behind them are lost, the rest is to be repeated no sooner than that. */
export interface Failure {
  readonly error: Error
  readonly written: number
  readonly lost: number
  /** The writer itself works: the rest need not wait. */
  readonly works: boolean
  /** Milliseconds. */
  readonly wait: number
}

export function readFailure(thrown: unknown): Failure {
  const error = thrown instanceof Error ? thrown : new Error('an audit write failed', { cause: thrown })
  const reason = error instanceof IncompleteWrite ? error.cause : error
  return {
    error,
    written: error instanceof IncompleteWrite ? error.written : 0,
    lost: reason instanceof Undeliverable ? reason.lines : 0,
    works: reason instanceof Undeliverable && reason.faultOfLines,
    wait: reason instanceof NotBefore ? reason.wait : 0,
  }
}

/** Each with its line break; in `memory`, until that is asked again. */
export function joinLines(lines: readonly string[], memory: ReusedMemory): Buffer {
  // UTF-8 takes three bytes of a character at most.
  const bytes = memory.take(lines.reduce((sum, line) => sum + 3 * line.length + 1, 0))
  let size = 0
  for (const line of lines) {
    size += bytes.write(line, size)
    bytes[size++] = 10
  }
  return bytes.subarray(0, size)
}

/** Line breaks, of which each line has one. */
export function linesIn(chunk: Buffer): number {
  let count = 0
  for (const byte of chunk) if (byte === 10) count += 1
  return count
}
