import type { Admitted } from '../model/admitted.ts'
import type { Caller } from '../model/caller.ts'
import type { EarlyEnd } from '../model/trail.ts'
import { Expiries } from './expiries.ts'
import { Revocation } from './revocation.ts'
import type { OpenStream, StreamKind, Streams } from './streams.ts'

export interface StreamsOptions {
  /**
   * Asks anew what admit decided: the caller as the files define it now, or undefined
   * where the key or the scope that opened the stream is gone. What it throws is a no.
   */
  readonly recheck: (admitted: Admitted) => Caller | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that pass, whatever the clock is set to. Default: performance.now. */
  readonly elapsed?: () => number
  /** Told of every change that ended streams, when the last of them is over: how many seconds after the change that was. */
  readonly onRevoked?: (seconds: number) => void
  /** Calls `task` after `ms`; returns the way to call it off. Default: setTimeout. */
  readonly schedule?: (task: () => void, ms: number) => () => void
}

/** Streams that are asked about before other work gets its turn. One that is ended is as much work as many that are not. */
const batchSize = 250
const costOfEnd = 10
/** A batch ends after so many milliseconds as well: how long a question takes is another's affair. */
const longestBatch = 5

export function createStreams(options: StreamsOptions): Streams {
  return new OpenStreams(options)
}

class OpenStreams implements Streams {
  readonly #open = new Set<OpenStream>()
  readonly #counts = new Map<StreamKind, number>()
  /** To be asked about, oldest first, and because of what; a second recheck starts no second round. */
  readonly #pending = new Map<OpenStream, Revocation>()
  /** Told to end, and not over yet. */
  readonly #ending = new Map<OpenStream, Revocation>()
  readonly #expiries: Expiries<OpenStream>
  readonly #recheck: StreamsOptions['recheck']
  readonly #now: () => number
  readonly #elapsed: () => number
  readonly #over: (since: number) => void
  #latest: Revocation | undefined
  #expired: Revocation | undefined
  #nextBatch: NodeJS.Immediate | undefined
  #recheckedAt = -Infinity
  #draining = false

  constructor({ recheck, now, elapsed = () => performance.now(), onRevoked = () => {}, schedule = later }: StreamsOptions) {
    this.#recheck = recheck
    this.#now = now
    this.#elapsed = elapsed
    this.#expiries = new Expiries({ now, schedule, onExpired: (stream, date) => this.#expire(stream, date) })
    this.#over = since => onRevoked(Math.max(0, now() - since) / 1000)
  }

  add(stream: OpenStream): () => void {
    this.#open.add(stream)
    this.#counts.set(stream.kind, this.count(stream.kind) + 1)
    this.#expiries.set(stream, stream.admitted.caller.expiresAt)
    // What was admitted before the last change, and only comes here after it, was not asked about then.
    if (stream.admitted.arrival.receivedAt <= this.#recheckedAt) this.#askSoon(stream)
    if (this.#draining) queueMicrotask(() => this.#end(stream, 'drained'))
    return () => {
      this.#remove(stream)
      const revocation = this.#ending.get(stream)
      if (this.#ending.delete(stream)) revocation?.over()
    }
  }

  count(kind?: StreamKind): number {
    return kind === undefined ? this.#open.size : this.#counts.get(kind) ?? 0
  }

  recheck(since = this.#now()): void {
    this.#recheckedAt = this.#now()
    const revocation = this.#latest = new Revocation(since, this.#over)
    for (const stream of this.#open) this.#wait(stream, revocation)
    this.#askNextBatch()
  }

  endAll(): void {
    this.#draining = true
    for (const stream of this.#open) this.#end(stream, 'drained')
  }

  close(): void {
    clearImmediate(this.#nextBatch)
    this.#pending.clear()
    this.#expiries.clear()
  }

  #askSoon(stream: OpenStream): void {
    this.#wait(stream, this.#latest ??= new Revocation(this.#now(), this.#over))
    this.#nextBatch ??= setImmediate(() => this.#askNextBatch())
  }

  /** One that waits already waits since the change before. */
  #wait(stream: OpenStream, revocation: Revocation): void {
    if (this.#pending.has(stream)) return
    revocation.hold()
    this.#pending.set(stream, revocation)
  }

  #expire(stream: OpenStream, date: number): void {
    if (this.#expired?.since !== date) this.#expired = new Revocation(date, this.#over)
    this.#end(stream, 'revoked', this.#expired)
  }

  #askNextBatch(): void {
    clearImmediate(this.#nextBatch)
    this.#nextBatch = undefined
    const end = this.#elapsed() + longestBatch
    let cost = 0
    for (const [stream, revocation] of this.#pending) {
      // One is asked about in any case, or it would never come to the last.
      if (cost > 0 && (cost >= batchSize || this.#elapsed() >= end)) {
        this.#nextBatch = setImmediate(() => this.#askNextBatch())
        return
      }
      cost += 1
      const caller = this.#ask(stream)
      if (caller === undefined) {
        this.#end(stream, 'revoked', revocation)
        cost += costOfEnd
      } else {
        this.#settle(stream)
        this.#expiries.set(stream, caller.expiresAt)
      }
    }
  }

  #ask(stream: OpenStream): Caller | undefined {
    try {
      return this.#recheck(stream.admitted)
    } catch {
      return undefined
    }
  }

  #end(stream: OpenStream, why: EarlyEnd, revocation?: Revocation): void {
    if (!this.#open.has(stream)) return
    if (revocation !== undefined) {
      revocation.hold()
      this.#ending.set(stream, revocation)
    }
    this.#remove(stream)
    // One that does not end cleanly must not keep the others open.
    queueMicrotask(() => stream.end(why))
  }

  #settle(stream: OpenStream): void {
    const revocation = this.#pending.get(stream)
    if (this.#pending.delete(stream)) revocation?.letGo()
  }

  #remove(stream: OpenStream): void {
    if (!this.#open.delete(stream)) return
    this.#counts.set(stream.kind, this.count(stream.kind) - 1)
    this.#settle(stream)
    this.#expiries.delete(stream)
  }
}

function later(task: () => void, ms: number): () => void {
  const timer = setTimeout(task, ms)
  // Streams keep the process alive themselves; their end dates need not.
  timer.unref()
  return () => clearTimeout(timer)
}
