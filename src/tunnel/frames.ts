/** How a protocol's frames are measured: a header whose size its first bytes tell, then a payload. */
export interface Framing {
  /** Bytes after which `headerSize` can be told. */
  readonly firstBytes: number
  headerSize(header: Buffer): number
  payloadSize(header: Buffer): number
  /** Whether this frame says that its sender has nothing more to say. */
  isFarewell(header: Buffer): boolean
}

/** RFC 6455 §5.2: 7 bits of length, or 126 and 16 bits, or 127 and 64 bits; then the mask, if any. */
export const webSocketFraming: Framing = {
  firstBytes: 2,
  headerSize(header) {
    const length = header.readUInt8(1) & 0x7f
    const mask = header.readUInt8(1) & 0x80 ? 4 : 0
    return 2 + mask + (length === 126 ? 2 : length === 127 ? 8 : 0)
  },
  payloadSize(header) {
    const length = header.readUInt8(1) & 0x7f
    if (length === 126) return header.readUInt16BE(2)
    return length === 127 ? header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6) : length
  },
  isFarewell: header => (header.readUInt8(0) & 0x0f) === 0x8,
}

/** SPDY/3.1 §2.2: control and data frames alike have 8 bytes of header, the last three the length. */
export const spdyFraming: Framing = {
  firstBytes: 8,
  headerSize: () => 8,
  payloadSize: header => header.readUIntBE(5, 3),
  // §2.6.6: GOAWAY is the control frame of type 7.
  isFarewell: header => (header.readUInt8(0) & 0x80) !== 0 && header.readUInt16BE(2) === 7,
}

const longestHeader = 14

/** Knows where in a stream of frames one ends, however the bytes are cut into chunks. Looks at nothing else. */
export class FrameTracker {
  readonly #framing: Framing
  readonly #header = Buffer.alloc(longestHeader)
  #headerBytes = 0
  #payloadLeft = 0
  #saidFarewell = false

  constructor(framing: Framing) {
    this.#framing = framing
  }

  /** True between two frames, where another one may be put. */
  get atBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0
  }

  /** True once a frame has begun that says goodbye. */
  get saidFarewell(): boolean {
    return this.#saidFarewell
  }

  /** Follows all of `chunk`. */
  follow(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at += this.#step(chunk, at)
  }

  /** Follows `chunk` no further than to the end of the frame it begins in, and returns how far that was. */
  followFrame(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length) {
      at += this.#step(chunk, at)
      if (this.atBoundary) break
    }
    return at
  }

  /** Takes what is left of a payload, or one byte of a header; returns how many bytes that were. */
  #step(chunk: Buffer, at: number): number {
    if (this.#payloadLeft > 0) {
      const taken = Math.min(this.#payloadLeft, chunk.length - at)
      this.#payloadLeft -= taken
      return taken
    }
    this.#header[this.#headerBytes++] = chunk[at] ?? 0
    const framing = this.#framing
    if (this.#headerBytes >= framing.firstBytes && this.#headerBytes === framing.headerSize(this.#header)) {
      this.#payloadLeft = framing.payloadSize(this.#header)
      this.#saidFarewell ||= framing.isFarewell(this.#header)
      this.#headerBytes = 0
    }
    return 1
  }
}
