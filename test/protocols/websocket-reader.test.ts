import { once } from 'node:events'
import fc from 'fast-check'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { WebSocketReader, type MessagePiece } from '../../src/protocols/websocket-reader.ts'

interface FrameOptions {
  readonly final?: boolean
  readonly mask?: readonly number[]
}

function frame(opcode: number, payload: Uint8Array, { final = true, mask }: FrameOptions = {}): Buffer {
  const length = payload.length < 126 ? [payload.length] : payload.length < 65_536
    ? [126, payload.length >> 8, payload.length & 255]
    : [127, 0, 0, 0, 0, ...Buffer.from(payload.length.toString(16).padStart(8, '0'), 'hex')]
  const [first = 0, ...more] = length
  const head = [(final ? 0x80 : 0) | opcode, first | (mask === undefined ? 0 : 0x80), ...more, ...mask ?? []]
  return Buffer.concat([Buffer.from(head), Buffer.from(payload.map((byte, i) => byte ^ (mask?.[i & 3] ?? 0)))])
}

/** Whole messages, put together of the pieces. */
function read(bytes: Buffer, cuts: readonly number[] = []): { text: boolean, data: string }[] {
  const messages: { text: boolean, data: string }[] = []
  let pieces: Buffer[] = []
  let begun = false
  const reader = new WebSocketReader(({ text, first, last, data }: MessagePiece) => {
    if (first === begun) throw new Error('one begins where another has not ended')
    begun = !last
    pieces.push(data)
    if (!last) return
    messages.push({ text, data: Buffer.concat(pieces).toString('hex') })
    pieces = []
  })
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    reader.push(bytes.subarray(from, cut))
    from = cut
  }
  return messages
}

t.test('messages are read however they are framed, masked, and cut into chunks, with control frames between', async (t) => {
  const part = fc.record({ bytes: fc.uint8Array({ maxLength: 300 }), mask: fc.option(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)), { nil: undefined }), ping: fc.boolean() })
  const message = fc.record({ text: fc.boolean(), parts: fc.array(part, { minLength: 1, maxLength: 4 }) })
  fc.assert(fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.nat(2000), { maxLength: 20 }), (messages, cuts) => {
    const bytes = Buffer.concat(messages.flatMap(({ text, parts }) => parts.flatMap(({ bytes, mask, ping }, i) => [
      frame(i > 0 ? 0 : text ? 1 : 2, bytes, { final: i === parts.length - 1, ...mask === undefined ? {} : { mask } }),
      ...ping ? [frame(9, Buffer.from('ping')), frame(10, Buffer.alloc(0))] : [],
    ])))
    const before = Buffer.from(bytes)
    const sorted = cuts.filter(cut => cut <= bytes.length).sort((a, b) => a - b)
    t.strictSame(read(bytes, sorted), messages.map(({ text, parts }) => ({ text, data: Buffer.concat(parts.map(({ bytes }) => bytes)).toString('hex') })))
    return bytes.equals(before)
  }))
})

t.test('long messages have their length in 16 and in 64 bits', async (t) => {
  for (const size of [125, 126, 65_535, 65_536, 200_000]) {
    const [message] = read(frame(2, Buffer.alloc(size, 'x'), { mask: [1, 2, 3, 4] }), [1, 3, 9, 1000])
    t.equal(message?.data.length, size * 2)
  }
})

t.test('behind a Close there is nothing to read', async (t) => {
  t.strictSame(read(Buffer.concat([frame(8, Buffer.alloc(2)), Buffer.from('not a frame at all, \xff\xff')])), [])
})

const bad: [string, Buffer][] = [
  ['of an extension', Buffer.from([0xc2, 0x01, 0])],
  ['of no known type', Buffer.from([0x83, 0x00])],
  ['a long control frame', Buffer.from([0x89, 126, 0, 200])],
  ['a control frame in parts', Buffer.from([0x09, 0x01, 0])],
  ['what goes on without a beginning', frame(0, Buffer.from('x'))],
  ['a message within a message', Buffer.concat([frame(2, Buffer.from('x'), { final: false }), frame(2, Buffer.from('y'))])],
  ['a length beyond all numbers', Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255])],
]
for (const [name, bytes] of bad) t.test(`no WebSocket: ${name}`, async (t) => { t.throws(() => read(bytes), RangeError) })

t.test('what the library ws writes is read', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as { port: number }).port}`, { perMessageDeflate: false })
  const [accepted] = await once(server, 'connection') as [WebSocket]
  const chunks: Buffer[] = []
  // Before ws reads them, which takes the mask off in place.
  ;(accepted as unknown as { _socket: NodeJS.ReadableStream })._socket.prependListener('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)))
  await once(client, 'open')
  client.send('typed')
  client.send(Buffer.from([0, 1, 2]), { fin: false })
  client.ping()
  client.send(Buffer.from([3]), { fin: true })
  client.close()
  await once(accepted, 'close')
  server.close()
  t.strictSame(read(Buffer.concat(chunks)), [{ text: true, data: Buffer.from('typed').toString('hex') }, { text: false, data: '00010203' }])
})
