import type { Readable } from 'node:stream'
import type { Arrival } from './arrival.ts'
import type { Ending, Outcome, Trail } from './trail.ts'

/**
 * The way back to the caller, the same for HTTP/1.1 and HTTP/2. Header arrays are
 * flat: name, value, name, value …
 */
export interface Reply {
  /** The head was handed over; from here on there is no other answer. */
  readonly started: boolean
  /** Ended, cut, or left by the caller. */
  readonly closed: boolean
  /** `flush` sends the head before there is a body (streams); `last` ends an HTTP/1.1 connection with this answer. */
  head(status: number, message: string, headers: readonly string[], options?: { flush?: boolean, last?: boolean }): void
  /** False: wait for `onDrain` before writing more. The chunk's memory may be overwritten once this returns. */
  write(chunk: Uint8Array): boolean
  /** `why` is for the record, where an end is not the natural one. */
  end(chunk?: Uint8Array, why?: Ending): void
  /** Ends it with a chunk whose memory may be overwritten once this returns. */
  endCopy(chunk: Uint8Array): void
  /** Breaks the connection (HTTP/2: the stream), so that nobody takes the answer for complete. */
  cut(why: Ending): void
  onDrain(listener: () => void): void
  /** Once, when nothing more can be said. */
  onClose(listener: (outcome: Outcome) => void): void
}

/** One request in the making: what came, where its answer goes, and its record. */
export interface Exchange {
  readonly arrival: Arrival
  /** Undefined where the request has no body. */
  readonly body: Readable | undefined
  /** Tells a caller that waits with `Expect: 100-continue` to send its body. */
  invite(): void
  readonly reply: Reply
  readonly trail: Trail
}
