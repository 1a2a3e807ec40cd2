import t from 'tap'
import { Asking } from '../../src/clusters/asking.ts'
import { manualSchedule } from '../support/own-questions.ts'

type Answer = number | undefined

/** Answers in turn, undefined for each that is not given. */
function start(answers: Answer[]) {
  const { schedule, waits, next } = manualSchedule()
  const asked = { times: 0 }
  const asking = new Asking(async () => {
    asked.times += 1
    return answers.shift()
  }, schedule)
  t.teardown(() => asking.close())
  return {
    asking, asked, waits,
    async retry(times: number) {
      for (let more = 0; more < times; more++) {
        const until = asked.times + 1
        await next(() => asked.times === until)
      }
    },
  }
}

t.test('while there is no answer at all the next attempt is never more than ten seconds away', async (t) => {
  const { asking, waits, retry } = start([])
  await asking.tried
  await retry(5)
  t.strictSame(waits, [1000, 2000, 4000, 8000, 10_000, 10_000])
})

t.test('where there was one it may be five minutes; not when that may hold no more', async (t) => {
  const { asking, asked, waits, retry } = start([60_000])
  await asking.tried
  await retry(11)
  t.strictSame(waits.slice(-3), [256_000, 300_000, 300_000])
  asking.again()
  await settled()
  t.equal(asked.times, 13, 'asked at once')
  asking.again()
  await settled()
  t.equal(asked.times, 13, 'and once')
  await retry(1)
  t.strictSame(waits.slice(-2), [10_000, 10_000])
})

t.test('what failed is tried at once when the API server can be reached', async (t) => {
  const { asking, asked, waits, retry } = start([])
  await asking.tried
  asking.soon()
  await settled()
  t.equal(asked.times, 1, 'the second attempt is near anyway')
  await retry(4)
  for (let answers = 0; answers < 10; answers++) {
    asking.soon()
    await settled()
  }
  t.equal(asked.times, 6, 'however often it is reached')
  t.strictSame(waits, [1000, 2000, 4000, 8000, 10_000, 1000])
})

t.test('nothing is asked for it where there is an answer, while it is asked for already, or when that is over', async (t) => {
  const answered = start([Infinity])
  await answered.asking.tried
  answered.asking.soon()
  t.equal(answered.asked.times, 1)

  const closed = start([])
  await closed.asking.tried
  await closed.retry(2)
  closed.asking.close()
  closed.asking.soon()
  t.equal(closed.asked.times, 3)

  let times = 0
  const { schedule, next } = manualSchedule()
  const asking = new Asking(() => ++times < 3 ? Promise.resolve(undefined) : new Promise(() => {}), schedule)
  await asking.tried
  await next(() => times === 2)
  await next(() => times === 3)
  asking.soon()
  t.equal(times, 3)
})

async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => { setImmediate(resolve) })
}
