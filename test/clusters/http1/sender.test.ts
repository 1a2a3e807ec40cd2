// Connections to one API server: who gets which, who waits, and what is left when they are over. Sockets and clock are the test's.
import { PassThrough } from 'node:stream'
import t from 'tap'
import { errors } from 'undici'
import { senderByHand, turn, type HandSocket } from '../../support/hand-socket.ts'
import { callOf, Heard } from '../../support/heard.ts'

const answer = (headers = '') => `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${headers}\r\n`
/** Longer than between two looks at what is late. */
const look = () => new Promise(resolve => setTimeout(resolve, 120))

function send({ sender }: { sender: ReturnType<typeof senderByHand>['sender'] }, call = callOf(), heard = new Heard()): Heard {
  sender.send(call, heard)
  return heard
}

/** So many connections, each idle. */
async function idle(byHand: ReturnType<typeof senderByHand>, count: number, headers = ''): Promise<HandSocket[]> {
  for (let i = 0; i < count; i += 1) send(byHand)
  for (const socket of byHand.sockets) socket.secure()
  for (const socket of byHand.sockets) socket.say(answer(headers))
  await turn()
  return byHand.sockets
}

t.test('the connection that was used last is used next', async (t) => {
  const byHand = senderByHand()
  const [first, second] = await idle(byHand, 2)
  send(byHand, callOf({ target: '/a' }))
  t.match(second?.text, '/a')
  send(byHand, callOf({ target: '/b' }))
  t.match(first?.text, '/b')
  t.equal(byHand.sockets.length, 2)
})

t.test('a request waits a moment for one whose answer has just ended, instead of dialling', async (t) => {
  const byHand = senderByHand()
  send(byHand)
  byHand.sockets[0]?.secure().say(answer())
  const [next, another] = [send(byHand), send(byHand)]
  t.equal(byHand.sockets.length, 2, 'of two the second dials')
  await turn()
  t.equal(next.kinds, 'start')
  t.equal(another.kinds, '')
})

t.test('no more connections than allowed; whoever waits longest is next', async (t) => {
  const byHand = senderByHand({ connections: 2 })
  const heard = Array.from({ length: 5 }, (_, i) => send(byHand, callOf({ target: `/${i}` })))
  t.equal(byHand.sockets.length, 2)
  for (const socket of byHand.sockets) socket.secure()
  for (let i = 2; i < 5; i += 1) {
    t.strictSame(heard.map(({ kinds }) => kinds.startsWith('start')), heard.map((_, at) => at < i))
    byHand.sockets[i % 2]?.say(answer())
    await turn()
  }
  t.equal(byHand.sockets.length, 2)
})

t.test('one that dies makes room for the next', async (t) => {
  for (const end of [(socket: HandSocket) => socket.fin(), (socket: HandSocket) => socket.say(answer('Connection: close\r\n'))]) {
    const byHand = senderByHand({ connections: 1 })
    const [, second] = [send(byHand), send(byHand), send(byHand)]
    end(byHand.sockets[0]!.secure())
    await turn()
    t.equal(byHand.sockets.length, 2)
    byHand.sockets[1]?.secure().say(answer())
    t.equal(second?.kinds, 'start begun head end')
  }
})

t.test('a dial that fails fails the one for whom it was made, and makes room for the next', async (t) => {
  const byHand = senderByHand({ connections: 2 })
  const heard = Array.from({ length: 4 }, () => send(byHand))
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  byHand.sockets[1]?.refuse(refused)
  t.strictSame(heard.map(({ error }) => error), [undefined, refused, undefined, undefined])
  t.equal(byHand.sockets.length, 3)
  byHand.sockets[0]?.refuse(refused)
  byHand.sockets[2]?.secure().say(answer())
  byHand.sockets[3]?.refuse(refused)
  t.strictSame(heard.map(({ kinds }) => kinds), ['error', 'error', 'start begun head end', 'error'])
})

t.test('one that fails though its request has got another connection fails nobody', async (t) => {
  const byHand = senderByHand({ connections: 2 })
  const [first, second, third] = [send(byHand), send(byHand), send(byHand)]
  byHand.sockets[1]?.secure()
  byHand.sockets[0]?.refuse(new Error('refused'))
  t.equal(first?.kinds, 'start')
  t.equal(second?.kinds, '')
  t.equal(byHand.sockets.length, 3, 'another is made for who still waits')
  byHand.sockets[2]?.secure().say(answer())
  await turn()
  t.equal(second?.kinds, 'start begun head end')
  t.equal(third?.kinds, 'start')
})

