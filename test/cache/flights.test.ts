import t from 'tap'
import { Flights } from '../../src/cache/flights.ts'

function airport() {
  let now = 0
  const flights = new Flights<number>(() => now)
  const open: { resolve(value: number): void, reject(error: Error): void }[] = []
  const start = () => new Promise<number>((resolve, reject) => { open.push({ resolve, reject }) })
  return { flights, open, start, at: (time: number) => { now = time } }
}

/** Lets every promise that can go on do so. */
const turn = () => new Promise((resolve) => { setImmediate(resolve) })

t.test('everyone who asks while it is under way shares one flight', async (t) => {
  const { flights, open, start } = airport()
  const waiting = Array.from({ length: 1000 }, () => flights.join('a', -Infinity, start))
  t.equal(open.length, 1)
  open[0]?.resolve(7)
  t.ok((await Promise.all(waiting)).every((value) => value === 7))
  void flights.join('a', -Infinity, start)
  t.equal(open.length, 2, 'and the next asks anew')
})

t.test('other keys fly by themselves', async (t) => {
  const { flights, open, start } = airport()
  void flights.join('a', -Infinity, start)
  void flights.join('b', -Infinity, start)
  t.equal(open.length, 2)
})

t.test('a failure is everybody\'s, and the next one starts afresh', async (t) => {
  const { flights, open, start } = airport()
  const waiting = [flights.join('a', -Infinity, start), flights.join('a', -Infinity, start)]
  open[0]?.reject(new Error('down'))
  for (const each of waiting) await t.rejects(each, { message: 'down' })
  void flights.join('a', -Infinity, start)
  t.equal(open.length, 2)
})

t.test('who may not join one that started too early shares the next, however many they are', async (t) => {
  const { flights, open, start, at } = airport()
  const early = flights.join('a', -Infinity, start)
  at(5)
  const late = [flights.join('a', 3, start), flights.join('a', 3, start)]
  t.equal(open.length, 1)
  open[0]?.reject(new Error('also after a failure'))
  await t.rejects(early)
  await turn()
  t.equal(open.length, 2)
  const joined = flights.join('a', 3, start)
  t.equal(open.length, 2, 'and whoever comes then joins, for it started late enough')
  open[1]?.resolve(2)
  t.strictSame(await Promise.all([...late, joined]), [2, 2, 2])
})

t.test('where every flight starts too early, each caller still waits for one that started after it asked', async (t) => {
  const { flights, open, start, at } = airport()
  const first = flights.join('a', Infinity, start)
  at(1)
  const second = flights.join('a', Infinity, start)
  at(2)
  open[0]?.resolve(1)
  await first
  await turn()
  const third = flights.join('a', Infinity, start)
  open[1]?.resolve(2)
  t.equal(await second, 2)
  await turn()
  t.equal(open.length, 3)
  open[2]?.resolve(3)
  t.equal(await third, 3)
})
