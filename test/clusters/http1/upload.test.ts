// A request on its way out: what the socket is given, whatever becomes of its body.
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { errors } from 'undici'
import type { Call } from '../../../src/clusters/sender.ts'
import { senderByHand, turn } from '../../support/hand-socket.ts'
import { callOf, Heard } from '../../support/heard.ts'

const head = (framing: string) => `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`
const answered = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

async function sent(call: Partial<Call>, heard = new Heard()) {
  const byHand = senderByHand({ connections: 1 })
  byHand.sender.send(callOf({ method: 'POST', headers: ['Host', 'a'], ...call }), heard)
  const socket = byHand.sockets[0]!.secure()
  await turn()
  return { ...byHand, socket, heard }
}

const sized = (size: number) => ({ headers: ['Host', 'a', 'Content-Length', String(size)] })

t.test('a body goes out under its length, or in chunks', async (t) => {
  const pieces = () => Readable.from([Buffer.from('one'), Buffer.alloc(0), Buffer.from('fifteen letters')])
  const byLength = await sent({ ...sized(18), body: pieces() })
  t.equal(byLength.socket.text, `${head('Content-Length: 18')}onefifteen letters`)
  const byChunks = await sent({ body: pieces() })
  t.equal(byChunks.socket.text, `${head('Transfer-Encoding: chunked')}3\r\none\r\nf\r\nfifteen letters\r\n0\r\n\r\n`, 'no empty one but the last')
  for (const { socket, heard } of [byLength, byChunks]) {
    socket.say(answered)
    t.equal(heard.kinds, 'start begun head end')
    await turn()
    t.equal(socket.destroyed, false)
  }
  t.equal((await sent({ body: Readable.from([]) })).socket.text, `${head('Transfer-Encoding: chunked')}0\r\n\r\n`)
  t.equal((await sent({ ...sized(0), body: Readable.from([]) })).socket.text, head('Content-Length: 0'))
})

t.test('a body that is not as long as it said ends the connection, and no byte beyond goes out', async (t) => {
  for (const [size, text] of [[5, ''], [2, 'a']] as const) {
    const { socket, heard } = await sent({ ...sized(size), body: Readable.from([Buffer.from('a'), Buffer.from('bc')]) })
    t.ok(heard.error instanceof errors.RequestContentLengthMismatchError)
    t.equal(socket.text, head(`Content-Length: ${size}`) + (size === 5 ? 'abc' : text))
    t.equal(socket.destroyed, true)
  }
})

t.test('a body that breaks off is never made to look whole, nor is its connection used again', async (t) => {
  const broken = new Error('broke off')
  for (const more of [{}, sized(9)]) {
    for (const [how, end, code] of [
      ['with an error', (body: PassThrough) => body.destroy(broken), broken],
      ['without one', (body: PassThrough) => body.destroy(), errors.RequestAbortedError],
    ] as const) {
      const body = new PassThrough()
      const { socket, sender, heard } = await sent({ ...more, body })
      const next = new Heard()
      sender.send(callOf(), next)
      body.write('half')
      await turn()
      end(body)
      await turn()
      t.equal(heard.kinds, 'start error', how)
      if (code === broken) t.equal(heard.error, broken)
      else t.ok(heard.error instanceof errors.RequestAbortedError)
      t.match(socket.text, /half(\r\n)?$/)
      t.equal(socket.destroyed, true)
      t.equal(next.kinds, '')
    }
  }
})

t.test('one that broke off while it waited for a connection is told, and nothing is sent', async (t) => {
  for (const error of [undefined, new Error('too slow')]) {
    const body = new PassThrough().on('error', () => {})
    const byHand = senderByHand()
    const heard = new Heard()
    byHand.sender.send(callOf({ body }), heard)
    body.destroy(error)
    await turn()
    byHand.sockets[0]?.secure()
    t.equal(heard.kinds, 'start error')
    t.ok(error === undefined ? heard.error instanceof errors.RequestAbortedError : heard.error === error)
    t.equal(byHand.sockets[0]?.text, '')
  }
})

t.test('it goes at the pace of the socket', async (t) => {
  for (const more of [{}, sized(8)]) {
    const body = new PassThrough()
    const { socket, heard } = await sent({ ...more, body })
    socket.writes = false
    body.write('one-')
    await turn()
    t.equal(body.isPaused(), true)
    body.write('two-')
    await turn()
    t.notMatch(socket.text, 'two-')
    socket.writes = true
    socket.emit('drain')
    body.end()
    await turn()
    t.match(socket.text, 'two-')
    socket.say(answered)
    t.equal(heard.kinds, 'start begun head end')
    socket.emit('drain')
  }
})

t.test('an answer before the body is through ends both, and its connection', async (t) => {
  for (const more of [{}, sized(8)]) {
    const body = new PassThrough()
    const { socket, sender, heard } = await sent({ ...more, body })
    const next = new Heard()
    sender.send(callOf(), next)
    body.write('one-')
    await turn()
    const before = socket.text
    socket.say('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}')
    t.equal(heard.kinds, 'start begun head data end')
    t.equal(heard.status, 413)
    t.equal(body.destroyed, true)
    await turn()
    t.equal(socket.text, before)
    t.equal(socket.destroyed, true)
    t.equal(next.kinds, '')
  }
})

t.test('an answer that begins before the body is through may go on until it is', async (t) => {
  const body = new PassThrough()
  const { socket, heard } = await sent({ body })
  socket.say('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
  body.end('all')
  await turn()
  socket.say('1\r\nb\r\n0\r\n\r\n')
  await turn()
  t.equal(heard.body, 'ab')
  t.match(socket.text, /all\r\n0\r\n\r\n$/)
  t.equal(socket.destroyed, false)
})

t.test('what a body does after its answer is nothing to the next request', async (t) => {
  const body = new PassThrough({ autoDestroy: false })
  const { socket, sender } = await sent({ body: body.end('all') })
  socket.say(answered)
  await turn()
  const next = new Heard()
  sender.send(callOf(), next)
  body.destroy(new Error('late'))
  await turn()
  t.equal(next.kinds, 'start')
  t.equal(socket.destroyed, false)
})

t.test('a body is destroyed where its connection dies', async (t) => {
  const body = new PassThrough()
  const { socket } = await sent({ body })
  socket.fin()
  t.equal(body.destroyed, true)
})

t.test('what could begin another line, or another request, is never sent', async (t) => {
  const evil: readonly Partial<Call>[] = [
    ...['/a b', '/a\r\nX: y', '/a\nb', '/a\tb', '/\0', '', '/\u0100', '/a HTTP/1.1\r\n\r\n'].map(target => ({ target })),
    ...['GE T', 'GET\r\nX: y', '', 'G\0T', 'G:', 'G\xe4T'].map(method => ({ method })),
    ...['a\r\nX: y', 'a\nb', 'a\rb', 'a\0', '\u0100', '\ud800'].map(value => ({ headers: ['Host', 'a', 'X', value] })),
    ...['X\r\nY', 'X Y', 'X:', '', ' X', 'X\0', 'X\xe4', 'X\u0130'].map(name => ({ headers: ['Host', 'a', name, 'b'] })),
  ]
  for (const call of evil) {
    for (const body of [undefined, new PassThrough()]) {
      const { socket, heard } = await sent({ ...call, body })
      const label = JSON.stringify(call)
      t.equal(heard.kinds, 'start error', label)
      t.ok(heard.error instanceof TypeError, label)
      t.equal(socket.text, '', label)
      if (body !== undefined) t.equal(body.destroyed, true)
    }
  }
})
