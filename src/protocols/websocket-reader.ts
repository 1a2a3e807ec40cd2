/** A part of a message, unmasked, as it comes; an empty message has one, too. */
export interface MessagePiece {
  readonly text: boolean
  readonly first: boolean
  readonly last: boolean
  /** The message is a single frame. */
  readonly whole: boolean
  readonly data: Buffer
}

const continuation = 0
const textMessage = 1
const binaryMessage = 2
const closeFrame = 8
const longestHeader = 14

interface FrameHead {
  readonly opcode: number
  readonly final: boolean
  readonly length: number
  readonly mask: Buffer | undefined
}

/**
 * Reads the messages of one direction of a WebSocket (RFC 6455 §5), however they are cut into frames and
 * chunks. Control frames between their parts are passed over; behind a Close there is nothing. Nothing is
 * buffered but a frame's header, and what is read is never written to. `push` throws RangeError on
 * bytes that are no such frames, or of an extension.
 */
export class WebSocketReader {
  readonly #take: (piece: MessagePiece) => void
  readonly #head = Buffer.alloc(longestHeader)
  #headBytes = 0
  #frame: FrameHead | undefined
  #read = 0
  /** The message under way: whether it is text, and whether something of it was handed on. */
  #message: { readonly text: boolean, begun: boolean } | undefined
  #closed = false

  constructor(take: (piece: MessagePiece) => void) {
    this.#take = take
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#closed) at += this.#frame === undefined ? this.#readHead(chunk, at) : this.#readPayload(this.#frame, chunk, at)
  }

  #readHead(chunk: Buffer, at: number): number {
    this.#head[this.#headBytes++] = chunk[at] ?? 0
    const frame = headOf(this.#head.subarray(0, this.#headBytes))
    if (frame === undefined) return 1
    this.#headBytes = 0
    this.#begin(frame)
    return 1
  }

  #begin(frame: FrameHead): void {
    this.#frame = frame
    this.#read = 0
    if (frame.opcode === closeFrame) this.#closed = true
    if (frame.opcode === textMessage || frame.opcode === binaryMessage) {
      if (this.#message !== undefined) throw new RangeError('a message begins within another')
      this.#message = { text: frame.opcode === textMessage, begun: false }
    } else if (frame.opcode === continuation && this.#message === undefined) {
      throw new RangeError('a message goes on that never began')
    }
    if (frame.length === 0) this.#pass(frame, Buffer.alloc(0))
  }

  #readPayload(frame: FrameHead, chunk: Buffer, at: number): number {
    const piece = chunk.subarray(at, at + frame.length - this.#read)
    const from = this.#read
    this.#read += piece.length
    this.#pass(frame, isControl(frame.opcode) ? piece : unmasked(piece, frame.mask, from))
    return piece.length
  }

  #pass(frame: FrameHead, data: Buffer): void {
    const over = this.#read === frame.length
    if (over) this.#frame = undefined
    if (isControl(frame.opcode) || this.#message === undefined) return
    const { text, begun } = this.#message
    const last = over && frame.final
    this.#message.begun = true
    if (last) this.#message = undefined
    const whole = frame.final && frame.opcode !== continuation
    if (data.length > 0 || last) this.#take({ text, first: !begun, last, whole, data })
    else if (!begun && this.#message !== undefined) this.#message.begun = false
  }
}

/** Undefined while it is not whole. */
function headOf(bytes: Buffer): FrameHead | undefined {
  if (bytes.length < 2) return undefined
  const [first = 0, second = 0] = bytes
  if ((first & 0x70) !== 0) throw new RangeError('the frame is of an extension')
  const opcode = first & 0x0f
  const final = (first & 0x80) !== 0
  const short = second & 0x7f
  if (opcode > binaryMessage && !isControl(opcode) || opcode > 10) throw new RangeError(`there is no frame of type ${opcode}`)
  if (isControl(opcode) && (!final || short > 125)) throw new RangeError('a control frame is short and whole')
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
  const maskBytes = (second & 0x80) === 0 ? 0 : 4
  if (bytes.length < 2 + lengthBytes + maskBytes) return undefined
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (!Number.isSafeInteger(length)) throw new RangeError('the frame is too long')
  return { opcode, final, length, mask: maskBytes === 0 ? undefined : Buffer.from(bytes.subarray(2 + lengthBytes, 6 + lengthBytes)) }
}

function isControl(opcode: number): boolean {
  return (opcode & 0x8) !== 0
}

/** A copy: the bytes themselves are on their way. `from`: how far into the payload they begin. */
function unmasked(piece: Buffer, mask: Buffer | undefined, from: number): Buffer {
  if (mask === undefined) return piece
  const plain = Buffer.allocUnsafe(piece.length)
  for (let i = 0; i < piece.length; i += 1) plain[i] = (piece[i] ?? 0) ^ (mask[(from + i) & 3] ?? 0)
  return plain
}
