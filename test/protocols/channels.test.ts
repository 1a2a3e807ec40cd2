import { constants, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { createSessionReader, type SessionProtocol, type SessionStream } from '../../src/protocols/channels.ts'
import { PortWatch } from '../../src/protocols/port-watch.ts'
import { dataFrame, pingFrame, replyFrame } from '../../src/protocols/spdy-frames.ts'
import { dictionary } from '../../src/protocols/spdy-headers.ts'
import { channelFrame, SpdyClientFrames, webSocketFrame } from '../support/session-frames.ts'

type Said = readonly [from: 'caller' | 'upstream', bytes: Buffer]

/** What each stream carried, and how often it said that something ends. */
function carried(protocol: SessionProtocol, said: readonly Said[], cut = Infinity): Partial<Record<SessionStream, string>> {
  const all: Partial<Record<SessionStream, string>> = {}
  const reader = createSessionReader(protocol, (stream, piece, ends) => { all[stream] = `${all[stream] ?? ''}${piece.toString('latin1')}${ends ? '|' : ''}` })
  for (const [from, bytes] of said) {
    for (let at = 0; at < bytes.length; at += cut) {
      const chunk = bytes.subarray(at, at + Math.min(cut, bytes.length))
      if (from === 'caller') reader.fromCaller(chunk)
      else reader.fromUpstream(chunk)
    }
  }
  return all
}

const webSocket = (subprotocol: string): SessionProtocol => ({ kind: 'websocket', subprotocol, extensions: '' })
const success = '{"metadata":{},"status":"Success"}'

for (const [subprotocol, base64] of [
  ['v5.channel.k8s.io', false], ['v4.channel.k8s.io', false], ['channel.k8s.io', false], ['', false],
  ['base64.channel.k8s.io', true], ['v4.base64.channel.k8s.io', true],
] as const) {
  t.test(`the streams of a session by WebSocket: ${subprotocol}`, async (t) => {
    const down = { base64, masked: false }
    const said: Said[] = [
      ['upstream', channelFrame('stdout', '', down)],
      ['caller', channelFrame('resize', '{"Width":100,"Height":30}\n', { base64 })],
      ['caller', channelFrame('stdin', 'ls -a\n', { base64 })],
      ['upstream', channelFrame('stdout', 'out', down)],
      ['upstream', channelFrame('stderr', 'err', down)],
      ['upstream', webSocketFrame(Buffer.from('x'), { opcode: 9, masked: false })],
      ['caller', webSocketFrame(Buffer.from([255, 0]))],
      ['upstream', channelFrame('error', success, down)],
      ['upstream', webSocketFrame(Buffer.from([3, 232]), { opcode: 8, masked: false })],
    ]
    const expected = { stdout: '|out|', resize: '{"Width":100,"Height":30}\n|', stdin: 'ls -a\n|', stderr: 'err|', error: `${success}|` }
    for (const cut of [Infinity, 1, 2, 3, 7]) t.strictSame(carried(webSocket(subprotocol), said, cut), expected, `cut each ${cut}`)
  })
}

t.test('base64 is decoded however it is cut', async () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 9 }), (bytes, cut) => {
    const pieces: Buffer[] = []
    const reader = createSessionReader(webSocket('base64.channel.k8s.io'), (_stream, piece) => pieces.push(Buffer.from(piece)))
    const frame = channelFrame('stdin', bytes, { base64: true })
    for (let at = 0; at < frame.length; at += cut) reader.fromCaller(frame.subarray(at, at + cut))
    return Buffer.concat(pieces).equals(Buffer.from(bytes))
  }))
})

t.test('the streams of a session by SPDY are known by what the client says that they are', async (t) => {
  const client = new SpdyClientFrames()
  const said: Said[] = [
    ...(['error', 'stdin', 'stdout', 'stderr', 'resize'] as const).map((streamtype, i): Said => ['caller', client.open(1 + 2 * i, { streamtype })]),
    ['caller', pingFrame(1)],
    ['upstream', replyFrame(1, Buffer.from('this is not read'))],
    ['caller', dataFrame(9, Buffer.from('{"Width":100,"Height":30}\n'))],
    ['caller', dataFrame(3, Buffer.from('ls\n'))],
    ['upstream', dataFrame(5, Buffer.from('out'))],
    ['upstream', dataFrame(7, Buffer.from('err'), true)],
    ['upstream', dataFrame(11, Buffer.from('of no stream'))],
    ['caller', dataFrame(3, Buffer.alloc(0), true)],
    ['upstream', dataFrame(1, Buffer.from(success), true)],
  ]
  const expected = { resize: '{"Width":100,"Height":30}\n', stdin: 'ls\n|', stdout: 'out', stderr: 'err|', error: `${success}|` }
  for (const cut of [Infinity, 1, 5, 11]) t.strictSame(carried({ kind: 'spdy' }, said, cut), expected, `cut each ${cut}`)
})

