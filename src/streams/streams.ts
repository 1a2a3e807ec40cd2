import type { Admitted } from '../model/admitted.ts'
import type { EarlyEnd } from '../model/trail.ts'

export type StreamKind = 'watch' | 'log' | 'proxy' | 'websocket' | 'spdy' | 'other'

/** Something that stays open after it was admitted. */
export interface OpenStream {
  readonly admitted: Admitted
  readonly kind: StreamKind
  /** Ends it the way its protocol ends, within some hundred milliseconds whatever its caller does. Called at most once. */
  end(why: EarlyEnd): void
}

/** Every open stream, so that a revoked key, an ended one or a shutdown can end them. */
export interface Streams {
  /** Returns the way to say that it is over: nothing more goes either way (idempotent). */
  add(stream: OpenStream): () => void
  count(kind?: StreamKind): number
  /**
   * Asks anew about every open stream: after callers or clusters changed. `since`: when that was, in
   * milliseconds since the epoch; default: now.
   */
  recheck(since?: number): void
  /** Ends all, for the drain. */
  endAll(): void
  close(): void
}
