// One connection, its socket in the hands of the test: what a handler is told, whatever comes and whenever it pauses or calls off.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { isStaleSocket } from '../../../src/upstream-errors.ts'
import { senderByHand, turn, type HandSocket } from '../../support/hand-socket.ts'
import { callOf, Heard } from '../../support/heard.ts'

const answer = (body: string, headers = '') => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`
const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const untilClose = 'HTTP/1.1 200 OK\r\n\r\n'

/** A request on its way, on a connection that has carried `before` others. */
async function asked(heard: Heard, { call = callOf(), before = 0 } = {}) {
  const byHand = senderByHand({ connections: 1 })
  byHand.sender.send(before === 0 ? call : callOf(), before === 0 ? heard : new Heard())
  const socket = (byHand.sockets[0] as HandSocket).secure()
  for (let i = 0; i < before; i += 1) {
    socket.say(answer(''))
    await turn()
    byHand.sender.send(i === before - 1 ? call : callOf(), i === before - 1 ? heard : new Heard())
  }
  return { ...byHand, byHand, socket }
}

t.test('an answer is told once, in order', async (t) => {
  const heard = new Heard()
  const { socket } = await asked(heard)
  t.equal(socket.text, 'GET / HTTP/1.1\r\nHost: api.example\r\n\r\n')
  socket.say('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n').say(answer('body'))
  t.equal(heard.kinds, 'start begun head data end')
  t.equal(heard.body, 'body', 'in memory that nobody else writes to')
  t.equal(heard.status, 200)
})

t.test('what a handler was handed does not change when more is read, nor what it was not yet', async (t) => {
  for (const pause of [false, true]) {
    const heard = new Heard((told, controller) => { if (pause && told.kind !== 'begun') controller.pause() })
    const { socket } = await asked(heard)
    for (const record of ['HTTP/1.1 200 OK\r\nX-Some: thing\r\nConten', 't-Length: 12\r\n\r\none-', 'two-', 'thre']) {
      socket.say(record)
    }
    while (pause && !/end$/.test(heard.kinds)) heard.controller.resume()
    t.equal(heard.body, 'one-two-thre')
    t.strictSame(heard.controller.rawHeaders, ['X-Some', 'thing', 'Content-Length', '12'])
  }
})

for (const [what, reply] of [
  ['behind an answer with a length', answer('a')], ['behind one without a body', answer('')], ['behind a last chunk', `${chunkedHead}1\r\na\r\n0\r\n\r\n`],
] as const) {
  t.test(`bytes ${what} are never the next caller's, though one is waiting`, async (t) => {
    const stolen = answer('stolen')
    for (const records of [[reply + stolen], [reply, stolen], [reply.slice(0, 30), reply.slice(30) + stolen], [reply + stolen.slice(0, 1)]]) {
      const [first, second] = [new Heard(), new Heard()]
      const { sender, sockets, socket } = await asked(first)
      sender.send(callOf({ target: '/2' }), second)
      socket.say(...records)
      await turn()
      t.equal(first.kinds.split(' ').at(-1), 'end')
      t.equal(socket.destroyed, true)
      t.notMatch(socket.text, '/2')
      t.equal(second.kinds, '', 'it still waits')
      sockets[1]?.secure().say(answer('mine'))
      t.equal(second.body, 'mine')
    }
  })

  t.test(`nor are those ${what} whose handler paused`, async (t) => {
    const [first, second] = [new Heard((told, controller) => { if (told.kind === 'head') controller.pause() }), new Heard()]
    const { sender, sockets, socket } = await asked(first)
    sender.send(callOf(), second)
    socket.say(reply, answer('stolen'))
    await turn()
    first.controller.resume()
    await turn()
    t.match(first.kinds, /^start begun head( data)? end$/)
    t.equal(socket.destroyed, true)
    t.equal(second.kinds, '')
    sockets[1]?.secure().say(answer('mine'))
    t.equal(second.body, 'mine')
  })
}

t.test('bytes on an idle connection end it', async (t) => {
  const { sender, sockets, socket } = await asked(new Heard())
  socket.say(answer(''))
  await turn()
  socket.say('H')
  t.equal(socket.destroyed, true)
  sender.send(callOf(), new Heard())
  t.equal(sockets.length, 2)
})

