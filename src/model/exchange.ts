import type { Readable } from 'node:stream'
import type { Arrival } from './arrival.ts'
import type { Trail } from './trail.ts'

/**
 * The way back to the caller, the same for HTTP/1.1 and HTTP/2. Header arrays are
 * flat: name, value, name, value …
 */
export interface Reply {
  /** The head was handed over; from here on there is no other answer. */
  readonly started: boolean
  /** Ended, cut, or left by the caller. */
  readonly closed: boolean
  readonly bytesOut: number
  /** `flush` sends the head before there is a body (streams). */
  head(status: number, message: string, headers: readonly string[], options?: { flush?: boolean }): void
  /** False: wait for `onDrain` before writing more. */
  write(chunk: Uint8Array): boolean
  end(chunk?: Uint8Array): void
  /** Breaks the connection (HTTP/2: the stream), so that nobody takes the answer for complete. */
  cut(): void
  onDrain(listener: () => void): void
  /** Once, when nothing more can be said; `finished` is false when the caller left before the end. */
  onClose(listener: (finished: boolean) => void): void
}

/** One request in the making: what came, where its answer goes, and its record. */
export interface Exchange {
  readonly arrival: Arrival
  /** Undefined where the request has no body. */
  readonly body: Readable | undefined
  readonly reply: Reply
  readonly trail: Trail
}
