import t from 'tap'
import { createTurns } from '../../src/listen/turns.ts'

t.test('requests of one connection begin one after the other, in order', async (t) => {
  const take = createTurns()
  const socket = { writable: true }
  const begun: number[] = []
  const over: (() => void)[] = []
  for (const n of [1, 2, 3]) take(socket, (done) => { begun.push(n); over.push(done) })
  t.strictSame(begun, [1])
  over[0]?.()
  t.strictSame(begun, [1, 2])
  take(socket, (done) => { begun.push(4); over.push(done) })
  over[1]?.()
  over[2]?.()
  t.strictSame(begun, [1, 2, 3, 4])
  over[3]?.()
  take(socket, () => begun.push(5))
  t.strictSame(begun, [1, 2, 3, 4, 5], 'without waiting where nothing is under way')
})

t.test('other connections do not wait', async (t) => {
  const take = createTurns()
  const begun: string[] = []
  take({ writable: true }, () => begun.push('a'))
  take({ writable: true }, () => begun.push('b'))
  t.strictSame(begun, ['a', 'b'])
})

t.test('behind a connection\'s last answer nothing begins', async (t) => {
  const take = createTurns()
  const socket = { writable: true }
  let finish: (() => void) | undefined
  take(socket, (over) => { finish = over })
  for (const _ of [2, 3]) take(socket, () => t.fail('it was behind the last answer'))
  socket.writable = false
  finish?.()
  t.pass()
})
