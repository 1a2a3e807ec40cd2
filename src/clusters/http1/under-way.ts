import { errors, type Dispatcher } from 'undici'
import type { Call } from '../sender.ts'
import type { AnswerHead } from './head.ts'

/** Who carries it. */
export interface Carrier {
  onAbort(current: CallUnderWay, reason: Error): void
  onResume(current: CallUnderWay): void
}

/** A request under way: what its handler is told, and what that may ask for. */
export class CallUnderWay implements Dispatcher.DispatchController {
  readonly call: Call
  readonly #handler: Dispatcher.DispatchHandler
  readonly #carrier: Carrier
  #begun = false
  /** The head was told. */
  answering = false
  /** A piece of the body was told. */
  #passing = false
  paused = false
  aborted = false
  reason: Error | null = null
  rawHeaders: string[] | null = null
  readonly rawTrailers = null

  constructor(call: Call, handler: Dispatcher.DispatchHandler, carrier: Carrier) {
    this.call = call
    this.#handler = handler
    this.#carrier = carrier
  }

  /** A connection is here for it. False: called off by then, which the handler has been told. */
  start(): boolean {
    this.#handler.onRequestStart?.(this, {})
    if (this.aborted) this.fail(this.reason ?? new errors.RequestAbortedError())
    return !this.aborted
  }

  /** A first byte of an answer is here. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#handler.onResponseStarted?.()
  }

  head({ status, message, headers }: AnswerHead): void {
    this.answering = true
    this.rawHeaders = headers as string[]
    this.#handler.onResponseStart?.(this, status, {}, message)
  }

  /** Paused at the head: whether the caller sees this answer is not decided. */
  get held(): boolean {
    return this.paused && !this.#passing
  }

  data(chunk: Buffer): void {
    this.#passing = true
    this.#handler.onResponseData?.(this, chunk)
  }

  end(): void {
    this.#handler.onResponseEnd?.(this, {})
  }

  fail(error: Error): void {
    this.call.body?.destroy()
    this.#handler.onResponseError?.(this, error)
  }

  abort(reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    this.#carrier.onAbort(this, reason)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.#carrier.onResume(this)
  }
}
