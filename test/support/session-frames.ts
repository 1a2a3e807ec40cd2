import { constants, deflateSync } from 'node:zlib'
import { dictionary } from '../../src/protocols/spdy-headers.ts'
import type { SessionStream } from '../../src/protocols/channels.ts'

/** A WebSocket frame; masked as a client's are, unless told otherwise. Below 64 KiB. */
export function webSocketFrame(payload: Uint8Array, { opcode = 2, final = true, masked = true } = {}): Buffer {
  const mask = masked ? [0x12, 0x34, 0x56, 0x78] : []
  const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255]
  const head = [(final ? 0x80 : 0) | opcode, (length[0] ?? 0) | (masked ? 0x80 : 0), ...length.slice(1), ...mask]
  return Buffer.concat([Buffer.from(head), Buffer.from(payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0)))])
}

const channels: readonly SessionStream[] = ['stdin', 'stdout', 'stderr', 'error', 'resize']

/** A message of one of an exec's channels, as `v5.channel.k8s.io` or, in base64, as `v4.base64.channel.k8s.io`. */
export function channelFrame(stream: SessionStream, data: string | Uint8Array, { masked = stream === 'stdin' || stream === 'resize', base64 = false } = {}): Buffer {
  const bytes = Buffer.from(data as Uint8Array)
  const channel = channels.indexOf(stream)
  return base64
    ? webSocketFrame(Buffer.from(`${channel}${bytes.toString('base64')}`), { opcode: 1, masked })
    : webSocketFrame(Buffer.concat([Buffer.from([channel]), bytes]), { masked })
}

/** The client's side of a SPDY/3.1 connection: its header blocks are one compressed stream. */
export class SpdyClientFrames {
  #plain = Buffer.alloc(0)
  #sent = 0

  /** `more`: behind the headers, in the same block. */
  open(stream: number, headers: Readonly<Record<string, string>>, more = Buffer.alloc(0)): Buffer {
    const entries = Object.entries(headers)
    const words = entries.flat().flatMap(word => [uint32(word.length), Buffer.from(word)])
    this.#plain = Buffer.concat([this.#plain, uint32(entries.length), ...words, more])
    // Compressed anew from the beginning, of which only what is new is sent: level 0 makes each block depend on none before it.
    const packed = deflateSync(this.#plain, { dictionary, level: 0, finishFlush: constants.Z_SYNC_FLUSH })
    const block = this.#stored(packed)
    const payload = Buffer.concat([uint32(stream), uint32(0), Buffer.from([0, 0]), block])
    return Buffer.concat([Buffer.from([0x80, 3, 0, 1]), uint32(payload.length), payload])
  }

  /** As zlib's stored blocks (RFC 1951 §3.2.4), with the head of the stream before the first. */
  #stored(packed: Buffer): Buffer {
    const fresh = this.#plain.subarray(this.#sent)
    const head = this.#sent === 0 ? packed.subarray(0, 6) : Buffer.alloc(0)
    this.#sent = this.#plain.length
    const length = Buffer.alloc(5)
    length.writeUInt16LE(fresh.length, 1)
    length.writeUInt16LE(0xffff - fresh.length, 3)
    return Buffer.concat([head, length, fresh])
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
