import t from 'tap'
import { Batch } from '../src/batch.ts'

/** A moment that comes when the test says so. */
function later() {
  const runs: (() => void)[] = []
  return { schedule: (run: () => void) => { runs.push(run) }, runs, pass: () => { for (const run of runs.splice(0)) run() } }
}

t.test('what comes before its moment is done in one go, in order', async (t) => {
  const moment = later()
  const done: number[] = []
  const batch = new Batch<number>(item => done.push(item), moment.schedule)
  for (const item of [1, 2, 3]) batch.add(item)
  t.strictSame([done, batch.size, moment.runs.length], [[], 3, 1])
  moment.pass()
  t.strictSame([done, batch.size, moment.runs.length], [[1, 2, 3], 0, 0])
})

t.test('what comes while it is done has a moment of its own', async (t) => {
  const moment = later()
  const done: string[] = []
  const batch = new Batch<string>((item) => {
    done.push(item)
    if (item === 'first') batch.add('second')
  }, moment.schedule)
  batch.add('first')
  moment.pass()
  t.strictSame([done, moment.runs.length], [['first'], 1])
  moment.pass()
  t.strictSame(done, ['first', 'second'])
})

t.test('flushed before its moment it is done once; the moment finds what came since', async (t) => {
  const moment = later()
  const done: number[] = []
  const batch = new Batch<number>(item => done.push(item), moment.schedule)
  batch.add(1)
  batch.flush()
  t.strictSame(done, [1])
  batch.add(2)
  moment.pass()
  t.strictSame(done, [1, 2])
  batch.flush()
  t.strictSame(done, [1, 2])
})

t.test('what throws takes nothing along: the rest has its moment, in order, before what came since', async (t) => {
  const moment = later()
  const done: number[] = []
  const batch = new Batch<number>((item) => {
    if (item === 2) {
      batch.add(5)
      throw new Error('two')
    }
    done.push(item)
  }, moment.schedule)
  for (const item of [1, 2, 3, 4]) batch.add(item)
  t.throws(moment.pass, { message: 'two' })
  t.strictSame([done, batch.size], [[1], 3])
  moment.pass()
  t.strictSame([done, batch.size], [[1, 3, 4, 5], 0])
})
