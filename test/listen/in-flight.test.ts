import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import t from 'tap'
import { afterAnswers } from '../../src/listen/in-flight.ts'

/** An answer as node:http keeps it at its socket. */
class Answer extends EventEmitter {
  writableEnded: boolean

  constructor(writableEnded: boolean) {
    super()
    this.writableEnded = writableEnded
  }
}

function start(answer?: Answer) {
  const socket: { writable: boolean, _httpMessage: Answer | null } = { writable: true, _httpMessage: answer ?? null }
  const heard: string[] = []
  afterAnswers(socket as unknown as Duplex, () => heard.push('free'), () => heard.push('busy'))
  return { socket, heard }
}

t.test('where nothing is on its way it goes on at once; where something is, not at all', async (t) => {
  t.strictSame(start().heard, ['free'])
  t.strictSame(start(new Answer(false)).heard, ['busy'])
})

t.test('what was said whole is waited for until it was written', async (t) => {
  const answer = new Answer(true)
  const { socket, heard } = start(answer)
  t.strictSame(heard, [])
  socket._httpMessage = null
  answer.emit('close')
  t.strictSame(heard, ['free'])
})

t.test('the answer behind it counts as well', async (t) => {
  for (const [ended, expected] of [[false, ['busy']], [true, []]] as const) {
    const answer = new Answer(true)
    const { socket, heard } = start(answer)
    socket._httpMessage = new Answer(ended)
    answer.emit('close')
    t.strictSame(heard, expected)
  }
})

t.test('behind a connection\'s last answer nothing is a request any more', async (t) => {
  const answer = new Answer(true)
  const { socket, heard } = start(answer)
  Object.assign(socket, { writable: false, _httpMessage: null })
  answer.emit('close')
  t.strictSame(heard, ['busy'])
})
