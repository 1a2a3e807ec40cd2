import type { Dispatcher } from 'undici'
import { ProxyError } from '../errors.ts'
import { flatHeaders } from '../headers/flat.ts'
import { isStaleSocket, translateUpstreamError } from '../upstream-errors.ts'
import type { Fetched, FetchOptions } from './cluster.ts'

export interface ExchangeOptions extends FetchOptions {
  /** Milliseconds for all of it: queue, connection, head and body. */
  readonly within: number
}

/** One request of our own and its answer, read whole. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions
  readonly #outcome: Promise<Fetched>
  #resolve: (fetched: Fetched) => void = () => {}
  #reject: (error: ProxyError) => void = () => {}
  #controller: Dispatcher.DispatchController | undefined
  #gaveUp: ProxyError | undefined
  #answered = false
  #repeatable = false
  #status = 0
  #headers: string[] = []
  #chunks: Buffer[] = []
  #size = 0

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** The connection died under a request that may be sent once more: used before, and not a byte of an answer. */
  get repeatable(): boolean {
    return this.#repeatable
  }

  async run(dispatcher: Dispatcher, request: Dispatcher.DispatchOptions): Promise<Fetched> {
    const { signal, within } = this.#options
    const late = setTimeout(() => { this.#giveUp(new ProxyError('UpstreamTimeout', 'the API server did not answer in time')) }, within)
    const left = () => { this.#giveUp(translateAbort(signal?.reason)) }
    signal?.addEventListener('abort', left, { once: true })
    try {
      if (signal?.aborted) left()
      else dispatcher.dispatch(request, this)
      return await this.#outcome
    } finally {
      clearTimeout(late)
      signal?.removeEventListener('abort', left)
    }
  }

  /** At once for whoever waits, though undici lets go of a queued request only when its turn comes. */
  #giveUp(error: ProxyError): void {
    this.#gaveUp ??= error
    this.#reject(error)
    this.#controller?.abort(error)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#gaveUp !== undefined) controller.abort(this.#gaveUp)
  }

  onResponseStarted(): void {
    this.#answered = true
  }

  /** Again for the final one where informational heads came before it. */
  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
    this.#headers = flatHeaders(controller.rawHeaders)
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    const { maxSize = Infinity } = this.#options
    this.#size += chunk.length
    if (this.#size <= maxSize) this.#chunks.push(chunk)
    else this.#giveUp(new ProxyError('BadUpstream', `the answer of the API server is larger than ${maxSize} bytes`))
  }

  onResponseEnd(): void {
    this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) })
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#repeatable = isStaleSocket(error) && !this.#answered
    this.#reject(translateUpstreamError(error, { sent: this.#controller !== undefined }))
  }
}

function translateAbort(reason: unknown): ProxyError {
  if (reason instanceof ProxyError) return reason
  return new ProxyError('UpstreamUnreachable', 'the request to the API server was given up', { cause: reason })
}
