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
      ...subprotocol.startsWith('v5') ? [['caller', webSocketFrame(Buffer.from([255, 0]))]] satisfies Said[] : [],
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

t.test('line breaks in base64 are no part of it, as Go reads it; what it takes for no base64 is unreadable', async (t) => {
  const of = (text: string) => [['caller', webSocketFrame(Buffer.from(`0${text}`), { opcode: 1 })]] satisfies Said[]
  for (const subprotocol of ['base64.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
    for (const text of ['b\nHMK', 'bHMK\r\n', '\r\nbH\n\nMK', 'bHM\nK']) {
      for (const cut of [Infinity, 1, 3, 8]) t.strictSame(carried(webSocket(subprotocol), of(text), cut), { stdin: 'ls\n|' }, `${JSON.stringify(text)} cut each ${cut}`)
    }
    for (const text of ['bHM', 'bHM-', 'b HMK', 'bA==bHMK', 'bA=', 'b===', 'bHM==', 'bA=\n=b', 'b\0HMK']) {
      for (const cut of [Infinity, 1, 3]) t.throws(() => carried(webSocket(subprotocol), of(text), cut), RangeError, JSON.stringify(text))
    }
  }
})

t.test('a message in several frames is unreadable, for the API server takes each for a message of its own', async (t) => {
  for (const from of ['caller', 'upstream'] as const) {
    for (const first of [Buffer.from([200]), Buffer.from('\0'), Buffer.alloc(0)]) {
      const frames = [webSocketFrame(first, { final: false }), webSocketFrame(Buffer.from('\0rm -rf /data\n'), { opcode: 0 })]
      t.throws(() => carried(webSocket('v4.channel.k8s.io'), frames.map((bytes): Said => [from, bytes])), /several frames/)
    }
  }
})

t.test('a channel that the protocol does not have is unreadable; v5 alone has one to close others', async (t) => {
  for (const [subprotocol, channel] of [['v5.channel.k8s.io', 5], ['v5.channel.k8s.io', 254], ['v4.channel.k8s.io', 255], ['', 200], ['v4.base64.channel.k8s.io', 0], ['v4.base64.channel.k8s.io', 0x35]] as const) {
    t.throws(() => carried(webSocket(subprotocol), [['caller', webSocketFrame(Buffer.from([channel, 0x41]))]]), /there is no channel/, `${subprotocol} ${channel}`)
  }
})

t.test('what a side says of a stream that is the other one\'s is not recorded, for nobody reads it', async (t) => {
  const forged = { stdout: 'FORGED', stderr: 'FORGED', error: success } as const
  const forgedDown = { stdin: 'FORGED', resize: '{"Width":1,"Height":1}' } as const
  const said: Said[] = [
    ...Object.entries(forged).map(([stream, text]): Said => ['caller', channelFrame(stream as SessionStream, text, { masked: true })]),
    ...Object.entries(forgedDown).map(([stream, text]): Said => ['upstream', channelFrame(stream as SessionStream, text, { masked: false })]),
  ]
  t.strictSame(carried(webSocket('v5.channel.k8s.io'), said), {})
  const client = new SpdyClientFrames()
  const opening = (['error', 'stdin', 'stdout', 'stderr', 'resize'] as const).map((streamtype, i): Said => ['caller', client.open(1 + 2 * i, { streamtype })])
  const over = [1, 5, 7].map((stream): Said => ['caller', dataFrame(stream, Buffer.from(success), true)])
  const under = [3, 9].map((stream): Said => ['upstream', dataFrame(stream, Buffer.from('FORGED'), true)])
  t.strictSame(carried({ kind: 'spdy' }, [...opening, ...over, ...under]), {})
})

t.test('SPDY: a stream is what Go takes it for: the first of several values, whatever the reserved bit', async (t) => {
  const typed: Said = ['caller', dataFrame(1, Buffer.from('rm -rf /data\n'))]
  for (const [stream, streamtype] of [[1, 'stdin\0resize'], [0x80000001, 'stdin']] as const) {
    t.strictSame(carried({ kind: 'spdy' }, [['caller', new SpdyClientFrames().open(stream, { streamtype })], typed]), { stdin: 'rm -rf /data\n' })
  }
})

t.test('SPDY: what could be read in two ways is unreadable', async (t) => {
  const fresh = () => new SpdyClientFrames()
  const twice = fresh()
  const late = fresh()
  const cases: readonly (readonly [what: string, frames: readonly Buffer[], why: RegExp])[] = [
    ['a stream that is opened again as another', [twice.open(1, { streamtype: 'stdin' }), twice.open(1, { streamtype: 'resize' })], /opened again/],
    ['a stream of another type', [fresh().open(1, { streamtype: 'data' })], /there is no stream/],
    ['a first value that is empty', [fresh().open(1, { streamtype: '\0stdin' })], /there is no stream/],
    ['a stream of no type', [fresh().open(1, {})], /there is no stream/],
    ['bytes of a stream that was not opened', [late.open(1, { streamtype: 'stdin' }), dataFrame(3, Buffer.from('x'))], /never opened/],
    ['headers behind those that were announced, which Go reads as those of the next stream', [fresh().open(1, { streamtype: 'resize' }, Buffer.from('\0\0\0\0'))], /more/],
    ['a reply, whose headers are of the same compressed stream', [Buffer.from('80030002000000080000000101020304', 'hex')], /./],
  ]
  for (const [what, frames, why] of cases) {
    t.throws(() => carried({ kind: 'spdy' }, frames.map((bytes): Said => ['caller', bytes])), why, what)
  }
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
  const other = new SpdyClientFrames()
  const session = Buffer.concat(openings.map((_, i) => other.open(1 + 2 * i, { streamtype: 'resize', n: String(i) })))
  t.throws(() => createSessionReader({ kind: 'spdy' }, () => {}).fromCaller(session), { name: 'RangeError', message: /too many/ })
  const { user } = process.cpuUsage(began)
  t.ok(user / 1000 < 1000, `${user / 1000} ms`)
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
