import type { IncomingMessage, ServerResponse } from 'node:http'
import { Batch } from '../batch.ts'
import type { Reply } from '../model/exchange.ts'
import type { Ending, Outcome } from '../model/trail.ts'
import { writeCopy } from './write-copy.ts'

/** Of a body nobody wants any more: enough for what is on its way, not for an upload. */
const lingerBytes = 1024 * 1024
const lingerMs = 1000
/** Where a second is all there is. */
const shortLingerMs = 150

/** Bytes of a body up to which copying it costs less than a second piece. */
const oneWrite = 16 * 1024

export interface Http1ReplyOptions {
  /** The request has no body. */
  readonly bodyless: boolean
  readonly closing: () => boolean
  readonly patience: number
  /** It waits with `Expect: 100-continue`. */
  readonly waits: boolean
}

/** The way back over HTTP/1.1. */
export class Http1Reply implements Reply {
  /** Said whole, and not known to be written: of TLS that is heard a turn of the event loop later. */
  static readonly #handedOver = new Batch<Http1Reply>(reply => reply.#watchRest(), setImmediate)
  #bytesOut = 0
  #ending: Ending = 'complete'
  #closed = false
  readonly #listeners: ((outcome: Outcome) => void)[] = []
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #closing: () => boolean
  readonly #bodyless: boolean
  readonly #patience: number
  readonly #waits: boolean

  /**
   * `closing`: whether the connection should end after this answer (drain). `patience`:
   * milliseconds in which the caller must take something of an answer that has ended.
   */
  constructor(request: IncomingMessage, response: ServerResponse, { bodyless, closing, patience, waits }: Http1ReplyOptions) {
    this.#bodyless = bodyless
    this.#request = request
    this.#response = response
    this.#closing = closing
    this.#patience = patience
    this.#waits = waits
    // Whoever left while this was waiting for its turn is recorded as others are that leave.
    if (response.destroyed) setImmediate(() => this.#close())
    else response.on('close', () => this.#close())
    // A reset while writing: 'close' follows and says all there is to say.
    response.on('error', ignore)
  }

  invite(): void {
    if (this.#waits) this.#response.writeContinue()
  }

  /** Its head has said it. */
  leave(): void {}

  get started(): boolean {
    return this.#response.headersSent
  }

  get closed(): boolean {
    return this.#closed || this.#response.writableEnded || this.#response.destroyed
  }

  head(status: number, message: string, headers: readonly string[], { flush = false, last = false } = {}): void {
    // With part of the body unread, the next request could not be told from its rest.
    if (last || this.#closing() || !this.#isRead()) this.#response.shouldKeepAlive = false
    if (message === '') this.#response.writeHead(status, headers as string[])
    else this.#response.writeHead(status, message, headers as string[])
    // Not flushHeaders: that writes the head as UTF-8, and a byte beyond ASCII would become two.
    if (flush) this.#response.write(Buffer.alloc(0))
  }

  /** Nothing of the request is still to come. node says so of one without a body only a moment after it hands it over. */
  #isRead(): boolean {
    return this.#bodyless || this.#request.complete
  }

  write(chunk: Uint8Array): boolean {
    this.#bytesOut += chunk.length
    return writeCopy(this.#response, chunk)
  }

  end(chunk?: Uint8Array, why: Ending = 'complete'): void {
    this.#ending = why
    if (chunk !== undefined) this.#bytesOut += chunk.length
    if (this.#isRead()) return this.#finish(chunk)
    if (chunk !== undefined) this.#response.write(chunk)
    this.#linger(why === 'revoked' ? shortLingerMs : lingerMs)
  }

  endCopy(chunk: Uint8Array): void {
    // Of a short one a copy is made all the same.
    this.end(chunk.length <= oneWrite && this.#isRead() ? chunk : Buffer.from(chunk))
  }

  #finish(chunk?: Uint8Array): void {
    const closing = this.#closing()
    // As text of single bytes node writes it in one piece with the head.
    if (chunk !== undefined && chunk.length <= oneWrite) this.#response.end(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1'), 'latin1')
    else this.#response.end(chunk)
    const { socket } = this.#response
    // Where the head went out before the drain began, it did not say so, and node would keep the connection for a next request.
    if (socket !== null && closing) this.#response.once('finish', () => socket.destroySoon())
    if (socket !== null && socket.writableLength > 0) Http1Reply.#handedOver.add(this)
  }

  /** Mostly its last byte is written by now. */
  #watchRest(): void {
    const { socket } = this.#response
    if (socket === null || socket.writableLength === 0) return
    // Whatever of it passes begins the time anew; when it is over, node:http destroys the socket, and calls that a finish.
    const left = () => { this.#ending = 'caller-left' }
    socket.setTimeout(this.#patience, left)
    // Before node:http sets its own, for the next request.
    this.#response.prependOnceListener('finish', () => socket.setTimeout(0, left))
  }

  /**
   * Closing with unread bytes in the receive buffer makes the kernel reset the
   * connection, and the caller would lose the answer (RFC 9112 §9.6). So read on for
   * a while, then close.
   */
  #linger(ms: number): void {
    let unread = lingerBytes
    const done = () => {
      clearTimeout(timer)
      this.#finish()
    }
    const timer = setTimeout(done, ms)
    this.#request.on('data', (chunk: Buffer) => {
      unread -= chunk.length
      if (unread < 0) done()
    })
    this.#request.on('end', done)
    this.#request.on('close', done)
    this.#request.on('error', done)
    this.#request.resume()
  }

  cut(why: Ending): void {
    this.#ending = why
    this.#response.destroy()
  }

  onDrain(listener: () => void): void {
    this.#response.once('drain', listener)
  }

  onClose(listener: (outcome: Outcome) => void): void {
    this.#listeners.push(listener)
  }

  #close(): void {
    this.#closed = true
    const whole = this.#response.writableFinished || this.#ending !== 'complete'
    const outcome = {
      status: this.started ? this.#response.statusCode : 0,
      ending: whole ? this.#ending : 'caller-left',
      bytesOut: this.#bytesOut,
    } as const
    for (const listener of this.#listeners) listener(outcome)
  }
}

function ignore(): void {}
