import t from 'tap'
import type { Admitted } from '../../src/model/admitted.ts'
import type { Caller } from '../../src/model/caller.ts'
import { createStreams } from '../../src/streams/open-streams.ts'
import type { OpenStream, Streams } from '../../src/streams/streams.ts'
import { admitted, arrival, callerWith } from '../support/builders.ts'
import { startHeldUp } from '../support/held-up.ts'
import { Clock } from '../support/manual-clock.ts'

const start = Date.UTC(2026, 10, 21)
const turn = () => new Promise(resolve => setImmediate(resolve))

interface SetUp {
  readonly clock: Clock
  readonly streams: Streams
  /** `name why`, in the order in which the streams were ended. */
  readonly ended: string[]
  readonly asked: string[]
  /** Seconds, one for each change that ended something. */
  readonly measured: number[]
  /** Callers that recheck refuses. */
  readonly refused: Set<string>
  open(name: string, overrides?: { caller?: Partial<Caller>, kind?: OpenStream['kind'], receivedAt?: number }): () => void
}

function setUp(recheck?: (admitted: Admitted) => Caller | undefined): SetUp {
  const clock = new Clock(start)
  const ended: string[] = []
  const asked: string[] = []
  const measured: number[] = []
  const refused = new Set<string>()
  const ask = ({ caller }: Admitted) => {
    asked.push(caller.definition.name)
    return refused.has(caller.definition.name) ? undefined : caller
  }
  const streams = createStreams({ recheck: recheck ?? ask, now: clock.now, schedule: clock.schedule, onRevoked: seconds => measured.push(seconds) })
  return {
    clock, streams, ended, asked, measured, refused,
    open: (name, { caller, kind = 'watch', receivedAt = clock.now() } = {}) => streams.add({
      admitted: admitted({ arrival: arrival({ receivedAt }), caller: { ...callerWith([], { name }), ...caller } }),
      kind,
      end: why => ended.push(`${name} ${why}`),
    }),
  }
}

t.test('open streams are counted by kind until they are taken off, once', async (t) => {
  const { streams, open } = setUp()
  const close = open('a', { kind: 'log' })
  open('b', { kind: 'log' })
  open('c', { kind: 'spdy' })
  t.strictSame([streams.count(), streams.count('log'), streams.count('spdy'), streams.count('watch')], [3, 2, 1, 0])
  close()
  close()
  t.strictSame([streams.count(), streams.count('log')], [2, 1])
})

t.test('a recheck ends the streams of those no longer allowed, once, and nobody else\'s', async (t) => {
  const { streams, open, ended, refused } = setUp()
  for (const name of ['a', 'b', 'a', 'c']) open(name)
  refused.add('a')
  streams.recheck()
  await turn()
  t.strictSame(ended, ['a revoked', 'a revoked'])
  t.equal(streams.count(), 2)
  streams.recheck()
  streams.endAll()
  await turn()
  t.strictSame(ended.slice(2), ['b drained', 'c drained'])
})

t.test('a stream that was taken off is neither asked about nor ended', async (t) => {
  const { streams, open, ended, asked, refused } = setUp()
  const close = open('a')
  close()
  refused.add('a')
  streams.recheck()
  streams.endAll()
  await turn()
  t.strictSame([asked, ended], [[], []])
})

t.test('a question that fails is a no', async (t) => {
  const { streams, open, ended } = setUp(() => { throw new Error('no answer') })
  open('a')
  streams.recheck()
  await turn()
  t.strictSame(ended, ['a revoked'])
})

t.test('what was admitted before a change and opened after it is asked about all the same', async (t) => {
  const { clock, streams, open, asked, ended, refused } = setUp()
  const admittedAt = clock.now()
  refused.add('slow')
  clock.advance(10)
  streams.recheck()
  open('slow', { receivedAt: admittedAt })
  open('at the same moment', { receivedAt: clock.now() })
  clock.advance(1)
  open('new', { receivedAt: clock.now() })
  await turn()
  t.strictSame(asked, ['slow', 'at the same moment'])
  t.strictSame(ended, ['slow revoked'])
})

