import t from 'tap'
import { createLedger, type Kind } from '../../src/limits/ledger.ts'
import { createLedgerDesk } from '../../src/workers/ledger-desk.ts'

const limits = { requestsPerSecond: undefined, burst: undefined, inFlight: 2, streams: 1 }

function start() {
  const desk = createLedgerDesk(createLedger({ now: () => 0 }))
  let id = 0
  const take = (worker: number, kind: Kind = 'inFlight') => {
    id += 1
    const [answer] = desk.take(worker, { asks: [{ id, ask: { caller: 'ci', kind, limits } }], givenBack: [] })
    t.equal(answer?.id, id)
    return answer?.answer.granted
  }
  const giveBack = (worker: number, kind: Kind = 'inFlight') => { desk.take(worker, { asks: [], givenBack: [{ caller: 'ci', kind }] }) }
  return { desk, take, giveBack }
}

t.test('a limit holds over all workers together', async (t) => {
  const { take, giveBack } = start()
  t.strictSame([take(1), take(2), take(1), take(2)], [true, true, false, false])
  giveBack(2)
  t.strictSame([take(1), take(1)], [true, false])
})

t.test('what is given back in a message is there for what is asked in it', async (t) => {
  const { desk, take } = start()
  take(1)
  take(1)
  const [answer] = desk.take(1, { asks: [{ id: 9, ask: { caller: 'ci', kind: 'inFlight', limits } }], givenBack: [{ caller: 'ci', kind: 'inFlight' }] })
  t.strictSame(answer, { id: 9, answer: { granted: true } })
})

t.test('what a worker held when it died is there again, no more and no less, and only once', async (t) => {
  const { desk, take, giveBack } = start()
  t.ok(take(1) && take(1) && take(1, 'streams'))
  giveBack(1)
  t.ok(take(2))
  desk.died(1)
  t.strictSame([take(2), take(2), take(2, 'streams')], [true, false, true])
  desk.died(1)
  t.notOk(take(2))
})
