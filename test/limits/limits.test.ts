import t from 'tap'
import { createLimits } from '../../src/limits/limits.ts'
import { callerWith } from '../support/builders.ts'

const none = { requestsPerSecond: undefined, burst: undefined, inFlight: undefined, streams: undefined }

t.test('a caller may burst, then gets what its rate allows, and is told how long to wait', async (t) => {
  let at = 0
  const limit = createLimits({ now: () => at })
  const ci = callerWith([], { limits: { ...none, requestsPerSecond: 2, burst: 3 } })
  for (let i = 0; i < 3; i++) limit(ci, false)
  t.throws(() => limit(ci, false), { code: 'RateLimited', retryAfter: 1 }, 'whole seconds')
  at = 500
  limit(ci, false)
  t.throws(() => limit(ci, false), { code: 'RateLimited' })
  at = 60_000
  for (let i = 0; i < 3; i++) limit(ci, false)
  t.throws(() => limit(ci, false), { code: 'RateLimited' }, 'rest does not add up beyond the burst')
})

t.test('requests in flight and open streams are counted apart, and given back once', async (t) => {
  const limit = createLimits({ now: () => 0 })
  const ci = callerWith([], { limits: { ...none, inFlight: 1, streams: 1 } })
  const release = limit(ci, false)
  t.throws(() => limit(ci, false), { code: 'TooManyInFlight', retryAfter: 1 })
  const end = limit(ci, true)
  t.throws(() => limit(ci, true), { code: 'TooManyInFlight' })
  release()
  release()
  limit(ci, false)
  t.throws(() => limit(ci, false), { code: 'TooManyInFlight' }, 'a second release gives nothing back')
  end()
  limit(ci, true)
})

t.test('a caller without limits, and another caller, are not counted', async (t) => {
  const limit = createLimits({ now: () => 0 })
  const ci = callerWith([], { limits: { ...none, inFlight: 1 } })
  limit(ci, false)
  limit(callerWith([], { name: 'bot', limits: { ...none, inFlight: 1 } }), false)
  for (let i = 0; i < 1000; i++) limit(callerWith([], { name: 'free' }), false)
  t.throws(() => limit(ci, false))
})
