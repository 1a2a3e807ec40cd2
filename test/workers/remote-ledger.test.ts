import t from 'tap'
import type { Ask } from '../../src/limits/ledger.ts'
import { createRemoteLedger } from '../../src/workers/remote-ledger.ts'
import { workerChannel } from '../support/wires.ts'

const ask = (caller: string, kind: Ask['kind'] = 'inFlight'): Ask => ({ caller, kind, limits: { requestsPerSecond: 1, burst: 1, inFlight: 1, streams: 1 } })
const granted = { granted: true } as const
const refused = { granted: false, code: 'RateLimited', message: 'too much', retryAfter: 7 } as const
const unasked = { granted: false, code: 'TooManyInFlight', message: 'the limits of this caller cannot be asked for at the moment', retryAfter: 1 }

function start(patience = 60_000) {
  const primary = workerChannel()
  return { primary, ledger: createRemoteLedger({ channel: primary.channel, patience }) }
}

t.test('what is asked and given back in one turn goes in one message, and each gets its own answer', async (t) => {
  const { primary, ledger } = start()
  const answers = [ledger.take(ask('a')), ledger.take(ask('b', 'streams'))]
  ledger.giveBack('c', 'inFlight')
  const { asks, givenBack } = await primary.next('ledger')
  t.strictSame(asks.map(({ ask }) => ask), [ask('a'), ask('b', 'streams')])
  t.strictSame(givenBack, [{ caller: 'c', kind: 'inFlight' }])
  const [one, other] = asks.map(({ id }) => id)
  primary.say({ kind: 'answers', answers: [{ id: other!, answer: refused }, { id: one!, answer: granted }] })
  t.strictSame(await Promise.all(answers), [granted, refused])
})

t.test('a limit that the primary does not tell in time is taken for reached', async (t) => {
  const { primary, ledger } = start(1)
  t.strictSame(await ledger.take(ask('a')), unasked)
  t.equal((await primary.next('ledger')).asks.length, 1)
})

t.test('what is granted too late is given back; until then nobody else is kept waiting, nor asked for', async (t) => {
  const { primary, ledger } = start(1)
  await ledger.take(ask('a'))
  const { asks: [first] } = await primary.next('ledger')
  t.strictSame(await ledger.take(ask('b')), unasked)
  primary.say({ kind: 'answers', answers: [{ id: first!.id, answer: granted }] })
  t.match(await primary.next('ledger'), { asks: [], givenBack: [{ caller: 'a', kind: 'inFlight' }] })
  t.strictSame(await ledger.take(ask('c')), unasked)
  t.strictSame((await primary.next('ledger')).asks.map(({ ask: { caller } }) => caller), ['c'], 'now it is asked again')
})

t.test('what is refused too late is not given back', async (t) => {
  const { primary, ledger } = start(1)
  await ledger.take(ask('a'))
  const { asks: [first] } = await primary.next('ledger')
  primary.say({ kind: 'answers', answers: [{ id: first!.id, answer: refused }] })
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  void ledger.take(ask('b'))
  t.match(await primary.next('ledger'), { asks: [{ ask: { caller: 'b' } }], givenBack: [] })
})

t.test('where the primary is gone a limit is taken for reached at once', async (t) => {
  const { primary, ledger } = start()
  const waiting = ledger.take(ask('a'))
  await primary.next('ledger')
  primary.cut()
  t.strictSame(await waiting, unasked)
  t.strictSame(await ledger.take(ask('a')), unasked)
})
