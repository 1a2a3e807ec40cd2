/** The frames of SPDY/3.1 that exec needs, as spdystream in Kubernetes writes and reads them. Flow control is not among them. */
export type Frame =
  | { readonly kind: 'data'; readonly stream: number; readonly last: boolean; readonly data: Buffer }
  | { readonly kind: 'open'; readonly stream: number; readonly last: boolean; readonly headers: Buffer }
  | { readonly kind: 'headers'; readonly headers: Buffer }
  | { readonly kind: 'reset'; readonly stream: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'other' }

const version = 3
const types = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7, headers: 8 }
const lastFlag = 1
const cancel = 5

/** kubectl sends 32 KiB at once. */
const largestFrame = 1024 * 1024

/** Cuts what arrives into frames; throws RangeError on a frame that is too large or too short. */
export class FrameReader {
  #left = Buffer.alloc(0)

  push(chunk: Buffer): Frame[] {
    this.#left = Buffer.concat([this.#left, chunk])
    const frames: Frame[] = []
    while (this.#left.length >= 8) {
      const length = this.#left.readUIntBE(5, 3)
      if (length > largestFrame) throw new RangeError('the SPDY frame is too large')
      if (this.#left.length < 8 + length) break
      frames.push(frameOf(this.#left.readUInt32BE(0), (this.#left[4] ?? 0) === lastFlag, this.#left.subarray(8, 8 + length)))
      this.#left = this.#left.subarray(8 + length)
    }
    return frames
  }
}

function frameOf(word: number, last: boolean, payload: Buffer): Frame {
  if (word < 0x8000_0000) return { kind: 'data', stream: word, last, data: payload }
  if (word >>> 16 !== (0x8000 | version)) throw new RangeError('the frame is not of SPDY/3')
  switch (word & 0xffff) {
    case types.synStream:
      return { kind: 'open', stream: payload.readUInt32BE(0), last, headers: payload.subarray(10) }
    case types.headers:
      return { kind: 'headers', headers: payload.subarray(4) }
    case types.reset:
      return { kind: 'reset', stream: payload.readUInt32BE(0) }
    case types.ping:
      return { kind: 'ping', id: payload.readUInt32BE(0) }
    default:
      return { kind: 'other' }
  }
}

function control(type: number, ...payload: readonly Buffer[]): Buffer {
  const content = Buffer.concat(payload)
  const head = Buffer.alloc(8)
  head.writeUInt16BE(0x8000 | version, 0)
  head.writeUInt16BE(type, 2)
  head.writeUIntBE(content.length, 5, 3)
  return Buffer.concat([head, content])
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, place) => bytes.writeUInt32BE(value, 4 * place))
  return bytes
}

export function dataFrame(stream: number, data: Buffer, last = false): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(stream, 0)
  head[4] = last ? lastFlag : 0
  head.writeUIntBE(data.length, 5, 3)
  return Buffer.concat([head, data])
}

export const replyFrame = (stream: number, headers: Buffer) => control(types.synReply, numbers(stream), headers)
export const cancelFrame = (stream: number) => control(types.reset, numbers(stream, cancel))
export const pingFrame = (id: number) => control(types.ping, numbers(id))
export const goAwayFrame = (stream: number) => control(types.goAway, numbers(stream, 0))
