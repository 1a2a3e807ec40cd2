import type { Admitted } from '../model/admitted.ts'
import type { Caller } from '../model/caller.ts'
import type { EarlyEnd } from '../model/trail.ts'
import { Expiries } from './expiries.ts'
import type { OpenStream, StreamKind, Streams } from './streams.ts'

export interface StreamsOptions {
  /**
   * Asks anew what admit decided: the caller as the files define it now, or undefined
   * where the key or the scope that opened the stream is gone. What it throws is a no.
   */
  readonly recheck: (admitted: Admitted) => Caller | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Calls `task` after `ms`; returns the way to call it off. Default: setTimeout. */
  readonly schedule?: (task: () => void, ms: number) => () => void
}

/** Streams that are asked about before other work gets its turn. */
const batchSize = 250

export function createStreams(options: StreamsOptions): Streams {
  return new OpenStreams(options)
}

class OpenStreams implements Streams {
  readonly #open = new Set<OpenStream>()
  readonly #counts = new Map<StreamKind, number>()
  /** To be asked about, oldest first; a second recheck starts no second round. */
  readonly #pending = new Set<OpenStream>()
  readonly #expiries: Expiries<OpenStream>
  readonly #recheck: StreamsOptions['recheck']
  readonly #now: () => number
  #nextBatch: NodeJS.Immediate | undefined
  #recheckedAt = -Infinity
  #draining = false

  constructor({ recheck, now, schedule = later }: StreamsOptions) {
    this.#recheck = recheck
    this.#now = now
    this.#expiries = new Expiries({ now, schedule, onExpired: stream => this.#end(stream, 'revoked') })
  }

  add(stream: OpenStream): () => void {
    this.#open.add(stream)
    this.#counts.set(stream.kind, this.count(stream.kind) + 1)
    this.#expiries.set(stream, stream.admitted.caller.expiresAt)
    // What was admitted before the last change, and only comes here after it, was not asked about then.
    if (stream.admitted.arrival.receivedAt <= this.#recheckedAt) this.#askSoon(stream)
    if (this.#draining) queueMicrotask(() => this.#end(stream, 'drained'))
    return () => { this.#remove(stream) }
  }

  count(kind?: StreamKind): number {
    return kind === undefined ? this.#open.size : this.#counts.get(kind) ?? 0
  }

  recheck(): void {
    this.#recheckedAt = this.#now()
    for (const stream of this.#open) this.#pending.add(stream)
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
    this.#pending.add(stream)
    this.#nextBatch ??= setImmediate(() => this.#askNextBatch())
  }

  #askNextBatch(): void {
    clearImmediate(this.#nextBatch)
    this.#nextBatch = undefined
    let asked = 0
    for (const stream of this.#pending) {
      if (asked++ === batchSize) {
        this.#nextBatch = setImmediate(() => this.#askNextBatch())
        return
      }
      this.#pending.delete(stream)
      const caller = this.#ask(stream)
      if (caller === undefined) this.#end(stream, 'revoked')
      else this.#expiries.set(stream, caller.expiresAt)
    }
  }

  #ask(stream: OpenStream): Caller | undefined {
    try {
      return this.#recheck(stream.admitted)
    } catch {
      return undefined
    }
  }

  #end(stream: OpenStream, why: EarlyEnd): void {
    // One that does not end cleanly must not keep the others open.
    if (this.#remove(stream)) queueMicrotask(() => stream.end(why))
  }

  #remove(stream: OpenStream): boolean {
    if (!this.#open.delete(stream)) return false
    this.#counts.set(stream.kind, this.count(stream.kind) - 1)
    this.#pending.delete(stream)
    this.#expiries.delete(stream)
    return true
  }
}

function later(task: () => void, ms: number): () => void {
  const timer = setTimeout(task, ms)
  // Streams keep the process alive themselves; their end dates need not.
  timer.unref()
  return () => clearTimeout(timer)
}
