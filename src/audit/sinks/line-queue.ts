import { ReusedMemory } from '../../reused-memory.ts'
import { joinLines, readFailure, type LineWriter, linesIn } from './line-writer.ts'
import type { Sink, SinkReport } from './sink.ts'

export interface LineQueueOptions {
  /** Characters held at most while the writer is slow or failing; lines beyond are dropped and counted. */
  readonly maxHeld?: number
  /** Lines held at most, likewise. */
  readonly maxHeldLines?: number
  /** Characters written at once. */
  readonly maxBatch?: number
  /** Lines written at once. */
  readonly maxBatchLines?: number
  /** Milliseconds a line may wait for others. */
  readonly wait?: number
  /** Milliseconds before a failed write is repeated: doubled from the first to the last. */
  readonly backOff?: { readonly first: number, readonly last: number }
  /** Milliseconds after which a write that does not return counts as a failing sink, and close gives up. */
  readonly patience?: number
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export const lineQueueDefaults = {
  maxHeld: 16 * 1024 * 1024,
  maxHeldLines: Infinity,
  maxBatch: 256 * 1024,
  maxBatchLines: Infinity,
  wait: 50,
  backOff: { first: 100, last: 5_000 },
  patience: 5_000,
  now: Date.now,
} satisfies LineQueueOptions

interface Line {
  readonly text: string
  readonly settle: ((error?: Error) => void) | undefined
}

/** Without some: those will never be taken, and the rest of the batch goes out at once. */
type Outcome = 'written' | 'without some' | 'failed'

/**
 * Lines on their way to a writer: off the request's path, in order, one write at a
 * time, several lines a write. A failed write keeps its lines and is repeated; what
 * is held is bounded, and what does not fit is counted.
 */
export class LineQueue implements Sink {
  readonly name: string
  readonly #writer: LineWriter
  readonly #options: Required<LineQueueOptions>
  #report: SinkReport = { dropped() {}, failed() {} }
  #lines: Line[] = []
  #held = 0
  #urgent = 0
  #failures = 0
  /** Milliseconds that the writer itself asked to wait after its last failure. */
  #notBefore = 0
  /** Writes, or waits for its turn to. */
  #draining = false
  #writing: Line[] = []
  #writingSince = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false
  readonly #closing = new AbortController()
  #idle: (() => void) | undefined
  readonly #memory = new ReusedMemory()

  constructor(name: string, writer: LineWriter, options: LineQueueOptions = {}) {
    this.name = name
    this.#writer = writer
    this.#options = { ...lineQueueDefaults, ...options }
  }

  attach(report: SinkReport): void {
    this.#report = report
  }

  write(line: string): void {
    if (!this.#hold({ text: line, settle: undefined })) return
    if (this.#isBatch()) this.#start()
    else this.#startIn(this.#options.wait)
  }

  writeNow(line: string): Promise<void> {
    // A failing writer is tried again when its pause is over, not by every request that comes.
    if (!this.healthy()) {
      this.write(line)
      return Promise.reject(new Error('the sink is failing'))
    }
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        if (error === undefined) resolve()
        else reject(error)
      }
      if (!this.#hold({ text: line, settle })) return
      this.#urgent += 1
      this.#start()
    })
  }

