import { errors } from 'undici'
import { maxHeaderSize } from '../connector.ts'
import { isField, readHead, unreadable, type AnswerHead } from './head.ts'

export interface AnswerReader {
  /** May hold it up; then `take` returns before anything of the body is told. */
  head(head: AnswerHead): void
  /** Valid only until it returns. */
  data(chunk: Buffer): void
  end(): void
  /** Nothing behind the head is to be told yet. */
  readonly held: boolean
}

/** Of a chunk's size and its extensions. */
const maxSizeLine = 4_096
const headEnd = Buffer.from('\r\n\r\n')
const lineEnd = Buffer.from('\r\n')

type State = 'idle' | 'head' | 'body' | 'until-close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers'

/**
 * Reads the answers on one connection, one at a time (RFC 9112 §4 to §7). What comes from callers is
 * read by node's parser; this reads what the API server sends, and takes nothing that could be read in
 * two ways.
 */
export class AnswerParser {
  readonly #reader: AnswerReader
  #state: State = 'idle'
  #method = ''
  /** Bytes of the body or chunk that are still to come. */
  #missing = 0
  /** Bytes of heads or trailers that came already. */
  #headerSize = 0
  /** What came of a head or line that is not whole yet. */
  #held: Buffer | undefined
  #reusable = false

  constructor(reader: AnswerReader) {
    this.#reader = reader
  }

  /** An answer to a request of this method is what comes next. */
  expect(method: string): void {
    this.#method = method
    this.#headerSize = 0
    this.#state = 'head'
  }

  get idle(): boolean {
    return this.#state === 'idle'
  }

  /**
   * Reads it; returns how far it came, which is short of the end where the reader paused, or
   * where bytes follow that belong to no answer. Throws undici's errors.
   */
  take(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length && this.#state !== 'idle' && !this.#reader.held) at = this.#step(chunk, at)
    return at
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'idle': return at
      case 'head': return this.#head(chunk, at)
      case 'body': return this.#pass(chunk, at, () => this.#finish())
      case 'until-close': {
        this.#reader.data(chunk.subarray(at))
        return chunk.length
      }
      case 'chunk-size': return this.#chunkSize(chunk, at)
      case 'chunk': return this.#pass(chunk, at, () => { this.#state = 'chunk-end' })
      case 'chunk-end': return this.#chunkEnd(chunk, at)
      case 'trailers': return this.#trailers(chunk, at)
    }
  }

  /** The connection ended. True where that is how the answer ends; false where it is cut short. */
  close(): boolean {
    if (this.#state !== 'until-close') return false
    this.#finish()
    return true
  }

  /** Whether the connection may carry another request, now that it is idle. */
  get reusable(): boolean {
    return this.#reusable
  }

  #head(chunk: Buffer, at: number): number {
    const { text, next } = this.#until(headEnd, chunk, at, maxHeaderSize - this.#headerSize)
    if (text === undefined) return next
    this.#headerSize += text.length
    const head = readHead(text, this.#method)
    // 101 was not asked for; of all others below 200 the answer proper is still to come.
    if (head.status === 101) throw unreadable('a switch of protocols that nobody asked for')
    if (head.status < 200) return next
    this.#reusable = head.reusable
    this.#begin(head)
    return next
  }

  #begin(head: AnswerHead): void {
    const { framing } = head
    if (framing === 'chunked') this.#state = 'chunk-size'
    else if (framing === 'until-close') this.#state = 'until-close'
    else {
      this.#state = 'body'
      this.#missing = framing
    }
    this.#reader.head(head)
    if (framing === 0 && !this.#reader.held) this.#finish()
  }

  /** Where the reader was paused at a head that has no body behind it. */
  resume(): void {
    if (this.#state === 'body' && this.#missing === 0) this.#finish()
  }

  #finish(): void {
    this.#state = 'idle'
    this.#reader.end()
  }

  #pass(chunk: Buffer, at: number, whole: () => void): number {
    const end = Math.min(chunk.length, at + this.#missing)
    this.#missing -= end - at
    this.#reader.data(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end))
    if (this.#missing === 0) whole()
    return end
  }

  #chunkSize(chunk: Buffer, at: number): number {
    const { text, next } = this.#until(lineEnd, chunk, at, maxSizeLine)
    if (text === undefined) return next
    // Extensions mean nothing to anybody (RFC 9112 §7.1.1).
    const digits = /^([0-9a-f]{1,12})(?:[\t ]*;[^\0\r\n]*)?$/i.exec(text)?.[1]
    if (digits === undefined) throw unreadable('a chunk without a size')
    this.#missing = Number.parseInt(digits, 16)
    this.#state = this.#missing === 0 ? 'trailers' : 'chunk'
    this.#headerSize = 0
    return next
  }

  #chunkEnd(chunk: Buffer, at: number): number {
    const { text, next } = this.#until(lineEnd, chunk, at, 2)
    if (text === undefined) return next
    if (text !== '') throw unreadable('a chunk that is longer than it said')
    this.#state = 'chunk-size'
    return next
  }

  /** Lines up to an empty one, which nobody needs. */
  #trailers(chunk: Buffer, at: number): number {
    const { text, next } = this.#until(lineEnd, chunk, at, maxHeaderSize - this.#headerSize)
    if (text === undefined) return next
    this.#headerSize += text.length
    if (text === '') this.#finish()
    else if (!isField(text)) throw unreadable('a trailer without a name, or with a control character')
    return next
  }

  /** The text up to `mark`, over as many pieces as it takes; undefined while it is not whole. */
  #until(mark: Buffer, chunk: Buffer, at: number, most: number): { readonly text: string | undefined, readonly next: number } {
    const before = this.#held
    const bytes = before === undefined ? chunk : Buffer.concat([before, chunk.subarray(at)])
    const start = before === undefined ? at : 0
    const found = bytes.indexOf(mark, before === undefined ? at : Math.max(0, before.length - mark.length + 1))
    if ((found < 0 ? bytes.length : found) - start > most) throw new errors.HeadersOverflowError()
    if (found < 0) {
      this.#held = before === undefined ? Buffer.from(chunk.subarray(at)) : bytes
      return { text: undefined, next: chunk.length }
    }
    this.#held = undefined
    return { text: bytes.toString('latin1', start, found), next: found + mark.length - start - (before?.length ?? 0) + at }
  }
}