t.test('a stream ends when its key does', async (t) => {
  const { clock, open, ended, streams } = setUp()
  open('a', { caller: { expiresAt: start + 5000 } })
  open('b', { caller: { expiresAt: start + 9000 } })
  open('c')
  clock.advance(4999)
  await turn()
  t.strictSame(ended, [])
  clock.advance(1)
  await turn()
  t.strictSame(ended, ['a revoked'])
  clock.advance(1e9)
  await turn()
  t.strictSame(ended, ['a revoked', 'b revoked'])
  t.equal(streams.count(), 1)
})

t.test('an end date that a key gets while its stream is open holds for that stream', async (t) => {
  const { clock, streams, open, ended } = setUp(({ caller }) => ({ ...caller, expiresAt: start + 3000 }))
  open('a')
  streams.recheck()
  clock.advance(2999)
  await turn()
  t.strictSame(ended, [])
  clock.advance(1)
  await turn()
  t.strictSame(ended, ['a revoked'])
})

t.test('an end date that was put off does not end the stream', async (t) => {
  const { clock, streams, open, ended } = setUp(({ caller }) => ({ ...caller, expiresAt: start + 9000 }))
  open('a', { caller: { expiresAt: start + 3000 } })
  streams.recheck()
  clock.advance(8999)
  await turn()
  t.strictSame(ended, [])
})

t.test('a drain ends everything, and what opens during it', async (t) => {
  const { streams, open, ended } = setUp()
  open('a')
  open('b')
  streams.endAll()
  await turn()
  t.strictSame(ended, ['a drained', 'b drained'])
  const close = open('late')
  t.type(close, 'function')
  await turn()
  t.strictSame(ended.slice(2), ['late drained'])
  t.equal(streams.count(), 0)
})

t.test('20,000 streams are asked about well within a second, and other work gets its turn', async (t) => {
  const { streams, open, asked, ended, refused } = setUp()
  for (let i = 0; i < 20_000; i += 1) open(i % 100 === 0 ? 'refused' : 'other')
  refused.add('refused')
  const [startedAt, heldUp] = [performance.now(), startHeldUp()]
  streams.recheck()
  t.ok(asked.length < 1000, 'not all in one go')
  let turns = 0
  while (ended.length < 200 || asked.length < 20_000) {
    turns += 1
    await turn()
  }
  const took = performance.now() - startedAt
  t.ok(took < 1000 + heldUp(), `within a second: ${Math.round(took)} ms`)
  t.ok(turns > 20)
  t.equal(streams.count(), 19_800)
})

t.test('questions that take long are asked a few at a time, each once, and all of them', async (t) => {
  let [elapsed, asked] = [0, 0]
  const recheck = ({ caller }: Admitted) => {
    elapsed += 2
    asked += 1
    return caller
  }
  const streams = createStreams({ recheck, now: () => start, elapsed: () => elapsed })
  for (let i = 0; i < 100; i += 1) streams.add({ admitted: admitted({ arrival: arrival({ receivedAt: start + 1 }) }), kind: 'watch', end: () => {} })
  const batches: number[] = []
  streams.recheck()
  for (let before = 0; asked > before; await turn()) {
    batches.push(asked - before)
    before = asked
  }
  t.equal(asked, 100)
  t.ok(batches.every(batch => batch <= 3), `at most 3 questions of 2 ms in a turn: ${batches.join(' ')}`)
})

t.test('one question that takes longer than a batch is still one for each turn', async (t) => {
  let [elapsed, asked] = [0, 0]
  const streams = createStreams({
    recheck: ({ caller }) => {
      elapsed += 50
      asked += 1
      return caller
    },
    now: () => start, elapsed: () => elapsed,
  })
  for (let i = 0; i < 3; i += 1) streams.add({ admitted: admitted({ arrival: arrival({ receivedAt: start + 1 }) }), kind: 'watch', end: () => {} })
  streams.recheck()
  t.equal(asked, 1)
  for (let i = 0; i < 4; i += 1) await turn()
  t.equal(asked, 3)
})

