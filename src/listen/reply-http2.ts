import { constants, type Http2ServerResponse, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Reply } from '../model/exchange.ts'
import type { Ending, Outcome } from '../model/trail.ts'
import { writeCopy } from './write-copy.ts'

/** The way back over HTTP/2. */
export class Http2Reply implements Reply {
  #bytesOut = 0
  #ending: Ending = 'complete'
  #status = 0
  #ended = false
  readonly #response: Http2ServerResponse
  readonly #patience: number

  /** `patience`: milliseconds in which the caller must take something of an answer that has ended. */
  constructor(response: Http2ServerResponse, patience: number) {
    this.#response = response
    this.#patience = patience
    response.stream.on('error', () => {})
    // A caller that left with NO_ERROR: Node 20 says no more than that while bytes for it are waiting.
    response.stream.on('aborted', () => process.nextTick(() => response.stream.destroy()))
    response.stream.on('finish', () => endRequest(response.stream))
  }

  get started(): boolean {
    return this.#status !== 0
  }

  get closed(): boolean {
    return this.#ended || this.#response.stream.destroyed || this.#response.stream.closed
  }

  head(status: number, _message: string, headers: readonly string[], _options?: { flush?: boolean }): void {
    if (!this.#response.stream.destroyed) this.#response.stream.respond({ ':status': status, ...grouped(headers) })
    // Only now: where node:http2 would not send it, a refusal still can be.
    this.#status = status
  }

  write(chunk: Uint8Array): boolean {
    this.#bytesOut += chunk.length
    // A HEAD's or 304's stream is over with its head; writing to it is an error, not a no-op as in HTTP/1.
    if (this.#response.stream.writableEnded || this.#response.stream.destroyed) return true
    return writeCopy(this.#response.stream, chunk)
  }

  end(chunk?: Uint8Array, why: Ending = 'complete'): void {
    this.#ending = why
    this.#ended = true
    if (chunk !== undefined) this.#bytesOut += chunk.length
    if (this.#response.stream.writableEnded || this.#response.stream.destroyed) return
    // A caller that opens no window would keep the stream, and its record open, as long as it likes.
    this.#response.stream.setTimeout(this.#patience, () => this.#response.stream.close(constants.NGHTTP2_CANCEL))
    if (chunk === undefined) this.#response.stream.end()
    else this.#response.stream.end(chunk)
  }

  cut(why: Ending): void {
    this.#ending = why
    this.#ended = true
    const { stream } = this.#response
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    // Where an end was said already node:http2 waits for what was said before it to be taken, however long.
    process.nextTick(() => stream.destroy())
  }

  onDrain(listener: () => void): void {
    this.#response.stream.once('drain', listener)
  }

  onClose(listener: (outcome: Outcome) => void): void {
    const { stream } = this.#response
    stream.once('close', () => {
      const whole = (this.#ended && stream.rstCode === constants.NGHTTP2_NO_ERROR) || this.#ending !== 'complete'
      listener({ status: this.#status, ending: whole ? this.#ending : 'caller-left', bytesOut: this.#bytesOut })
    })
  }
}

/** What node:http2 throws for when it is there twice; such an answer means nothing different by its second line. */
const once: ReadonlySet<string> = new Set([
  'access-control-allow-credentials', 'access-control-max-age', 'age', 'content-encoding', 'content-language', 'content-length', 'content-location',
  'content-md5', 'content-range', 'content-type', 'date', 'dnt', 'etag', 'expires', 'last-modified', 'location', 'retry-after', 'tk',
  'x-content-type-options',
])

/** Milliseconds that an answer gets on its way before the rest of the request is refused. */
const resetAfter = 200

/**
 * Whatever of a body was not read is not wanted (RFC 9113 §8.1: NO_ERROR after a whole
 * answer). A request without one is over already. Not at once: nghttp2 drops what a
 * reset overtakes, seen with Node 26 and a 304.
 */
function endRequest(stream: ServerHttp2Stream): void {
  if (stream.endAfterHeaders || stream.readableEnded) return
  setTimeout(() => { if (!stream.closed) stream.close(constants.NGHTTP2_NO_ERROR) }, resetAfter).unref()
}

/** node:http2 takes an object: lines of one name become a list, in order. */
function grouped(headers: readonly string[]): OutgoingHttpHeaders {
  // No prototype: `constructor` is a name like any other.
  const object = Object.create(null) as Record<string, string | string[]>
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase()
    const value = headers[i + 1] ?? ''
    const before = object[name]
    if (before === undefined) object[name] = value
    else if (!once.has(name)) object[name] = Array.isArray(before) ? [...before, value] : [before, value]
  }
  return object
}
