import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { resetStream } from '../http2-reset.ts'
import type { Reply } from '../model/exchange.ts'
import type { Ending, Outcome } from '../model/trail.ts'
import { writeCopy } from './write-copy.ts'

/** The way back over HTTP/2. All streams share the listeners below: an idle watch has no closure of its own here. */
export class Http2Reply implements Reply {
  #bytesOut = 0
  #ending: Ending = 'complete'
  #status = 0
  #ended = false
  readonly #stream: ServerHttp2Stream
  readonly #listeners: ((outcome: Outcome) => void)[] = []
  readonly #patience: number
  readonly #waits: boolean

  /** `patience`: milliseconds in which the caller must take something of an answer that has ended; `waits`: with `Expect: 100-continue`. */
  constructor(stream: ServerHttp2Stream, patience: number, waits: boolean) {
    this.#stream = stream
    this.#patience = patience
    this.#waits = waits
    ;(stream as AnsweredStream)[reply] = this
    stream.on('aborted', destroySoon)
    stream.on('finish', endRequest)
    stream.on('close', onClose)
    // Whoever left while this was waiting for its turn is recorded as others are that leave.
    if (stream.destroyed) setImmediate(() => this.gone())
    else if (stream.aborted || stream.closed) destroySoon.call(stream)
  }

  invite(): void {
    if (this.#waits && !this.#stream.headersSent && !this.#stream.destroyed) this.#stream.additionalHeaders({ ':status': 100 })
  }

  /** GOAWAY; what is under way on the connection goes on. */
  leave(): void {
    this.#stream.session?.close()
  }

  get started(): boolean {
    return this.#status !== 0
  }

  get closed(): boolean {
    return this.#ended || this.#stream.destroyed || this.#stream.closed
  }

  head(status: number, _message: string, headers: readonly string[], _options?: { flush?: boolean }): void {
    if (!this.#stream.destroyed) this.#stream.respond({ ':status': status, ...grouped(headers) })
    // Only now: where node:http2 would not send it, a refusal still can be.
    this.#status = status
  }

  write(chunk: Uint8Array): boolean {
    this.#bytesOut += chunk.length
    // A HEAD's or 304's stream is over with its head; writing to it is an error, not a no-op as in HTTP/1.
    if (this.#stream.writableEnded || this.#stream.destroyed) return true
    return writeCopy(this.#stream, chunk)
  }

  end(chunk?: Uint8Array, why: Ending = 'complete'): void {
    this.#ending = why
    this.#ended = true
    if (chunk !== undefined) this.#bytesOut += chunk.length
    if (this.#stream.writableEnded || this.#stream.destroyed) return
    // A caller that opens no window would keep the stream, and its record open, as long as it likes.
    this.#stream.setTimeout(this.#patience, () => this.#stream.close(constants.NGHTTP2_CANCEL))
    if (chunk === undefined) this.#stream.end()
    else this.#stream.end(chunk)
  }

  endCopy(chunk: Uint8Array): void {
    this.end(Buffer.from(chunk))
  }

  cut(why: Ending): void {
    this.#ending = why
    this.#ended = true
    const stream = this.#stream
    resetStream(stream, constants.NGHTTP2_INTERNAL_ERROR)
    // Where an end was said already node:http2 waits for what was said before it to be taken, however long.
    process.nextTick(() => stream.destroy())
  }

  onDrain(listener: () => void): void {
    this.#stream.once('drain', listener)
  }

  onClose(listener: (outcome: Outcome) => void): void {
    this.#listeners.push(listener)
  }

  /** The stream is gone. */
  gone(): void {
    const whole = (this.#ended && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR) || this.#ending !== 'complete'
    const outcome = { status: this.#status, ending: whole ? this.#ending : 'caller-left', bytesOut: this.#bytesOut } as const
    for (const listener of this.#listeners.splice(0)) listener(outcome)
  }
}

const reply = Symbol('reply')

interface AnsweredStream extends ServerHttp2Stream {
  [reply]: Http2Reply
}

function onClose(this: ServerHttp2Stream): void {
  (this as AnsweredStream)[reply].gone()
}

/** A caller that left with NO_ERROR: Node 20 says no more than that while bytes for it are waiting. */
function destroySoon(this: ServerHttp2Stream): void {
  process.nextTick(() => this.destroy())
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
function endRequest(this: ServerHttp2Stream): void {
  if (this.endAfterHeaders || this.readableEnded) return
  setTimeout(() => { if (!this.closed) this.close(constants.NGHTTP2_NO_ERROR) }, resetAfter).unref()
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
