import t from 'tap'
import { createTurns } from '../../src/listen/turns.ts'

/** A connection; destroyed, it takes no more. */
const open = () => ({ writable: true, destroy() { this.writable = false } })

t.test('requests of one connection begin one after the other, in order', async (t) => {
  const take = createTurns()
  const socket = open()
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
  take(open(), () => begun.push('a'))
  take(open(), () => begun.push('b'))
  t.strictSame(begun, ['a', 'b'])
})

t.test('behind a connection\'s last answer nothing begins', async (t) => {
  const take = createTurns()
  const socket = open()
  let finish: (() => void) | undefined
  take(socket, (over) => { finish = over })
  for (const _ of [2, 3]) take(socket, () => t.fail('it was behind the last answer'))
  socket.writable = false
  finish?.()
  t.pass()
})

t.test('more in advance than any client sends ends the connection; many one after the other do not', (t) => {
  const take = createTurns()
  const socket = open()
  let begun = 0
  let finish = () => {}
  const send = () => take(socket, (over) => { begun += 1; finish = over })
  for (let n = 0; n < 101; n += 1) send()
  for (let n = 0; n < 500; n += 1) {
    finish()
    send()
  }
  t.equal(begun, 501)
  t.ok(socket.writable)
  send()
  t.notOk(socket.writable)
  finish()
  t.equal(begun, 501)
  t.end()
})
