import t from 'tap'
import { protocolEnds } from '../../src/tunnel/ends.ts'
import { FrameTracker } from '../../src/tunnel/frames.ts'

t.test('a WebSocket ends with a Close frame: 1008 when revoked, 1001 when drained, 1011 when it cannot be recorded, and the reason', async (t) => {
  for (const [why, code] of [['revoked', 1008], ['drained', 1001], ['unrecorded', 1011]] as const) {
    const frame = protocolEnds.websocket.farewell(why)
    t.equal(frame[0], 0x88, 'final, opcode 8')
    t.equal(frame[1], frame.length - 2, 'unmasked, and short enough for a control frame')
    t.ok(frame.length <= 127)
    t.equal(frame.readUInt16BE(2), code)
    t.match(frame.subarray(4).toString(), /^portcullis: /)
  }
})

t.test('SPDY ends with GOAWAY, which leaves no stream to be repeated', async (t) => {
  for (const why of ['revoked', 'drained', 'unrecorded'] as const) {
    t.equal(protocolEnds.spdy.farewell(why).toString('hex'), '80030007000000087fffffff00000000')
  }
})

t.test('every farewell is one whole frame of its own protocol', async (t) => {
  for (const { framing, farewell } of Object.values(protocolEnds)) {
    for (const why of ['revoked', 'drained', 'unrecorded'] as const) {
      const tracker = new FrameTracker(framing)
      const frame = farewell(why)
      t.equal(tracker.followFrame(frame), frame.length)
      t.equal(tracker.atBoundary, true)
      t.equal(tracker.saidFarewell, true)
    }
  }
})