t.test('requests that were called off while they waited cost no connection', async (t) => {
  const byHand = senderByHand({ connections: 1 })
  const body = new PassThrough()
  const off = () => new Heard((told, controller) => { if (told.kind === 'start') controller.abort(new Error('left')) })
  send(byHand)
  const left = [send(byHand, callOf({ target: '/left' }), off()), send(byHand, callOf({ target: '/left', body }), off())]
  const next = send(byHand, callOf({ target: '/next' }))
  const socket = byHand.sockets[0]!.secure().say(answer())
  await turn()
  for (const { kinds } of left) t.equal(kinds, 'start error')
  t.equal(body.destroyed, true)
  t.equal(next.kinds, 'start')
  t.notMatch(socket.text, '/left')
  socket.say(answer())
  await turn()
  t.equal(send(byHand, callOf(), off()).kinds, 'start error')
  t.equal(send(byHand).kinds, 'start')
  t.equal(byHand.sockets.length, 1)
})

t.test('an idle connection is left in time, and not used though nobody has looked yet', async (t) => {
  const rows: readonly (readonly [headers: string, ms: number])[] = [['', 60_000], ['Keep-Alive: timeout=5\r\n', 4000], ['Keep-Alive: timeout=900\r\n', 60_000]]
  for (const [headers, ms] of rows) {
    const byHand = senderByHand()
    const [socket] = await idle(byHand, 1, headers)
    byHand.time = ms - 1
    await look()
    t.equal(socket?.destroyed, false)
    byHand.time = ms
    send(byHand)
    t.equal(socket?.destroyed, true)
    t.equal(byHand.sockets.length, 2)
  }
  for (const timeout of [0, 1]) {
    const byHand = senderByHand()
    const [socket] = await idle(byHand, 1, `Keep-Alive: timeout=${timeout}\r\n`)
    send(byHand)
    t.equal(socket?.destroyed, true, `${timeout} s are too short to send another`)
  }
  const byHand = senderByHand()
  const [socket] = await idle(byHand, 1)
  byHand.time = 60_000
  await look()
  t.equal(socket?.destroyed, true)
})

t.test('what an earlier answer said of that is forgotten with the next', async (t) => {
  const byHand = senderByHand()
  const [socket] = await idle(byHand, 1, 'Keep-Alive: timeout=5\r\n')
  send(byHand)
  socket?.say(answer())
  await turn()
  byHand.time = 30_000
  send(byHand)
  t.equal(socket?.destroyed, false)
})

t.test('patience: to the head from the last byte of the request, whatever comes before it; then between two pieces', async (t) => {
  const rows: readonly (readonly [what: string, records: readonly string[], error: string | undefined])[] = [
    ['nothing', ['', '', ''], 'UND_ERR_HEADERS_TIMEOUT'],
    ['a head bit by bit', ['HTTP', '/1.1', ' 200'], 'UND_ERR_HEADERS_TIMEOUT'],
    ['one 103 after the other', ['HTTP/1.1 103 E\r\n\r\n', 'HTTP/1.1 103 E\r\n\r\n', 'HTTP/1.1 103 E\r\n\r\n'], 'UND_ERR_HEADERS_TIMEOUT'],
    ['a head and silence', ['HTTP/1.1 200 OK\r\n\r\n', '', ''], 'UND_ERR_BODY_TIMEOUT'],
    ['a body piece by piece', ['HTTP/1.1 200 OK\r\n\r\n', 'a', 'b'], undefined],
  ]
  for (const [what, records, error] of rows) {
    const byHand = senderByHand()
    const [heard, endless] = [send(byHand, callOf({ patience: 1000 })), send(byHand)]
    for (const socket of byHand.sockets) socket.secure()
    for (const record of records) {
      byHand.time += 600
      for (const socket of byHand.sockets) if (record !== '') socket.say(record)
      // The clock and the turn of the watch are apart.
      await look()
    }
    t.equal((heard.error as NodeJS.ErrnoException | undefined)?.code, error, what)
    t.equal(endless.error, undefined, `${what}: a patience of 0 is none`)
    await byHand.sender.destroy()
  }
})

t.test('the patience for a body begins with the head', async (t) => {
  const byHand = senderByHand()
  const heard = send(byHand, callOf({ patience: 1000 }))
  byHand.sockets[0]?.secure()
  byHand.time = 600
  byHand.sockets[0]?.say('HTTP/1.1 200 OK\r\n\r\n')
  byHand.time = 1599
  await look()
  t.equal(heard.error, undefined)
  await byHand.sender.destroy()
})

t.test('a body that takes long leaves all of the patience for the head', async (t) => {
  const byHand = senderByHand()
  const body = new PassThrough()
  const heard = send(byHand, callOf({ method: 'POST', body, patience: 1000 }))
  byHand.sockets[0]?.secure()
  byHand.time = 2000
  await look()
  t.equal(heard.kinds, 'start', 'whoever sends it says how long that may take')
  byHand.time = 2900
  body.end('late')
  await look()
  byHand.time = 3800
  await look()
  t.equal(heard.kinds, 'start')
  byHand.time = 3900
  await look()
  t.ok(heard.error instanceof errors.HeadersTimeoutError)
})

