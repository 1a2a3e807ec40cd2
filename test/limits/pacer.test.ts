import t from 'tap'
import { createPacer, type Pace } from '../../src/limits/pacer.ts'
import { Clock } from '../support/manual-clock.ts'

const pace: Pace = { atOnce: 3, perSecond: 10, longest: 500, mostOfOne: 8, most: 10 }

function setUp({ pace: of }: { pace?: Pace | undefined } = { pace }) {
  const clock = new Clock(1_000)
  const drain = { now: false }
  const takeTurn = createPacer({ now: clock.now, schedule: (ms, run) => clock.schedule(run, ms), draining: () => drain.now, ...of === undefined ? {} : { pace: of } })
  /** What became of each, in order: `now`, `crowded`, or the moment at which it was let go. */
  const turns: (string | number)[] = []
  const leaves: (() => void)[] = []
  const ask = (who = 'ci') => {
    const place = turns.push('waits') - 1
    const turn = takeTurn(who, (gone) => leaves.push(gone))
    if (turn instanceof Promise) void turn.then(() => { turns[place] = clock.now() - 1_000 })
    else turns[place] = turn ?? 'now'
  }
  const advance = async (ms: number) => {
    await new Promise((resolve) => setImmediate(resolve))
    for (let passed = 0; passed < ms; passed += 20) {
      clock.advance(20)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { clock, drain, turns, leaves, ask, advance }
}

t.test('some are answered at once, those beyond wait longer and longer, up to a bound; too many end their connections', async (t) => {
  const { turns, ask, advance, clock } = setUp()
  for (let i = 0; i < 13; i += 1) ask()
  await advance(480)
  t.strictSame(turns, ['now', 'now', 'now', 100, 200, 300, 400, 'waits', 'waits', 'waits', 'waits', 'crowded', 'crowded'])
  await advance(20)
  t.strictSame(turns.slice(7, 11), [500, 500, 500, 500], 'nobody waits longer')
  await advance(20)
  t.equal(clock.pending, 0, 'with nobody waiting no timer does')
})

t.test('who has not been refused for a while is answered at once again', async (t) => {
  const { turns, ask, advance } = setUp()
  for (let i = 0; i < 4; i += 1) ask()
  await advance(400)
  for (let i = 0; i < 4; i += 1) ask()
  t.strictSame(turns, ['now', 'now', 'now', 100, 'now', 'now', 'now', 'waits'])
  await advance(200)
})

t.test('one who floods does not slow another', async (t) => {
  const { turns, ask, advance } = setUp()
  for (let i = 0; i < 11; i += 1) ask()
  ask('bot')
  t.equal(turns.at(-1), 'now')
  for (let i = 0; i < 4; i += 1) ask('bot')
  t.strictSame(turns.slice(-2), ['waits', 'waits'], 'the room has places for more than one has')
  ask('bot')
  t.equal(turns.at(-1), 'crowded', 'but not for all there are')
  await advance(600)
  t.notOk(turns.includes('waits'))
})

t.test('who leaves gives its place free, once', async (t) => {
  const { turns, leaves, ask, advance } = setUp()
  for (let i = 0; i < 12; i += 1) ask()
  t.equal(turns.at(-1), 'crowded')
  for (const leave of [leaves[0], leaves[0], leaves[1]]) leave?.()
  await advance(0)
  for (let i = 0; i < 3; i += 1) ask()
  t.strictSame(turns.slice(-3), ['waits', 'waits', 'crowded'])
  await advance(600)
  t.strictSame(turns.slice(3, 5), [0, 0])
  for (const leave of leaves) leave()
  t.notOk(turns.includes('waits'))
})

t.test('a shutdown waits for none of them', async (t) => {
  const { turns, drain, ask, advance } = setUp()
  for (let i = 0; i < 9; i += 1) ask()
  drain.now = true
  ask()
  t.equal(turns.at(-1), 'now')
  await advance(20)
  t.strictSame(turns.slice(3, 9), [20, 20, 20, 20, 20, 20])
})

t.test('by itself: a hundred at once, then one each 20 ms, as docs/reference/limits.md says', async (t) => {
  const { turns, ask, advance } = setUp({ pace: undefined })
  for (let i = 0; i < 150; i += 1) ask()
  t.strictSame(new Set(turns.slice(0, 100)), new Set(['now']))
  await advance(1000)
  t.strictSame(turns.slice(100), Array.from({ length: 50 }, (_, index) => 20 * (index + 1)))
})
