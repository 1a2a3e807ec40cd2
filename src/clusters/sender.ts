import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'

/** A request as it goes upstream. */
export interface Call {
  readonly method: string
  /** The request-target, byte for byte. */
  readonly target: string
  /** Name, value, name, value …, `Host` among them. */
  readonly headers: readonly string[]
  /** Destroyed where the connection dies under it. */
  readonly body: Readable | undefined
  /** Milliseconds from the last byte of the request to the head of the answer, and between two pieces of its body; 0: no limit, as for all that goes over HTTP/2. */
  readonly patience: number
}

/**
 * Sends requests to one API server. Handlers are undici's (`onRequestStart` when a connection took the
 * request, then the answer, `onResponseError` where it failed), so that what reads an answer does not
 * know by which protocol it came. A piece of its body is the handler's until `onResponseData` returns: its
 * memory is the next read's. Never sends anything twice.
 */
export interface Sender {
  send(call: Call, handler: Dispatcher.DispatchHandler): void
  /** Takes nothing new; resolves when what is under way is over. */
  close(): Promise<void>
  /** Cuts what is under way, also while it is closing. */
  destroy(): Promise<void>
}