t.test('what cannot be read says so', async (t) => {
  t.throws(() => createSessionReader({ kind: 'websocket', subprotocol: 'v5.channel.k8s.io', extensions: 'permessage-deflate' }, () => {}), /extension permessage-deflate/)
  t.throws(() => createSessionReader(webSocket('graphql'), () => {}), /subprotocol graphql/)
  t.throws(() => createSessionReader({ kind: 'spdy' }, () => {}).fromCaller(Buffer.from('8002000100000000', 'hex')), RangeError)
  t.throws(() => createSessionReader({ kind: 'spdy' }, () => {}).fromCaller(Buffer.from('8003000100ffffff', 'hex')), RangeError)
  t.throws(() => createSessionReader({ kind: 'spdy' }, () => {}).fromCaller(Buffer.from('800300010000000e000000010000000000000102030405', 'hex')), Error)
})

t.test('header blocks of Go, byte for byte', async (t) => {
  // What kubectl 1.27 sent to open its streams: error, stdin, stdout, stderr.
  const opening = ['80030001000000290000000100000000000078f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff', '800300010000001700000003000000000000c22e555c92929907000000ffff',
    '800300010000001900000005000000000000c22ac5565c92925f5a02000000ffff', '800300010000001500000007000000000000c229975a5404000000ffff']
  t.strictSame(carried({ kind: 'spdy' }, [
    ...opening.map((hex): Said => ['caller', Buffer.from(hex, 'hex')]), ['caller', dataFrame(3, Buffer.from('in'))], ['upstream', dataFrame(7, Buffer.from('err'))],
  ], 3), { stdin: 'in', stderr: 'err' })
})

t.test('a port-forward tells its ports, by SPDY and by SPDY within a WebSocket', async (t) => {
  const open = (client: SpdyClientFrames) => [
    client.open(1, { streamtype: 'error', port: '8080', requestid: '0' }), client.open(3, { streamtype: 'data', port: '8080', requestid: '0' }),
    dataFrame(3, Buffer.from('GET / HTTP/1.1\r\n')), client.open(5, { streamtype: 'error', port: '9090', requestid: '1' }), client.open(7, { streamtype: 'data', port: 'x', requestid: '1' }),
  ]
  const spdy = new PortWatch('spdy', '')
  for (const frame of open(new SpdyClientFrames())) for (const byte of frame) spdy.fromCaller(Buffer.from([byte]))
  t.strictSame(spdy.ports, [8080, 9090])
  const webSocket = new PortWatch('websocket', 'SPDY/3.1+portforward.k8s.io')
  const bytes = Buffer.concat(open(new SpdyClientFrames()))
  for (let at = 0; at < bytes.length; at += 13) webSocket.fromCaller(webSocketFrame(bytes.subarray(at, at + 13)))
  t.strictSame(webSocket.ports, [8080, 9090])
  const unreadable = new PortWatch('spdy', '')
  unreadable.fromCaller(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  unreadable.fromCaller(Buffer.from('80028002', 'hex'))
  t.strictSame(unreadable.ports, [])
})

t.test('thousands of small openings cost next to nothing: after a hundred a session is unreadable, and ports are told no further', async (t) => {
  const client = new SpdyClientFrames()
  const openings = Array.from({ length: 3000 }, (_, i) => client.open(1 + 2 * i, { port: String(i < 50 ? 8080 : 8000 + i) }))
  const all = Buffer.concat(openings)
  const began = process.cpuUsage()
  const watch = new PortWatch('spdy', '')
  watch.fromCaller(all)
  const webSocket = new PortWatch('websocket', 'SPDY/3.1+portforward.k8s.io')
  for (const opening of openings) webSocket.fromCaller(webSocketFrame(opening))
  t.throws(() => createSessionReader({ kind: 'spdy' }, () => {}).fromCaller(all), { name: 'RangeError', message: /too many/ })
  const { user } = process.cpuUsage(began)
  t.ok(user / 1000 < 300, `${user / 1000} ms`)
  t.comment(`${Math.round(user / 1000)} ms for three times ${openings.length} openings`)
  const expected = [8080, ...Array.from({ length: 50 }, (_, i) => 8050 + i)].filter((port, i, ports) => ports.indexOf(port) === i)
  t.strictSame(watch.ports, expected)
  t.strictSame(webSocket.ports, expected)
  const one = new PortWatch('spdy', '')
  const again = new SpdyClientFrames()
  for (let i = 0; i < 100; i += 1) one.fromCaller(again.open(1 + 2 * i, { port: '8080' }))
  one.fromCaller(again.open(201, { port: '9090' }))
  t.strictSame(one.ports, [8080], 'openings count, not ports')
})

t.test('a few bytes that become many are not read', async (t) => {
  const read = (headers: Record<string, string>) => () => createSessionReader({ kind: 'spdy' }, () => {}).fromCaller(packed(headers))
  t.doesNotThrow(read({ streamtype: 'stdin', filler: 'x'.repeat(1000) }))
  t.throws(read({ streamtype: 'stdin', filler: 'x'.repeat(100_000) }), Error)
})

/** The first opening of a connection, really compressed. */
function packed(headers: Readonly<Record<string, string>>): Buffer {
  const count = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])
  const words = Object.entries(headers).flat().flatMap(word => [count(word.length), Buffer.from(word)])
  const block = deflateSync(Buffer.concat([count(Object.keys(headers).length), ...words]), { dictionary, finishFlush: constants.Z_SYNC_FLUSH })
  const payload = Buffer.concat([count(1), count(0), Buffer.from([0, 0]), block])
  return Buffer.concat([Buffer.from([0x80, 3, 0, 1]), count(payload.length), payload])
}
