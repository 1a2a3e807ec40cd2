// The first piece of an answer is read a moment after it came, together with those of other connections.
import t from 'tap'
import { errors } from 'undici'
import { isStaleSocket } from '../../../src/upstream-errors.ts'
import { senderByHand, type HandSocket } from '../../support/hand-socket.ts'
import { callOf, Heard } from '../../support/heard.ts'

const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** So many requests under way, and the moment in the hands of the test. */
function asked(...heard: Heard[]) {
  const moments: (() => void)[] = []
  const byHand = senderByHand({ later: (run) => { moments.push(run) } })
  for (const each of heard) byHand.sender.send(callOf(), each)
  const sockets = byHand.sockets as HandSocket[]
  for (const socket of sockets) socket.secure()
  return { ...byHand, sockets, moments, pass: () => { for (const run of moments.splice(0)) run() } }
}

t.test('answers that came together are read together, in order', async (t) => {
  const [first, second] = [new Heard(), new Heard()]
  const { sockets, moments, pass } = asked(first, second)
  sockets[1]?.say(answer('two'))
  sockets[0]?.say(answer('one'))
  t.strictSame([first.kinds, second.kinds, moments.length], ['start', 'start', 1])
  pass()
  t.strictSame([first.body, second.body], ['one', 'two'])
})

t.test('what comes behind it, be it the end of the connection, finds it read', async (t) => {
  for (const [what, bytes, then] of [
    ['the rest', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo', (socket: HandSocket) => socket.say('dy')],
    ['FIN, which ends it', 'HTTP/1.1 200 OK\r\n\r\nbody', (socket: HandSocket) => socket.fin()],
    ['FIN', answer('body'), (socket: HandSocket) => socket.fin()],
    ['an error', answer('body'), (socket: HandSocket) => socket.emit('error', new Error('ECONNRESET'))],
    ['the close', answer('body'), (socket: HandSocket) => socket.emit('close')],
  ] as const) {
    const heard = new Heard()
    const { sockets: [socket], pass } = asked(heard)
    socket?.say(bytes)
    then(socket as HandSocket)
    t.equal(heard.body, 'body', what)
    t.match(heard.kinds, /^start begun head data( data)? end$/, what)
    pass()
    t.match(heard.kinds, /^start begun head data( data)? end$/, `${what}, and once`)
  }
})

t.test('a connection that breaks with a piece of an answer has begun one: nobody may ask again', async (t) => {
  const heard = new Heard()
  const { sockets: [socket] } = asked(heard)
  socket?.say('HTTP/1.1 200 OK\r\nConte').emit('close')
  t.equal(heard.kinds, 'start begun error')
  t.equal(isStaleSocket(heard.error as Error), false)
})

t.test('called off in between, nothing of it is told', async (t) => {
  const heard = new Heard()
  const { sockets: [socket], pass } = asked(heard)
  socket?.say(answer('body'))
  heard.controller.abort(new errors.RequestAbortedError())
  pass()
  t.equal(heard.kinds, 'start error')
  t.equal(socket?.destroyed, true)
})

t.test('what follows an answer in the same piece ends the connection, and is nobody\'s', async (t) => {
  const [heard, next] = [new Heard(), new Heard()]
  const { sender, sockets: [socket], pass } = asked(heard)
  socket?.say(answer('body') + answer('stolen'))
  sender.send(callOf({ target: '/2' }), next)
  pass()
  t.equal(heard.body, 'body')
  t.equal(socket?.destroyed, true)
  t.equal(next.kinds, '')
})

t.test('a handler that pauses stops the reading', async (t) => {
  const heard = new Heard((told, controller) => { if (told.kind === 'head') controller.pause() })
  const { sockets: [socket], pass } = asked(heard)
  socket?.say('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo')
  t.equal(socket?.reading, true)
  pass()
  t.equal(socket?.reading, false)
  heard.controller.resume()
  t.equal(socket?.reading, true)
  socket?.say('dy')
  t.equal(heard.body, 'body')
})
