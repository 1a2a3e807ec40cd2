import fc from 'fast-check'
import t from 'tap'
import { createLedger, type Answer, type Kind, type LocalLedger } from '../../src/limits/ledger.ts'
import type { CallerLimits } from '../../src/model/caller.ts'

const none: CallerLimits = { requestsPerSecond: undefined, burst: undefined, inFlight: undefined, streams: undefined }

/** A ledger under a clock that is set by hand. */
function setUp() {
  const clock = { at: 12_345.678 }
  const ledger = createLedger({ now: () => clock.at })
  const take = (limits: Partial<CallerLimits>, kind: Kind = 'inFlight', caller = 'ci') => ledger.take({ caller, limits: { ...none, ...limits }, kind })
  return { clock, ledger, take }
}

const said = (answer: Answer) => answer.granted ? 'granted' : `${answer.code}, ${answer.retryAfter} s`

/** How many are granted in a row. */
function grantedAtOnce(take: () => Answer): number {
  let count = 0
  while (count < 10_000 && take().granted) count += 1
  return count
}

t.test('a caller may burst, then gets what its rate allows, and rest does not add up beyond the burst', async (t) => {
  const { clock, take } = setUp()
  const limits = { requestsPerSecond: 2, burst: 3 }
  t.equal(grantedAtOnce(() => take(limits)), 3)
  clock.at += 500
  t.equal(grantedAtOnce(() => take(limits)), 1)
  clock.at += 60_000
  t.equal(grantedAtOnce(() => take(limits)), 3)
})

t.test('without a burst of its own a caller may send what one second allows at once, and one at least', async (t) => {
  for (const [rate, burst] of [[50, 50], [2.5, 3], [0.1, 1]] as const) {
    const { take } = setUp()
    t.equal(grantedAtOnce(() => take({ requestsPerSecond: rate })), burst, `${rate} a second`)
  }
})

t.test('who waits as long as Retry-After says, and is alone, is let in, whatever the rate and the burst', async () => {
  const rates = fc.oneof(fc.double({ min: 0.001, max: 5000, noNaN: true }), fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 }).map((n) => 1 / n))
  fc.assert(fc.property(rates, fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 5000, noNaN: true }), (requestsPerSecond, burst, pause) => {
    const { clock, take } = setUp()
    const limits = { requestsPerSecond, burst }
    while (take(limits).granted) clock.at += 0.001
    clock.at += pause
    while (take(limits).granted);
    for (let turn = 0; turn < 5; turn += 1) {
      const answer = take(limits)
      if (answer.granted) return false
      if (!Number.isInteger(answer.retryAfter) || answer.retryAfter < 1) return false
      // Nor is it longer than it has to be: a second less would not do, but for the second that there is at least.
      if (answer.retryAfter > 1) {
        clock.at += (answer.retryAfter - 1) * 1000 - 1
        if (take(limits).granted) return false
        clock.at += 1001
      } else {
        clock.at += 1000
      }
      if (!take(limits).granted) return false
      while (take(limits).granted);
    }
    return true
  }), { numRuns: 300 })
})

t.test('over any length of time no more is granted than the burst and what the rate adds', async () => {
  fc.assert(fc.property(fc.double({ min: 0.1, max: 500, noNaN: true }), fc.integer({ min: 1, max: 50 }), fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 300 }), (requestsPerSecond, burst, pauses) => {
    const { clock, take } = setUp()
    const begun = clock.at
    let granted = 0
    for (const pause of pauses) {
      clock.at += pause
      for (let i = 0; i < 3; i += 1) if (take({ requestsPerSecond, burst }).granted) granted += 1
    }
    return granted <= burst + (clock.at - begun) / 1000 * requestsPerSecond + 1e-3
  }))
})

t.test('a Retry-After is one that Go can read, however slow the rate', async (t) => {
  const { take } = setUp()
  take({ requestsPerSecond: 1e-12 })
  t.equal(said(take({ requestsPerSecond: 1e-12 })), 'RateLimited, 2147483647 s')
})

t.test('requests in flight and open streams are counted apart, until they are given back', async (t) => {
  const { ledger, take } = setUp()
  const limits = { inFlight: 1, streams: 2 }
  t.strictSame((['inFlight', 'streams', 'streams'] as const).map((kind) => said(take(limits, kind))), ['granted', 'granted', 'granted'])
  t.equal(said(take(limits, 'inFlight')), 'TooManyInFlight, 1 s')
  t.equal(said(take(limits, 'streams')), 'TooManyInFlight, 1 s')
  ledger.giveBack('ci', 'streams')
  t.equal(said(take(limits, 'inFlight')), 'TooManyInFlight, 1 s')
  t.equal(said(take(limits, 'streams')), 'granted')
  t.equal(said(take(limits, 'inFlight', 'bot')), 'granted', 'another caller is not counted with it')
})