// Whatever the answer, and wherever its records end: a handler that pauses at each call hears the same as one that never does.
const replies: readonly (readonly [what: string, text: string, fin: boolean])[] = [
  ['length', answer('hello world'), false], ['no body', answer(''), false], ['204', 'HTTP/1.1 204 No\r\n\r\n', false],
  ['chunks', `${chunkedHead}5\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n`, false], ['100 before', `HTTP/1.1 100 C\r\n\r\n${answer('hello')}`, false],
  ['length and FIN', answer('hello', 'Connection: close\r\n'), true], ['no body and FIN', answer('', 'Connection: close\r\n'), true],
  ['chunks and FIN', `${chunkedHead}5\r\nhello\r\n0\r\n\r\n`, true], ['until FIN', `${untilClose}hello`, true], ['nothing until FIN', untilClose, true],
  ['length, cut', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello', true], ['chunks, cut', `${chunkedHead}5\r\nhello\r\n`, true],
  ['a chunk that is none', `${chunkedHead}5\r\nhello\r\nx\r\n`, false],
]

for (const [what, text, fin] of replies) {
  t.test(`pauses anywhere change nothing of an answer: ${what}`, async () => {
    const hear = async (ends: readonly number[], pauses: (count: number) => boolean) => {
      let count = 0
      const heard = new Heard((told, controller) => {
        count += 1
        if (!/end|error/.test(told.kind) && pauses(count)) controller.pause()
      })
      const { socket } = await asked(heard)
      const records = [...new Set(ends), text.length].sort((a, b) => a - b)
      socket.say(...records.map((end, i) => text.slice(records[i - 1] ?? 0, end)))
      if (fin) socket.fin()
      while (heard.controller.paused && !/end|error/.test(heard.kinds)) heard.controller.resume()
      await turn()
      return { heard: [...new Set(heard.kinds.split(' '))].join(' '), body: heard.body, error: heard.error?.constructor.name, over: heard.kinds.match(/end|error/g)?.length }
    }
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 6 }), fc.integer({ min: 1, max: 3 }), async (ends, each) => {
      assert.deepEqual(await hear(ends, count => count % each === 0), await hear([], () => false))
    }), { numRuns: 40 })
  })
}

t.test('nothing is told while its handler is paused, but the end of what was told whole', async (t) => {
  const heard = new Heard((told, controller) => { if (told.kind === 'head') controller.pause() })
  const { socket } = await asked(heard)
  socket.say(answer('hello', 'Connection: close\r\n').slice(0, -2), 'l', 'o').fin()
  await turn()
  t.equal(socket.reading, false)
  t.equal(heard.kinds, 'start begun head')
  heard.controller.resume()
  t.equal(heard.kinds, 'start begun head data end')
  t.equal(heard.body, 'hello')
})

