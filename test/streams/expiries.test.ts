import t from 'tap'
import { Expiries } from '../../src/streams/expiries.ts'
import { Clock } from '../support/manual-clock.ts'

const start = Date.UTC(2026, 10, 21)

function setUp(): { clock: Clock, expired: string[], expiries: Expiries<string> } {
  const clock = new Clock(start)
  const expired: string[] = []
  const expiries = new Expiries<string>({ now: clock.now, schedule: clock.schedule, onExpired: item => expired.push(item) })
  return { clock, expired, expiries }
}

t.test('things expire at their date, not before, whatever the order they came in', async (t) => {
  const { clock, expired, expiries } = setUp()
  expiries.set('early', start + 300)
  expiries.set('early too', start + 300)
  expiries.set('late', start + 5000)
  expiries.set('never', undefined)
  clock.advance(299)
  t.strictSame(expired, [])
  clock.advance(1)
  t.strictSame(expired, ['early', 'early too'])
  clock.advance(4700)
  t.strictSame(expired, ['early', 'early too', 'late'])
  clock.advance(1e9)
  t.equal(expired.length, 3)
})

t.test('a date in the past expires with the next turn', async (t) => {
  const { clock, expired, expiries } = setUp()
  expiries.set('over', start - 1)
  t.strictSame(expired, [], 'not within the call that says so')
  clock.advance(0)
  t.strictSame(expired, ['over'])
})

t.test('a date can be changed and taken back', async (t) => {
  const { clock, expired, expiries } = setUp()
  expiries.set('sooner', start + 5000)
  expiries.set('sooner', start + 100)
  expiries.set('later', start + 100)
  expiries.set('later', start + 5000)
  expiries.set('never', start + 100)
  expiries.set('never', undefined)
  expiries.set('gone', start + 100)
  expiries.delete('gone')
  clock.advance(100)
  t.strictSame(expired, ['sooner'])
  clock.advance(4900)
  t.strictSame(expired, ['sooner', 'later'])
})

t.test('a date decades away is no date at once', async (t) => {
  const { clock, expired, expiries } = setUp()
  expiries.set('far', start + 2 ** 31 + 5000)
  t.ok(clock.longestWait < 2 ** 31)
  clock.advance(2 ** 31 + 4999)
  t.strictSame(expired, [])
  clock.advance(1)
  t.strictSame(expired, ['far'])
})

t.test('a wall clock that is set forward is noticed within a second', async (t) => {
  const { clock, expired, expiries } = setUp()
  expiries.set('far', start + 3_600_000)
  clock.set(start + 3_600_000)
  clock.advance(1000)
  t.strictSame(expired, ['far'])
})

t.test('without dates there is no timer, and never more than one', async (t) => {
  const { clock, expiries } = setUp()
  t.equal(clock.pending, 0)
  for (let i = 0; i < 1000; i += 1) expiries.set(`${i}`, start + 1000 - i)
  t.equal(clock.pending, 1)
  for (let i = 0; i < 1000; i += 1) expiries.delete(`${i}`)
  t.equal(clock.pending, 0)
  expiries.set('again', start + 10)
  t.equal(clock.pending, 1)
  expiries.clear()
  t.equal(clock.pending, 0)
})
