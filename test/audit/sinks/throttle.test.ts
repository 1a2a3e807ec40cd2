import t from 'tap'
import { createThrottle } from '../../../src/audit/sinks/throttle.ts'

t.test('what is owed is waited for, but no longer than until the end, after which nothing is', async (t) => {
  const end = new AbortController()
  const takeTurn = createThrottle({ perSecond: 0.001, burst: 2, now: () => 0 })
  await takeTurn(end.signal)
  await takeTurn(end.signal)
  let over = false
  const third = takeTurn(end.signal).then(() => { over = true })
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(over)
  end.abort()
  await third
  await takeTurn(end.signal)
  t.pass('and at once from then on')
})