t.test('a socket that breaks once all was read takes nothing from a handler that paused; one that breaks before does', async (t) => {
  for (const [fin, kinds] of [[true, 'start begun head data end'], [false, 'start begun head error']] as const) {
    const heard = new Heard((told, controller) => { if (told.kind === 'head') controller.pause() })
    const { socket } = await asked(heard)
    socket.say(answer('hello'))
    if (fin) socket.emit('end')
    socket.emit('error', Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    socket.emit('close')
    heard.controller.resume()
    t.equal(heard.kinds, kinds)
  }
})

t.test('pausing and resuming while it is told something is as if it had not', async (t) => {
  for (const [what, text, fin] of replies) {
    const heard = new Heard((_, controller) => {
      controller.pause()
      controller.resume()
    })
    const [plain, next] = [new Heard(), new Heard()]
    for (const one of [heard, plain]) {
      const { socket, sender } = await asked(one)
      if (one === heard) sender.send(callOf(), next)
      socket.say(text)
      if (fin) socket.fin()
      await turn()
    }
    t.equal(heard.kinds, plain.kinds, what)
    t.notMatch(next.kinds, /begun|head|data|end/, `${what}: nothing of it for the next one`)
  }
})

t.test('so it is in what was held for it, though the connection has ended', async (t) => {
  const heard = new Heard((told, controller) => {
    controller.pause()
    if (told.kind !== 'head') controller.resume()
  })
  const { socket } = await asked(heard)
  socket.say(`${chunkedHead}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`).fin()
  heard.controller.resume()
  t.equal(heard.kinds, 'start begun head data data end')
})

t.test('one that resumes after its end does not resume the next', async (t) => {
  for (const body of ['b', '']) {
    const first = new Heard((told, controller) => { if (told.kind === 'data') controller.pause() })
    const next = new Heard((told, controller) => { if (told.kind === 'head') controller.pause() })
    const { socket, sender } = await asked(first)
    sender.send(callOf(), next)
    socket.say(answer('a'))
    await turn()
    socket.say(answer(body))
    first.controller.resume()
    t.equal(next.kinds, 'start begun head')
    next.controller.resume()
    t.equal(next.body, body)
    t.match(next.kinds, /end$/)
  }
})

t.test('a handler that pauses before there is an answer gets it when it resumes', async (t) => {
  const heard = new Heard((told, controller) => { if (told.kind === 'start') controller.pause() })
  const { socket } = await asked(heard)
  socket.say(answer('a').slice(0, 20), answer('a').slice(20))
  t.equal(heard.kinds, 'start')
  heard.controller.resume()
  t.equal(heard.body, 'a')
  t.equal(socket.reading, true)
})

for (const when of ['start', 'begun', 'head', 'data', 'end'] as const) {
  t.test(`called off when it is told "${when}": nothing follows, and what it had is not used again`, async (t) => {
    for (const record of [1, 4, 1000]) {
      const reason = new Error('called off')
      const heard = new Heard((told, controller) => {
        if (told.kind !== when) return
        controller.abort(reason)
        controller.abort(new Error('again'))
      })
      const text = `${chunkedHead}5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n`
      const next = new Heard()
      const { socket, sender, sockets } = await asked(heard)
      sender.send(callOf(), next)
      for (let at = 0; at < text.length && !(when === 'start'); at += record) socket.say(text.slice(at, at + record))
      heard.controller.resume()
      await turn()
      const before = { start: 'start', begun: 'start begun', head: 'start begun head', data: 'start begun head data', end: heard.kinds }[when]
      t.equal(heard.kinds, when === 'end' ? heard.kinds : `${before} error`)
      if (when === 'end') t.match(heard.kinds, /end$/)
      else t.equal(heard.error, reason)
      // Nothing was sent of the first, nothing is left of the last.
      t.equal(socket.destroyed, !['start', 'end'].includes(when))
      t.equal(sockets.length, socket.destroyed ? 2 : 1)
      t.equal(heard.controller.aborted, true)
      t.equal(heard.controller.reason, reason)
    }
  })
}

t.test('called off between two records, and while it is paused', async (t) => {
  for (const pause of [false, true]) {
    const heard = new Heard((told, controller) => { if (pause && told.kind === 'data') controller.pause() })
    const { socket } = await asked(heard)
    socket.say(`${chunkedHead}5\r\nhello\r\n`, '5\r\nwo')
    heard.controller.abort(new Error('called off'))
    socket.say('rld\r\n0\r\n\r\n')
    heard.controller.resume()
    socket.fin()
    await turn()
    // What was read already is told of a body that has begun.
    t.equal(heard.kinds, 'start begun head data data error')
    t.equal(socket.destroyed, true)
  }
})

t.test('a handler that throws is told so, and the connection is not used again', async (t) => {
  for (const when of ['begun', 'head', 'data']) {
    const heard = new Heard((told) => { if (told.kind === when) throw new Error('cannot be written') })
    const { socket } = await asked(heard)
    socket.say(answer('a'))
    t.equal(socket.destroyed, true)
    t.match(heard.kinds, new RegExp(`${when} error$`))
  }
})

t.test('FIN and reset in every state: an error, unless that is how the answer ends', async (t) => {
  const states: readonly (readonly [what: string, text: string, fin: string, error: string])[] = [
    ['before a byte', '', 'start error', 'start error'],
    ['in the head', 'HTTP/1.1 200', 'start begun error', 'start begun error'],
    ['behind a 100', 'HTTP/1.1 100 C\r\n\r\n', 'start begun error', 'start begun error'],
    ['in a body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello', 'start begun head data error', 'start begun head data error'],
    ['in the size of a chunk', `${chunkedHead}5`, 'start begun head error', 'start begun head error'],
    ['in a chunk', `${chunkedHead}5\r\nhel`, 'start begun head data error', 'start begun head data error'],
    ['behind a chunk', `${chunkedHead}5\r\nhello`, 'start begun head data error', 'start begun head data error'],
    ['in trailers', `${chunkedHead}0\r\nX: y\r\n`, 'start begun head error', 'start begun head error'],
    ['in a body without end', `${untilClose}hello`, 'start begun head data end', 'start begun head data error'],
    ['idle', answer(''), 'start begun head end', 'start begun head end'],
  ]
  for (const [what, text, fin, reset] of states) {
    for (const [how, kinds] of [['fin', fin], ['error', reset]] as const) {
      const heard = new Heard()
      const { socket, sender, sockets } = await asked(heard)
      if (text !== '') socket.say(text)
      if (how === 'fin') socket.fin()
      else socket.emit('error', Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
      socket.emit('close')
      await turn()
      t.equal(heard.kinds, kinds, `${how} ${what}`)
      if (heard.error !== undefined) t.equal((heard.error as NodeJS.ErrnoException).code, how === 'fin' ? 'UND_ERR_SOCKET' : 'ECONNRESET')
      t.equal(socket.destroyed, true)
      sender.send(callOf(), new Heard())
      t.equal(sockets.length, 2, 'nothing is sent on it again')
    }
  }
})

t.test('only a connection that broke after it had answered before is a stale one, not a request that was too slow or was called off', async (t) => {
  const breaks = (socket: HandSocket) => { socket.emit('error', new Error('reset')) }
  const rows: readonly (readonly [what: string, before: number, end: (given: Awaited<ReturnType<typeof asked>>, heard: Heard) => void, stale: boolean])[] = [
    ['reset of a new one', 0, ({ socket }) => breaks(socket), false],
    ['reset of one used before', 1, ({ socket }) => breaks(socket), true],
    ['FIN of one used before', 2, ({ socket }) => { socket.fin() }, true],
    ['close of one used before', 1, ({ socket }) => { socket.emit('close') }, true],
    ['called off', 1, (_, heard) => { heard.controller.abort(new Error('called off')) }, false],
    ['destroyed', 1, ({ sender }) => { void sender.destroy() }, false],
    ['unreadable', 1, ({ socket }) => { socket.say('no answer\r\n\r\n') }, false],
  ]
  for (const [what, before, end, stale] of rows) {
    const heard = new Heard()
    end(await asked(heard, { before }), heard)
    t.equal(heard.kinds.split(' ').at(-1), 'error', what)
    t.equal(isStaleSocket(heard.error), stale, what)
  }
})