t.test('rechecks that keep coming still get to the last stream', async (t) => {
  const { streams, open, asked } = setUp()
  for (let i = 0; i < 5000; i += 1) open(`${i}`)
  const seen = () => new Set(asked).size
  for (let i = 0; i < 100 && seen() < 5000; i += 1) {
    streams.recheck()
    await turn()
  }
  t.equal(seen(), 5000)
})

t.test('a change is measured from when it was made to when the last stream that it ended is over', async (t) => {
  const { clock, streams, open, measured, refused } = setUp()
  const closes = ['a', 'b', 'a', 'a'].map(name => open(name))
  refused.add('a')
  streams.recheck(clock.now() - 250)
  await turn()
  clock.advance(100)
  closes[0]?.()
  closes[2]?.()
  closes[1]?.()
  t.strictSame(measured, [], 'one is still ending')
  clock.advance(50)
  closes[3]?.()
  closes[3]?.()
  t.strictSame(measured, [0.4])
  streams.recheck()
  await turn()
  t.strictSame(measured, [0.4], 'one that ends nothing is not measured')
})

t.test('changes that come while another one is still at work are measured apart, and not before all are asked about', async (t) => {
  const { clock, streams, open, measured, refused } = setUp()
  const first = open('first')
  for (let i = 0; i < 1000; i += 1) open('staying')
  const last = open('last')
  refused.add('first')
  refused.add('last')
  streams.recheck()
  await new Promise<void>(resolve => queueMicrotask(resolve))
  first()
  t.strictSame(measured, [], 'the last is not asked about yet')
  for (let i = 0; i < 10; i += 1) await turn()
  clock.advance(300)
  const later = open('later')
  refused.add('later')
  streams.recheck()
  for (let i = 0; i < 10; i += 1) await turn()
  clock.advance(10)
  later()
  t.strictSame(measured, [0.01])
  last()
  t.strictSame(measured, [0.01, 0.31])
})

t.test('the end of a key is measured from its date, once for all its streams; a clock that runs behind measures nothing below zero', async (t) => {
  const { clock, streams, open, measured, refused } = setUp()
  const closes = ['a', 'b'].map(name => open(name, { caller: { expiresAt: start + 5000 } }))
  clock.advance(5000)
  await turn()
  clock.advance(20)
  for (const close of closes) close()
  t.strictSame(measured, [0.02])
  const close = open('c')
  refused.add('c')
  streams.recheck(clock.now() + 60_000)
  await turn()
  close()
  t.strictSame(measured, [0.02, 0])
})

t.test('what a drain ends is no revocation', async (t) => {
  const { streams, open, measured } = setUp()
  const close = open('a')
  streams.endAll()
  await turn()
  close()
  t.strictSame(measured, [])
})

t.test('after close nothing is asked, no timer waits', async (t) => {
  const { clock, streams, open, asked } = setUp()
  for (let i = 0; i < 1000; i += 1) open('a', { caller: { expiresAt: start + 10 } })
  streams.recheck()
  streams.close()
  const before = asked.length
  await turn()
  t.equal(asked.length, before)
  t.equal(clock.pending, 0)
})

t.test('by default it looks at real time', async (t) => {
  const ended = new Promise((resolve) => {
    const streams = createStreams({ recheck: ({ caller }) => caller, now: Date.now })
    t.teardown(() => streams.close())
    const caller = { ...callerWith(), expiresAt: Date.now() + 20 }
    streams.add({ admitted: admitted({ caller }), kind: 'log', end: resolve })
  })
  const keepAlive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(keepAlive))
  t.equal(await ended, 'revoked')
})
