import type { Dispatcher } from 'undici'
import { ProxyError } from '../errors.ts'
import { flatHeaders } from '../headers/flat.ts'
import { headerValue } from '../headers/read.ts'
import type { Reply } from '../model/exchange.ts'
import { isCertificateRefused } from '../upstream-errors.ts'

/** Whose answer it is: what becomes of its parts on their way to the caller. */
export interface RelayOptions {
  readonly reply: Reply
  /** Turns upstream's headers into the caller's. */
  headers(upstream: readonly string[]): readonly string[]
  /** Turns upstream's reason phrase into the caller's. */
  reason(upstream: string): string
  /** Send the head and each chunk at once (long-running requests). */
  readonly flush: boolean
  /** Nobody has to hear how an answer ends that has begun, for no body is on its way: what would wait for it would be held as long as a watch lasts. */
  readonly endsWithHead?: boolean
  /**
   * Milliseconds, for what is not long-running and shares its connections: to wait for
   * one of them, and for a caller to take what it was sent while it holds one.
   */
  readonly patience?: number | undefined
  /** What it returns is told of each piece of the body. */
  onHead?(status: number, upstream: readonly string[]): ((chunk: Uint8Array) => void) | undefined
  /** Whether a 401 is about our credential. Undefined: it always is, for no program behind the API server answers. */
  readonly isOurs401?: (() => Promise<boolean>) | undefined
}

/** How one sending ended, or that an answer began which `endsWithHead`. The API server's 401 is not shown to the caller: it is about our credential. */
export type RelayEnd =
  | { readonly kind: 'answered' }
  /** `alert`: the certificate was refused within TLS already. */
  | { readonly kind: 'unauthorized', readonly alert?: Error }
  | { readonly kind: 'failed', readonly error: Error }

/**
 * Passes upstream's answer to the caller as it comes: an undici handler whose method
 * names are the lifecycle. The answer is never buffered; a caller that reads slowly
 * pauses upstream.
 */
export class Relay implements Dispatcher.DispatchHandler {
  readonly ended: Promise<RelayEnd>
  /** A byte of an answer came, if only of a head that then broke off. */
  answerBegun = false
  #resolve!: (end: RelayEnd) => void
  #controller: Dispatcher.DispatchController | undefined
  #abortReason: Error | undefined
  #late: NodeJS.Timeout | undefined
  readonly #options: RelayOptions
  #copy: ((chunk: Uint8Array) => void) | undefined
  /** Bytes of the body; undefined where that shows only at its end. */
  #length: number | undefined
  /** All of it was handed over in one piece. */
  #whole = false
  #over = false
  #weighing = false
  #complete = false
  /** Its head was said, and `ended` said so: what breaks off now breaks off for the caller alone. */
  #saidHead = false

  constructor(options: RelayOptions) {
    this.#options = options
    this.ended = new Promise((resolve) => { this.#resolve = resolve })
  }

  #settle(end: RelayEnd): void {
    this.#over = true
    clearTimeout(this.#late)
    if (!this.#saidHead) this.#resolve(end)
    else if (end.kind !== 'answered' && !this.#options.reply.closed) this.#options.reply.cut('upstream-failed')
  }

  /** To be called once it was handed over: only so long may it wait for a connection. */
  waitForConnection(): void {
    if (this.#controller === undefined && !this.#over) this.#within(() => this.abort(new ProxyError('UpstreamUnreachable', 'no connection to the API server became free in time', { retryAfter: 1 })))
  }

  /** A connection took the request; bytes of it may have gone upstream. */
  get begun(): boolean {
    return this.#controller !== undefined
  }

  /** Nothing of it is left to call off. */
  get over(): boolean {
    return this.#over
  }

  /** A body whose length was announced cannot end early and look whole. */
  get canEndEarly(): boolean {
    return this.#length === undefined
  }

  abort(reason: Error): void {
    this.#abortReason ??= reason
    // A sender lets go of a request that waits for a connection only when its turn comes; whoever waits for the request must not.
    if (this.#controller === undefined) this.#settle({ kind: 'failed', error: this.#abortReason })
    else this.#controller.abort(reason)
  }

  #within(late: () => void): void {
    const { patience } = this.#options
    clearTimeout(this.#late)
    if (patience !== undefined) this.#late = setTimeout(late, patience)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    clearTimeout(this.#late)
    if (this.#abortReason !== undefined) controller.abort(this.#abortReason)
  }

  onResponseStarted(): void {
    this.answerBegun = true
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, message = ''): void {
    if (status < 200) return
    if (status !== 401) this.#head(controller, status, message)
    else if (this.#options.isOurs401 === undefined) this.#unauthorized(controller)
    else void this.#weigh(controller, message, this.#options.isOurs401)
  }

  /** Meanwhile nothing of the answer is read; whoever ends it before that is heard. */
  async #weigh(controller: Dispatcher.DispatchController, message: string, isOurs: () => Promise<boolean>): Promise<void> {
    controller.pause()
    this.#weighing = true
    try {
      const ours = await isOurs()
      if (this.#over) return
      if (ours) return this.#unauthorized(controller)
      this.#head(controller, 401, message)
      this.#weighing = false
      if (this.#complete) this.onResponseEnd()
      else controller.resume()
    } catch (error) {
      this.#settle({ kind: 'failed', error: this.#abortReason ?? error as Error })
      controller.abort(error as Error)
    }
  }

  #unauthorized(controller: Dispatcher.DispatchController): void {
    this.#settle({ kind: 'unauthorized' })
    controller.abort(new Error('upstream rejected our credential'))
  }

  #head(controller: Dispatcher.DispatchController, status: number, message: string): void {
    if (this.#options.reply.started || this.#options.reply.closed) {
      controller.abort(new Error('the caller was answered otherwise'))
      return
    }
    const upstream = flatHeaders(controller.rawHeaders)
    const length = headerValue(upstream, 'content-length')
    this.#length = length === undefined ? undefined : Number(length)
    this.#copy = this.#options.onHead?.(status, upstream)
    this.#options.reply.head(status, this.#options.reason(message), this.#options.headers(upstream), { flush: this.#options.flush })
    // Said; a quiet watch would hold its lines for hours.
    controller.rawHeaders = null
    if (this.#options.endsWithHead !== true) return
    this.#saidHead = true
    this.#resolve({ kind: 'answered' })
    this.#resolve = nobody
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#copy?.(chunk)
    if (chunk.length === this.#length) {
      // Goes out in one piece with the head.
      this.#whole = true
      return this.#options.reply.endCopy(chunk)
    }
    if (this.#options.reply.write(chunk)) return
    controller.pause()
    this.#within(() => this.#options.reply.cut('caller-left'))
    this.#options.reply.onDrain(() => {
      clearTimeout(this.#late)
      controller.resume()
    })
  }

  onResponseEnd(): void {
    // An answer without a body is not held up by a pause.
    this.#complete = true
    if (this.#weighing) return
    if (!this.#whole) this.#options.reply.end()
    this.#settle({ kind: 'answered' })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#abortReason === undefined && isCertificateRefused(error)) this.#settle({ kind: 'unauthorized', alert: error })
    else this.#settle({ kind: 'failed', error: this.#abortReason ?? error })
  }
}

function nobody(): void {}
