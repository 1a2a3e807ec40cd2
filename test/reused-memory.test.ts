import t from 'tap'
import { ReusedMemory } from '../src/reused-memory.ts'

t.test('one piece serves one batch after the other, and grows where one is larger', async (t) => {
  const memory = new ReusedMemory()
  const first = memory.take(100)
  t.equal(first.length, 100)
  t.equal(memory.take(40), first)
  const larger = memory.take(200)
  t.ok(larger.length >= 200)
  t.not(larger, first)
  t.equal(memory.take(100), larger)
})

t.test('what is larger than a batch mostly is, is not kept', async (t) => {
  const memory = new ReusedMemory()
  const usual = memory.take(1000)
  t.equal(memory.take(2 * 1024 * 1024).length, 2 * 1024 * 1024)
  t.equal(memory.take(1000), usual)
})
