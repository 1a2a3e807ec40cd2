import type { Sink, SinkReport } from '../audit/sinks/sink.ts'
import type { Channel } from './channel.ts'
import type { ToPrimary, ToWorker } from './messages.ts'

export interface RemoteSinkOptions {
  readonly channel: Pick<Channel<ToWorker, ToPrimary>, 'open' | 'send' | 'on' | 'onGone'>
  /** Characters held at most until the primary has them; lines beyond are dropped and counted. */
  readonly maxHeld?: number
  /** Characters sent at once. */
  readonly maxBatch?: number
  /** Milliseconds a line may wait for others. */
  readonly wait?: number
  /** Milliseconds after which a primary that does not answer counts as failing, and close gives up. */
  readonly patience?: number
  /** Milliseconds, monotonic. */
  readonly now?: () => number
}

interface Batch {
  readonly lines: number
  readonly size: number
  readonly sentAt: number
  readonly settle: readonly ((error?: Error) => void)[]
}

const gone = 'the primary is gone'

/**
 * The sinks of all workers are the primary's, which alone writes: so a file is rotated by one,
 * and a line of one never stands within another's. Lines go there several at once and in order;
 * what is on the way is bounded, as `LineQueue` bounds what it holds.
 */
export function createRemoteSink(options: RemoteSinkOptions): Sink {
  return new RemoteSink(options)
}

class RemoteSink implements Sink {
  readonly name = 'worker'
  readonly #options: Required<RemoteSinkOptions>
  readonly #sent = new Map<number, Batch>()
  #report: SinkReport = { dropped() {}, failed() {} }
  #lines: string[] = []
  #waiting: ((error?: Error) => void)[] = []
  /** Characters: those not sent yet, and all that the primary has not confirmed. */
  #collected = 0
  #held = 0
  #lastId = 0
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  #closed = false
  #allConfirmed = () => {}

  constructor(options: RemoteSinkOptions) {
    this.#options = { maxHeld: 16 * 1024 * 1024, maxBatch: 256 * 1024, wait: 50, patience: 5_000, now: () => performance.now(), ...options }
    options.channel.on('audited', ({ id, error }) => this.#confirm(id, error === undefined ? undefined : new Error(error)))
    options.channel.onGone(() => this.#lose())
  }

  attach(report: SinkReport): void {
    this.#report = report
  }

  write(line: string): void {
    if (!this.#hold(line)) return
    if (this.#collected >= this.#options.maxBatch) this.#send()
    else this.#timer ??= setTimeout(() => this.#send(), this.#options.wait)
  }

  writeNow(line: string): Promise<void> {
    if (!this.healthy()) {
      this.write(line)
      return Promise.reject(new Error(this.#options.channel.open ? 'the primary does not answer' : gone))
    }
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => { if (error === undefined) resolve(); else reject(error) }
      if (!this.#hold(line)) return settle(new Error('too many lines wait for the primary'))
      this.#waiting.push(settle)
      // What else comes in this turn goes along.
      this.#turn ??= setImmediate(() => this.#send())
    })
  }

  healthy(): boolean {
    const { channel, now, patience } = this.#options
    const [oldest] = this.#sent.values()
    return channel.open && (oldest === undefined || now() - oldest.sentAt < patience)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#send()
    this.#closed = true
    if (this.#sent.size > 0) await this.#untilConfirmed()
    this.#lose()
  }

  #hold(line: string): boolean {
    const size = line.length + 1
    if (this.#closed || !this.#options.channel.open || this.#held + size > this.#options.maxHeld) {
      this.#report.dropped(1)
      return false
    }
    this.#lines.push(line)
    this.#collected += size
    this.#held += size
    return true
  }

  #send(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
    this.#timer = undefined
    this.#turn = undefined
    if (this.#lines.length === 0) return
    const [lines, settle] = [this.#lines, this.#waiting]
    this.#lastId += 1
    this.#sent.set(this.#lastId, { lines: lines.length, size: this.#collected, sentAt: this.#options.now(), settle })
    this.#lines = []
    this.#waiting = []
    this.#collected = 0
    this.#options.channel.send({ kind: 'audit', id: this.#lastId, now: settle.length > 0, lines })
  }

  #confirm(id: number, error: Error | undefined): void {
    const batch = this.#sent.get(id)
    if (batch === undefined) return
    this.#sent.delete(id)
    this.#held -= batch.size
    for (const settle of batch.settle) settle(error)
    if (this.#sent.size === 0) this.#allConfirmed()
  }

  /** Nobody waits any more for what is still here. While the primary is there it has it, and writes or counts it, however slow it is. */
  #lose(): void {
    this.#send()
    const lost = [...this.#sent.values()].reduce((sum, { lines }) => sum + lines, 0)
    for (const id of this.#sent.keys()) this.#confirm(id, new Error(gone))
    if (lost > 0 && !this.#options.channel.open) this.#report.dropped(lost)
  }

  #untilConfirmed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.patience)
      this.#allConfirmed = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