t.test('a handler that has paused is waited for', async (t) => {
  const byHand = senderByHand()
  const heard = send(byHand, callOf({ patience: 1000 }), new Heard((told, controller) => { if (told.kind === 'head') controller.pause() }))
  byHand.sockets[0]?.secure().say('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
  byHand.time = 5000
  await look()
  t.equal(heard.kinds, 'start begun head')
  heard.controller.resume()
  byHand.time = 5999
  await look()
  t.equal(heard.kinds, 'start begun head')
  byHand.time = 6000
  await look()
  t.ok(heard.error instanceof errors.BodyTimeoutError, 'from then on it is the API server again')
})

t.test('close: nothing new, idle ones left, and it resolves when all that waits or is under way is over', async (t) => {
  const byHand = senderByHand({ connections: 2 })
  const [socket, other] = await idle(byHand, 2)
  const [first, second] = [send(byHand), send(byHand)]
  // Waits, and its connection is still to be made.
  const third = send(byHand)
  let closed = false
  const closing = byHand.sender.close().then(() => { closed = true })
  t.match(send(byHand), { kinds: 'error', error: errors.ClientClosedError })
  other?.fin()
  socket?.fin()
  await turn()
  t.equal(closed, false)
  t.match([first?.kinds, second?.kinds, third?.kinds], ['start error', 'start error', ''])
  byHand.sockets[2]?.secure().say(answer())
  await closing
  t.equal(third?.kinds, 'start begun head end')
  t.equal(byHand.sockets.every(({ destroyed }) => destroyed), true)
  await byHand.sender.close()
})

t.test('close: a dial that fails, or comes when nobody waits any more, is the end as well', async (t) => {
  const byHand = senderByHand({ connections: 1 })
  const heard = [send(byHand), send(byHand)]
  const closing = byHand.sender.close()
  byHand.sockets[0]?.refuse(new Error('refused'))
  byHand.sockets[1]?.refuse(new Error('refused'))
  await closing
  for (const { kinds } of heard) t.equal(kinds, 'error')

  const another = senderByHand()
  send(another)
  another.sockets[0]?.secure().say(answer())
  const waits = send(another)
  await turn()
  send(another)
  const both = another.sender.close()
  another.sockets[0]?.say(answer())
  await turn()
  another.sockets[1]?.secure()
  t.equal(another.sockets[1]?.destroyed, true, 'for nobody')
  another.sockets[0]?.say(answer())
  await both
  t.equal(waits.kinds, 'start begun head end')
  await senderByHand().sender.close()
})

t.test('destroy: whatever waits, is dialled or under way ends with an error, once; what is idle is left', async (t) => {
  const byHand = senderByHand({ connections: 3 })
  const [one] = await idle(byHand, 1)
  const heard = [send(byHand), send(byHand), send(byHand), send(byHand)]
  byHand.sockets[1]?.secure()
  one?.say('HTTP/1.1 200 OK\r\n\r\n')
  const closing = byHand.sender.close()
  await byHand.sender.destroy()
  t.match(heard.map(({ kinds }) => kinds), ['start begun head error', 'start error', 'error', 'error'])
  for (const { error } of heard) t.ok(error instanceof errors.ClientDestroyedError)
  byHand.sockets[2]?.refuse(new Error('cut'))
  await closing
  await byHand.sender.destroy()
  t.equal(byHand.sockets.every(({ destroyed }) => destroyed), true)
  t.match(send(byHand).error, errors.ClientDestroyedError)

  const resting = senderByHand()
  send(resting)
  resting.sockets[0]?.secure().say(answer())
  await resting.sender.destroy()
  await turn()
  t.equal(resting.sockets[0]?.destroyed, true)
})

t.test('the process does not wait for an idle connection, nor for one that nobody needed; it does for a request', async (t) => {
  const byHand = senderByHand()
  const [first] = [send(byHand), send(byHand)]
  byHand.sockets[0]?.secure().say(answer())
  await turn()
  byHand.sockets[1]?.secure()
  t.equal(first.kinds, 'start begun head end')
  t.strictSame(byHand.sockets.map(({ refs }) => refs), [true, false])
  send(byHand)
  t.strictSame(byHand.sockets.map(({ refs }) => refs), [true, true])
})

t.test('what is over is kept by nobody, and leaves no timer', async (t) => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const byHand = senderByHand()
  const body = () => new PassThrough().end('body')
  const ended = (() => {
    const handlers = [send(byHand, callOf({ body: body() })), send(byHand), send(byHand)]
    return handlers.map(handler => new WeakRef(handler))
  })()
  await turn()
  const [idle, cut, closed] = byHand.sockets.map(socket => socket.secure())
  await turn()
  idle?.say(answer())
  cut?.fin()
  closed?.say(answer('Connection: close\r\n'))
  await turn()
  await look()
  byHand.sockets.splice(1)
  await turn()
  gc()
  t.strictSame(ended.map(ref => ref.deref()?.kinds), [undefined, undefined, undefined])
  idle?.fin()
  await turn()
  t.equal(timers(), before)
})
