import { HeaderBlocks } from './spdy-headers.ts'

/** What one side of a SPDY/3.1 connection says, as far as Kubernetes' streams are made of it. */
export interface SpdyHandler {
  /** A part of a stream's bytes, as it comes; `last`: its side of the stream ends here. */
  data(stream: number, piece: Buffer, last: boolean): void
  /** Where the headers are read. */
  opened?(stream: number, headers: ReadonlyMap<string, string>): void
}

const synStream = 1
/** Those that have a header block: all blocks of a connection are one compressed stream. */
const withHeaders = [synStream, 2, 8]
/** The first bit of a stream's number is reserved. */
const streamBits = 0x7fff_ffff
const lastFlag = 1
/** With what stands before the headers in a SYN_STREAM. */
const largestBlock = 16 * 1024 + 10

/**
 * Reads the frames of one direction, however they are cut into chunks; buffers nothing but what opens a
 * stream. `push` throws RangeError, or what zlib throws, on bytes that are no such frames.
 */
export class SpdyReader {
  readonly #handler: SpdyHandler
  readonly #blocks = new HeaderBlocks()
  readonly #head = Buffer.alloc(8)
  #headBytes = 0
  #left = 0
  /** Of a control frame that is read, what has come of it. */
  #control: Buffer[] | undefined

  constructor(handler: SpdyHandler) {
    this.#handler = handler
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at += this.#headBytes < 8 ? this.#readHead(chunk, at) : this.#readPayload(chunk, at)
  }

  #readHead(chunk: Buffer, at: number): number {
    this.#head[this.#headBytes++] = chunk[at] ?? 0
    if (this.#headBytes < 8) return 1
    this.#left = this.#head.readUIntBE(5, 3)
    this.#control = undefined
    if (this.#isControl) {
      if (this.#head.readUInt16BE(0) !== 0x8003) throw new RangeError('the frame is not of SPDY/3')
      if (this.#handler.opened !== undefined && withHeaders.includes(this.#head.readUInt16BE(2))) {
        if (this.#left > largestBlock) throw new RangeError('the header block is too large')
        this.#control = []
      }
    }
    if (this.#left === 0) this.#pass(Buffer.alloc(0))
    return 1
  }

  #readPayload(chunk: Buffer, at: number): number {
    const piece = chunk.subarray(at, at + this.#left)
    this.#left -= piece.length
    this.#pass(piece)
    return piece.length
  }

  #pass(piece: Buffer): void {
    const over = this.#left === 0
    if (over) this.#headBytes = 0
    if (!this.#isControl) return this.#handler.data(this.#head.readUInt32BE(0), piece, over && ((this.#head[4] ?? 0) & lastFlag) !== 0)
    this.#control?.push(piece)
    if (!over || this.#control === undefined) return
    const payload = Buffer.concat(this.#control)
    const isOpening = this.#head.readUInt16BE(2) === synStream
    const read = this.#blocks.read(payload.subarray(isOpening ? 10 : 4))
    if (isOpening) this.#handler.opened?.(payload.readUInt32BE(0) & streamBits, read)
  }

  get #isControl(): boolean {
    return ((this.#head[0] ?? 0) & 0x80) !== 0
  }
}
