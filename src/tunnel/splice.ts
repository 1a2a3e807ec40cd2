import type { Duplex } from 'node:stream'
import type { Ending } from '../model/trail.ts'
import type { Farewell, ProtocolEnd } from './ends.ts'
import { FrameTracker } from './frames.ts'
import { closed, closeFlushed, closeWithin } from './linger.ts'
import type { Ended } from './relay.ts'

export interface SpliceOptions {
  readonly caller: Duplex
  readonly upstream: Duplex
  readonly protocolEnd: ProtocolEnd
  readonly tap?: Tap
  /** Aborted with a `Farewell` it ends the tunnel the way its protocol ends. */
  readonly signal: AbortSignal
  readonly patience?: Patience
}

/** Sees each chunk before it is passed on, as it is: must not change it, wait, or throw. Where it ends the tunnel, that chunk is not passed on. */
export interface Tap {
  fromCaller(chunk: Buffer): void
  fromUpstream(chunk: Buffer): void
}

/** Milliseconds. */
export interface Patience {
  /** For the end of the frame that is being sent, before a farewell. */
  readonly boundary: number
  /** For the caller to take the farewell and close. With `boundary` well below the second that a revocation may take. */
  readonly farewell: number
  /** For one side to close after the other is gone and all is delivered. No limit while both are there. */
  readonly linger: number
}

const defaultPatience: Patience = { boundary: 150, farewell: 300, linger: 10_000 }

/** Carries bytes both ways, unread, until both sides are closed. Never rejects. */
export async function splice(options: SpliceOptions): Promise<Ended> {
  const tunnel = new Splice(options)
  const stop = () => tunnel.stop(options.signal.reason as Farewell)
  options.signal.addEventListener('abort', stop)
  tunnel.run()
  if (options.signal.aborted) stop()
  await Promise.all([closed(options.caller), closed(options.upstream)])
  options.signal.removeEventListener('abort', stop)
  return { ending: tunnel.ending, bytesOut: tunnel.bytesOut }
}

class Splice {
  bytesOut = 0
  readonly #caller: Duplex
  readonly #upstream: Duplex
  readonly #protocolEnd: ProtocolEnd
  readonly #frames: FrameTracker
  readonly #patience: Patience
  readonly #tap: Tap | undefined
  #chunksWritten = 0
  #chunksTaken = 0
  #first: Ending | undefined
  #stopping: Farewell | undefined

  constructor({ caller, upstream, protocolEnd, patience = defaultPatience, tap }: SpliceOptions) {
    this.#caller = caller
    this.#upstream = upstream
    this.#protocolEnd = protocolEnd
    this.#frames = new FrameTracker(protocolEnd.framing)
    this.#patience = patience
    this.#tap = tap
  }

  /** Whoever ended first decides how it ended; an answer that was not taken to its end was not complete. */
  get ending(): Ending {
    if (this.#first === 'complete' && this.#chunksTaken < this.#chunksWritten) return 'caller-left'
    return this.#first ?? 'upstream-failed'
  }

  readonly #onTaken = (error?: Error | null): void => {
    if (!error) this.#chunksTaken += 1
  }

  run(): void {
    const caller = this.#caller
    const upstream = this.#upstream
    upstream.on('data', (chunk: Buffer) => this.#down(chunk))
    caller.on('data', (chunk: Buffer) => this.#up(chunk))
    caller.on('drain', () => upstream.resume())
    upstream.on('drain', () => caller.resume())
    upstream.on('end', () => this.#upstreamOver('complete'))
    upstream.on('close', () => this.#upstreamOver('upstream-failed'))
    caller.on('end', () => this.#callerDone())
    caller.on('close', () => this.#callerGone())
    upstream.resume()
    caller.resume()
    // What ended in the tick of the 101 has told so already.
    if (upstream.readableEnded) this.#upstreamOver('complete')
    if (caller.readableEnded) this.#callerDone()
    if (upstream.closed) this.#upstreamOver('upstream-failed')
    if (caller.closed) this.#callerGone()
  }

  #down(chunk: Buffer): void {
    if (!this.#caller.writable) return
    const stopping = this.#stopping
    const passed = stopping === undefined ? chunk : chunk.subarray(0, this.#frames.followFrame(chunk))
    this.#tap?.fromUpstream(passed)
    if (this.#stopping !== stopping) {
      // The frame that is under way cannot come to its end.
      if (!this.#frames.atBoundary) this.#finish(undefined)
      return
    }
    if (stopping === undefined) this.#frames.follow(chunk)
    this.bytesOut += passed.length
    this.#chunksWritten += 1
    if (!this.#caller.write(passed, this.#onTaken)) this.#upstream.pause()
    if (stopping !== undefined && this.#frames.atBoundary) this.#finish(stopping)
  }

  #up(chunk: Buffer): void {
    if (!this.#upstream.writable || this.#stopping !== undefined) return
    this.#tap?.fromCaller(chunk)
    if (this.#isStopping()) return
    if (!this.#upstream.write(chunk)) this.#caller.pause()
  }

  /** A tap may stop the tunnel by what it sees. */
  #isStopping(): boolean {
    return this.#stopping !== undefined
  }

  /** At the end of an exec the exit status is in the last frame, so the caller first gets all there is. */
  #upstreamOver(how: Ending): void {
    this.#first ??= how
    closeFlushed(this.#caller, this.#patience.linger)
  }

  /** No limit here: a caller may be done speaking long before it is done listening. TCP keep-alive finds the dead. */
  #callerDone(): void {
    this.#callerFirst()
    if (!this.#upstream.writableEnded) this.#upstream.end()
  }

  #callerGone(): void {
    this.#callerFirst()
    closeWithin(this.#upstream, this.#patience.linger)
  }

  /** A client that was told goodbye may well close before the server that said so does. */
  #callerFirst(): void {
    this.#first ??= this.#frames.saidFarewell ? 'complete' : 'caller-left'
  }

  /** Ends the tunnel from the middle: after the frame that is under way, if that ends soon, with a farewell. */
  stop(why: Farewell): void {
    this.#stopping = why
    if (this.#first === undefined || this.ending !== this.#first) this.#first = why
    if (this.#frames.atBoundary) return this.#finish(why)
    const timer = setTimeout(() => this.#finish(undefined), this.#patience.boundary)
    this.#caller.once('close', () => clearTimeout(timer))
  }

  #finish(farewell: Farewell | undefined): void {
    this.#upstream.destroy()
    if (farewell !== undefined && this.#caller.writable) {
      const frame = this.#protocolEnd.farewell(farewell)
      this.bytesOut += frame.length
      this.#caller.write(frame)
    }
    closeWithin(this.#caller, this.#patience.farewell)
  }
}
