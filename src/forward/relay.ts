import type { Dispatcher } from 'undici'
import { ProxyError } from '../errors.ts'
import { flatHeaders } from '../headers/flat.ts'
import { headerValue } from '../headers/read.ts'
import { isApiServers401, largestStatus } from '../headers/unauthorized.ts'
import type { Reply } from '../model/exchange.ts'
import { isCertificateRefused } from '../upstream-errors.ts'

export interface RelayOptions {
  readonly reply: Reply
  /** Turns upstream's headers into the caller's. */
  readonly headers: (upstream: readonly string[]) => readonly string[]
  /** Turns upstream's reason phrase into the caller's. */
  readonly reason: (upstream: string) => string
  /** Send the head and each chunk at once (long-running requests). */
  readonly flush: boolean
  /**
   * Milliseconds, for what is not long-running and shares its connections: to wait for
   * one of them, and for a caller to take what it was sent while it holds one.
   */
  readonly patience?: number | undefined
  readonly onHead?: (status: number) => void
  /** The answer may be that of a program behind the API server (subresource `proxy`): then a 401 is ours only where its body says so. */
  readonly proxied?: boolean
}

/** How one sending ended. The API server's 401 is not shown to the caller: it is about our credential. */
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
  #settle!: (end: RelayEnd) => void
  #controller: Dispatcher.DispatchController | undefined
  #abortReason: Error | undefined
  #late: NodeJS.Timeout | undefined
  readonly #options: RelayOptions
  #hasLength = false
  /** A 401 of which is not known yet whose it is. */
  #held: { readonly message: string, readonly body: Buffer[], size: number } | undefined

  constructor(options: RelayOptions) {
    this.#options = options
    this.ended = new Promise((resolve) => {
      this.#settle = (end) => {
        clearTimeout(this.#late)
        resolve(end)
      }
    })
    this.#within(() => this.abort(new ProxyError('UpstreamUnreachable', 'no connection to the API server became free in time', { retryAfter: 1 })))
  }

  /** A connection took the request; bytes of it may have gone upstream. */
  get begun(): boolean {
    return this.#controller !== undefined
  }

  /** A body whose length was announced cannot end early and look whole. */
  get canEndEarly(): boolean {
    return !this.#hasLength
  }

  abort(reason: Error): void {
    this.#abortReason ??= reason
    // undici lets go of a request that waits for a connection only when its turn comes; whoever waits for the request must not.
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
    else if (this.#options.proxied === true) this.#held = { message, body: [], size: 0 }
    else this.#unauthorized(controller)
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
    this.#hasLength = headerValue(upstream, 'content-length') !== undefined
    this.#options.onHead?.(status)
    this.#options.reply.head(status, this.#options.reason(message), this.#options.headers(upstream), { flush: this.#options.flush })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#held !== undefined) {
      this.#held.body.push(chunk)
      this.#held.size += chunk.length
      if (this.#held.size > largestStatus) this.#release(controller)
      return
    }
    if (this.#options.reply.write(chunk)) return
    controller.pause()
    this.#within(() => this.#options.reply.cut('caller-left'))
    this.#options.reply.onDrain(() => {
      clearTimeout(this.#late)
      controller.resume()
    })
  }

  /** What was held is the program's own, and goes to the caller. */
  #release(controller: Dispatcher.DispatchController): void {
    const { message, body } = this.#held ?? { message: '', body: [] }
    this.#held = undefined
    this.#head(controller, 401, message)
    this.onResponseData(controller, Buffer.concat(body))
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#held !== undefined) {
      if (isApiServers401(Buffer.concat(this.#held.body))) return this.#unauthorized(controller)
      this.#release(controller)
    }
    this.#options.reply.end()
    this.#settle({ kind: 'answered' })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#abortReason === undefined && isCertificateRefused(error)) this.#settle({ kind: 'unauthorized', alert: error })
    else this.#settle({ kind: 'failed', error: this.#abortReason ?? error })
  }
}