t.test('what is given back too often is not had twice', async (t) => {
  const { ledger, take } = setUp()
  for (const caller of ['ci', 'nobody']) for (let i = 0; i < 5; i += 1) ledger.giveBack(caller, 'inFlight')
  t.equal(grantedAtOnce(() => take({ inFlight: 2 })), 2)
})

t.test('who is refused took nothing: neither a token where too many are in flight, nor a place where the rate refuses', async (t) => {
  const { clock, ledger, take } = setUp()
  const limits = { requestsPerSecond: 1, burst: 2, inFlight: 1 }
  take(limits)
  for (let i = 0; i < 10; i += 1) t.equal(said(take(limits)), 'TooManyInFlight, 1 s')
  ledger.giveBack('ci', 'inFlight')
  t.equal(said(take(limits)), 'granted', 'by the second token')
  for (let i = 0; i < 10; i += 1) t.equal(said(take(limits)), 'RateLimited, 1 s', 'the longer of the two waits')
  ledger.giveBack('ci', 'inFlight')
  clock.at += 1000
  t.equal(said(take(limits)), 'granted')
})

t.test('a limit that a reload changes holds at once, in both directions, and forgets nothing', async (t) => {
  const { clock, ledger, take } = setUp()
  t.equal(grantedAtOnce(() => take({ requestsPerSecond: 10, burst: 100, inFlight: 40 })), 40)
  t.equal(said(take({ requestsPerSecond: 10, burst: 5, inFlight: 3 })), 'TooManyInFlight, 1 s')
  for (let i = 0; i < 40; i += 1) ledger.giveBack('ci', 'inFlight')
  t.equal(grantedAtOnce(() => take({ requestsPerSecond: 10, burst: 5 })), 5, 'of the 60 that were left, the new burst')
  clock.at += 1000
  t.equal(grantedAtOnce(() => take({ requestsPerSecond: 1000, burst: 2000 })), 5, 'the time before counts by the rate of before, up to the burst of before')
  clock.at += 100
  t.equal(grantedAtOnce(() => take({ requestsPerSecond: 1000, burst: 2000 })), 100)
  t.equal(grantedAtOnce(() => take({ inFlight: 500 })), 390, 'without a rate any more; what is under way still counts')
})

t.test('a rate that a caller did not have before begins with its whole burst', async (t) => {
  const { take } = setUp()
  take({ inFlight: 50 })
  t.equal(grantedAtOnce(() => take({ requestsPerSecond: 1, burst: 7 })), 7)
})

t.test('names that nobody uses any more are forgotten, and nothing else is', async (t) => {
  const { clock, ledger, take } = setUp()
  const takes = (ledger: LocalLedger, caller: string) => ledger.take({ caller, limits: { ...none, requestsPerSecond: 1, burst: 100 }, kind: 'streams' })
  for (let generation = 0; generation < 50; generation += 1) {
    for (let i = 0; i < 100; i += 1) {
      takes(ledger, `${generation}-${i}`)
      ledger.giveBack(`${generation}-${i}`, 'streams')
    }
    clock.at += 60_000
  }
  takes(ledger, 'open')
  t.ok(ledger.size <= 201, `${ledger.size} of 5,000 are kept`)
  for (let i = 0; i < 100; i += 1) take({ requestsPerSecond: 0.01, burst: 100 }, 'inFlight', 'slow')
  for (let i = 0; i < 100; i += 1) ledger.giveBack('slow', 'inFlight')
  clock.at += 120_000
  takes(ledger, 'other')
  t.equal(said(take({ requestsPerSecond: 0.01, burst: 100 }, 'inFlight', 'slow')), 'granted')
  t.match(said(take({ requestsPerSecond: 0.01, burst: 100 }, 'inFlight', 'slow')), 'RateLimited', 'its bucket was not full, and not forgotten')
  t.equal(said(take({ streams: 1 }, 'streams', 'open')), 'TooManyInFlight, 1 s', 'nor what is open')
})

t.test('a refusal says the limit and the line that sets it, and nothing of others', async (t) => {
  const { take } = setUp()
  const limits = { requestsPerSecond: 1, burst: 2, inFlight: 1, streams: 1 }
  const message = (answer: Answer) => answer.granted ? '' : answer.message
  take({ ...limits, inFlight: 9 }, 'inFlight', 'other')
  take(limits, 'inFlight')
  t.equal(message(take(limits, 'inFlight')), 'caller "ci" has 1 requests in flight, as many as its limits: { inFlight: 1 } allow')
  take(limits, 'streams')
  t.equal(message(take(limits, 'streams')), 'caller "ci" sends more than the 1 requests a second that its limits: { requestsPerSecond: 1, burst: 2 } allow')
  t.equal(message(take({ streams: 1 }, 'streams')), 'caller "ci" has 1 streams open, as many as its limits: { streams: 1 } allow')
})
