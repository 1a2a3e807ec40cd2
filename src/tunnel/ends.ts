import type { EarlyEnd, Ending } from '../model/trail.ts'
import { spdyFraming, webSocketFraming, type Framing } from './frames.ts'
import type { UpgradeKind } from './protocol.ts'

/** Why a tunnel is ended from its middle. */
export type Farewell = EarlyEnd | Extract<Ending, 'unrecorded'>

/** How a protocol says that its connection ends now. */
export interface ProtocolEnd {
  readonly framing: Framing
  farewell(why: Farewell): Buffer
}

const reasons: Readonly<Record<Farewell, string>> = {
  revoked: 'portcullis: the key or the scope that opened this stream is gone',
  drained: 'portcullis: this server is shutting down',
  unrecorded: 'portcullis: the recording of this session cannot go on, and without it no session does',
}

/** RFC 6455 §7.4.1: 1001 going away, 1008 policy violation, 1011 a condition that prevents the rest. */
const closeCodes: Readonly<Record<Farewell, number>> = { revoked: 1008, drained: 1001, unrecorded: 1011 }

export const protocolEnds: Readonly<Record<UpgradeKind, ProtocolEnd>> = {
  websocket: { framing: webSocketFraming, farewell: why => closeFrame(closeCodes[why], reasons[why]) },
  spdy: { framing: spdyFraming, farewell: goAwayFrame },
}

/** RFC 6455 §5.5.1. A control frame may stand between fragments. */
function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason)
  const frame = Buffer.alloc(4 + text.length)
  frame.writeUInt8(0x88, 0)
  frame.writeUInt8(2 + text.length, 1)
  frame.writeUInt16BE(code, 2)
  text.copy(frame, 4)
  return frame
}

/**
 * SPDY/3.1 §2.6.6: GOAWAY with status OK, for there is none for policy. The last good
 * stream is the highest there can be: none of the caller's is safe to repeat.
 */
function goAwayFrame(): Buffer {
  return Buffer.from('80030007' + '00000008' + '7fffffff' + '00000000', 'hex')
}
