import fc from 'fast-check'
import t from 'tap'
import { FrameTracker, spdyFraming, webSocketFraming, type Framing } from '../../src/tunnel/frames.ts'

/** A WebSocket frame of `size` bytes of payload, its length written in as many bytes as `form` says. */
function webSocketFrame(size: number, form: 7 | 16 | 64, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0
  const length = form === 7 ? Buffer.from([mask | size]) : Buffer.alloc(form === 16 ? 3 : 9)
  if (form !== 7) length[0] = mask | (form === 16 ? 126 : 127)
  if (form === 16) length.writeUInt16BE(size, 1)
  if (form === 64) length.writeBigUInt64BE(BigInt(size), 1)
  return Buffer.concat([Buffer.from([0x82]), length, Buffer.alloc(masked ? 4 : 0, 0xff), Buffer.alloc(size, 0xff)])
}

function spdyFrame(size: number, control: boolean): Buffer {
  const header = Buffer.from(control ? '8003000100000000' : '0000000501000000', 'hex')
  header.writeUIntBE(size, 5, 3)
  return Buffer.concat([header, Buffer.alloc(size, 0xff)])
}

const anyWebSocketFrame = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 125 }), fc.constant<7>(7), fc.boolean()),
  fc.tuple(fc.integer({ min: 0, max: 400 }), fc.constantFrom<(16 | 64)[]>(16, 64), fc.boolean()),
).map(([size, form, masked]) => webSocketFrame(size, form, masked))
const anySpdyFrame = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.boolean()).map(([size, control]) => spdyFrame(size, control))

const protocols: [string, Framing, fc.Arbitrary<Buffer>][] = [
  ['WebSocket', webSocketFraming, anyWebSocketFrame],
  ['SPDY', spdyFraming, anySpdyFrame],
]

for (const [name, framing, anyFrame] of protocols) {
  t.test(`${name}: after every byte it is known whether a frame ends there`, async () => {
    fc.assert(fc.property(fc.array(anyFrame, { maxLength: 6 }), (frames) => {
      const ends = new Set(frames.map((_frame, i) => Buffer.concat(frames.slice(0, i + 1)).length))
      const tracker = new FrameTracker(framing)
      return [...Buffer.concat(frames)].every((byte, at) => {
        tracker.follow(Buffer.from([byte]))
        return tracker.atBoundary === ends.has(at + 1)
      })
    }), { numRuns: 60 })
  })

  t.test(`${name}: however the bytes are cut into chunks, the next end of a frame is found`, async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 30 })
    fc.assert(fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 6 }), cuts, (frames, sizes) => {
      const bytes = Buffer.concat(frames)
      const begun = sizes[0] ?? 1
      const ends = frames.map((_frame, i) => Buffer.concat(frames.slice(0, i + 1)).length)
      const tracker = new FrameTracker(framing)
      tracker.follow(bytes.subarray(0, begun))
      let at = Math.min(begun, bytes.length)
      if (tracker.atBoundary) return ends.includes(at)
      for (let i = 1; !tracker.atBoundary; i += 1) {
        const chunk = bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1))
        if (chunk.length === 0) return false
        at += tracker.followFrame(chunk)
      }
      return at === ends.find(end => end > begun)
    }), { numRuns: 300 })
  })
}

t.test('only a frame that says goodbye counts as a goodbye', async (t) => {
  const table: [Framing, string, boolean][] = [
    [webSocketFraming, '880203e8', true], [webSocketFraming, '8800', true], [webSocketFraming, '8a0488888888', false],
    [webSocketFraming, '820188', false], [spdyFraming, '80030007000000080000000700000000', true],
    [spdyFraming, '80030006000000040000000700', false], [spdyFraming, '000000070000000880030007', false],
  ]
  for (const [framing, hex, farewell] of table) {
    const tracker = new FrameTracker(framing)
    tracker.follow(Buffer.from(hex, 'hex'))
    t.equal(tracker.saidFarewell, farewell, hex)
  }
})

t.test('a payload of gigabytes is followed without being held', async (t) => {
  const header = Buffer.from('827f0000000200000000', 'hex')
  const tracker = new FrameTracker(webSocketFraming)
  tracker.follow(header)
  const chunk = Buffer.alloc(64 << 20)
  for (let left = 2 ** 33; left > 0; left -= chunk.length) {
    t.equal(tracker.atBoundary, false)
    tracker.follow(chunk)
  }
  t.equal(tracker.atBoundary, true)
})
