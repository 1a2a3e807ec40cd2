import type { Socket } from 'node:net'
import { errors } from 'undici'
import { rawRequestHead } from '../../headers/raw-head.ts'
import { headerValue } from '../../headers/read.ts'
import type { Call } from '../sender.ts'

/** Who has it sent. */
export interface Uploader {
  /** The last byte of a body was handed over to the socket. */
  onSent(): void
  /** A body broke off, or is not as long as it said. */
  onBodyLost(upload: Upload, error: Error): void
}

/** A request on its way out: its head, and its body as the socket takes it. */
export class Upload {
  /** All of it was handed over to the socket. */
  done = false
  readonly #call: Call
  readonly #socket: Socket
  readonly #uploader: Uploader
  /** Bytes that the head announced and that are still to come; undefined: chunks. */
  #missing: number | undefined

  constructor(call: Call, socket: Socket, uploader: Uploader) {
    this.#call = call
    this.#socket = socket
    this.#uploader = uploader
  }

  /** Throws TypeError for a head that could be read as two, and what ended the body already; then nothing was sent. */
  start(): void {
    const { method, target, headers, body } = this.#call
    if (body === undefined) {
      this.#socket.write(rawRequestHead(method, target, headers), 'latin1')
      this.done = true
      return
    }
    // Of one that broke off while it waited for a connection nothing more would be heard.
    if (body.destroyed) throw body.errored ?? new errors.RequestAbortedError()
    const length = headerValue(headers, 'content-length')
    this.#missing = length === undefined ? undefined : Number(length)
    const head = rawRequestHead(method, target, length === undefined ? [...headers, 'Transfer-Encoding', 'chunked'] : headers)
    // With the first piece of the body, where that comes at once.
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    setImmediate(() => this.#socket.uncork())
    body.on('data', this.#data).on('end', this.#end).on('error', this.#failed).on('close', this.#close)
  }

  /** The socket takes more. */
  drained(): void {
    this.#call.body?.resume()
  }

  /** Writes nothing more, and reads nothing more of a body that is not through. */
  stop(): void {
    const { body } = this.#call
    body?.off('data', this.#data).off('end', this.#end).off('close', this.#close)
    if (!this.done) body?.destroy()
  }

  readonly #failed = (error: Error) => this.#uploader.onBodyLost(this, error)

  readonly #data = (chunk: Buffer) => {
    if (this.#missing === undefined) return this.#take(this.#chunk(chunk))
    this.#missing -= chunk.length
    if (this.#missing < 0) this.#failed(new errors.RequestContentLengthMismatchError())
    else this.#take(this.#socket.write(chunk))
  }

  #chunk(chunk: Buffer): boolean {
    // An empty one would be the last.
    if (chunk.length === 0) return true
    this.#socket.cork()
    this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    this.#socket.write(chunk)
    const more = this.#socket.write('\r\n', 'latin1')
    this.#socket.uncork()
    return more
  }

  #take(more: boolean): void {
    if (!more) this.#call.body?.pause()
  }

  readonly #end = () => {
    if (this.#missing !== undefined && this.#missing > 0) return this.#failed(new errors.RequestContentLengthMismatchError())
    if (this.#missing === undefined) this.#socket.write('0\r\n\r\n', 'latin1')
    this.done = true
    this.#uploader.onSent()
  }

  readonly #close = () => {
    if (!this.done) this.#failed(new errors.RequestAbortedError())
  }
}