  healthy(): boolean {
    const { now, patience } = this.#options
    return this.#failures === 0 && (this.#writing.length === 0 || now() - this.#writingSince < patience)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#closing.abort()
    this.#start()
    await this.#untilIdle()
    this.#lines = [...this.#writing, ...this.#lines]
    this.#rejectWaiting(new Error('the sink is closed'))
    if (this.#lines.length > 0) this.#report.dropped(this.#lines.length)
    // A write that does not return would keep its file waiting for ever; the process is about to end.
    if (this.#writing.length === 0) await this.#writer.close()
    this.#lines = []
  }

  #hold(line: Line): boolean {
    const size = line.text.length + 1
    const { maxHeld, maxHeldLines } = this.#options
    const full = this.#held + size > maxHeld || this.#lines.length + this.#writing.length >= maxHeldLines
    if (this.#closed || full) {
      this.#report.dropped(1)
      line.settle?.(new Error(this.#closed ? 'the sink is closed' : 'the sink holds too many lines'))
      return false
    }
    this.#lines.push(line)
    this.#held += size
    return true
  }

  #startIn(wait: number): void {
    if (this.#timer !== undefined || this.#draining) return
    this.#timer = setTimeout(() => this.#startNow(), wait)
  }

  #start(): void {
    const pausing = this.#failures > 0 && this.#timer !== undefined && !this.#closed
    if (!this.#draining && !pausing) this.#startNow()
  }

  #startNow(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    void this.#drain()
  }

  /** Writes until nothing is left that may not wait, then leaves the rest to the timer. */
  async #drain(): Promise<void> {
    this.#draining = true
    while (this.#lines.length > 0) {
      if (this.#writer.turn !== undefined) await this.#writer.turn(this.#closing.signal)
      this.#writing = this.#take()
      this.#writingSince = this.#options.now()
      const outcome = await this.#writeBatch(this.#writing)
      this.#writing = []
      if (outcome === 'failed' || outcome === 'written' && !this.#mustGoOn()) break
    }
    this.#draining = false
    if (this.#lines.length > 0 && !this.#closed) this.#startIn(this.#failures > 0 ? this.#pause() : this.#options.wait)
    this.#idle?.()
  }

  #mustGoOn(): boolean {
    return this.#closed || this.#urgent > 0 || this.#isBatch()
  }

  #isBatch(): boolean {
    return this.#held >= this.#options.maxBatch || this.#lines.length >= this.#options.maxBatchLines
  }

  #take(): Line[] {
    const { maxBatch, maxBatchLines } = this.#options
    let size = 0
    let count = 0
    for (const { text } of this.#lines) {
      size += text.length + 1
      if (count > 0 && (size > maxBatch || count >= maxBatchLines)) break
      count += 1
    }
    return this.#lines.splice(0, count)
  }

  /** What was not written is held again. */
  async #writeBatch(batch: Line[]): Promise<Outcome> {
    const chunk = joinLines(batch.map(({ text }) => text), this.#memory)
    try {
      await this.#writer.write(chunk)
      if (this.#failures > 0) this.#report.recovered?.()
      this.#failures = 0
      this.#done(batch)
      return 'written'
    } catch (thrown) {
      const { error, written, lost, wait, works } = readFailure(thrown)
      const complete = linesIn(chunk.subarray(0, written))
      this.#done(batch.slice(0, complete))
      this.#giveUp(batch.slice(complete, complete + lost), error)
      this.#lines = [...batch.slice(complete + lost), ...this.#lines]
      this.#failures = works ? 0 : this.#failures + 1
      this.#notBefore = wait
      if (!works) this.#rejectWaiting(error)
      this.#report.failed(error)
      return works ? 'without some' : 'failed'
    }
  }

  #giveUp(lines: readonly Line[], error: Error): void {
    if (lines.length === 0) return
    this.#done(lines, error)
    this.#report.dropped(lines.length)
  }

  #done(lines: readonly Line[], error?: Error): void {
    for (const { text, settle } of lines) {
      this.#held -= text.length + 1
      if (settle !== undefined) this.#urgent -= 1
      settle?.(error)
    }
  }

  /** Those who wait for a line hear that it is not written; the line itself stays. */
  #rejectWaiting(error: Error): void {
    if (this.#urgent === 0) return
    this.#urgent = 0
    this.#lines = this.#lines.map(({ text, settle }) => {
      settle?.(error)
      return { text, settle: undefined }
    })
  }

  #pause(): number {
    const { first, last } = this.#options.backOff
    return Math.max(this.#notBefore, Math.min(last, first * 2 ** Math.min(this.#failures - 1, 20)))
  }

  /** Until nothing is being written; at most as long as our patience lasts. */
  #untilIdle(): Promise<void> {
    if (!this.#draining) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.patience)
      this.#idle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
