import t from 'tap'
import type { Answer, Ask } from '../../src/limits/ledger.ts'
import { createLedger } from '../../src/limits/ledger.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { callerWith } from '../support/builders.ts'

const none = { requestsPerSecond: undefined, burst: undefined, inFlight: undefined, streams: undefined }
const ci = callerWith([], { limits: { ...none, inFlight: 1, streams: 1 } })
const refused: Answer = { granted: false, code: 'RateLimited', message: 'too many', retryAfter: 3 }

/** A ledger that answers so, and writes down what it is asked. */
function ledgerOf(answer: () => Answer | Promise<Answer>) {
  const asked: Ask[] = []
  const back: string[] = []
  return { asked, back, take: (ask: Ask) => (asked.push(ask), answer()), giveBack: (caller: string, kind: string) => { back.push(`${caller} ${kind}`) } }
}

t.test('a caller without limits asks nobody, and waits for nothing', async (t) => {
  const ledger = ledgerOf(() => { throw new Error('nobody asks') })
  const release = createLimits({ ledger })(callerWith([], { limits: { ...none, burst: 5 } }), false)
  t.type(release, 'function')
  if (typeof release === 'function') release()
  t.strictSame(ledger.back, [])
})

t.test('a ledger that answers at once is not waited for; what it granted is given back once', async (t) => {
  const ledger = ledgerOf(() => ({ granted: true }))
  const limit = createLimits({ ledger })
  const releases = [limit(ci, false), limit(ci, true)]
  t.strictSame(ledger.asked, [{ caller: 'ci', limits: ci.definition.limits, kind: 'inFlight' }, { caller: 'ci', limits: ci.definition.limits, kind: 'streams' }])
  for (const release of [...releases, ...releases]) if (typeof release === 'function') release()
  t.strictSame(ledger.back, ['ci inFlight', 'ci streams'])
})

t.test('a ledger that answers later grants and refuses just so', async (t) => {
  const granting = ledgerOf(async () => ({ granted: true }))
  const release = await createLimits({ ledger: granting })(ci, true)
  release()
  release()
  t.strictSame(granting.back, ['ci streams'])

  const refusing = ledgerOf(async () => refused)
  await t.rejects(async () => createLimits({ ledger: refusing })(ci, true), { code: 'RateLimited', message: 'too many', retryAfter: 3 })
  t.strictSame(refusing.back, [], 'what was refused is not given back')
})

t.test('a refusal has the code, the words and the wait of the ledger', async (t) => {
  t.throws(() => createLimits({ ledger: ledgerOf(() => refused) })(ci, false), { code: 'RateLimited', message: 'too many', retryAfter: 3 })
})

t.test('a ledger that fails admits nobody', async (t) => {
  await t.rejects(async () => createLimits({ ledger: ledgerOf(() => Promise.reject(new Error('no ledger'))) })(ci, false), { message: 'no ledger' })
})

t.test('with the ledger of this process, a caller holds what its limits allow, and no more', async (t) => {
  const limit = createLimits({ ledger: createLedger({ now: () => 0 }) })
  const release = await limit(ci, false)
  t.throws(() => limit(ci, false), { code: 'TooManyInFlight', retryAfter: 1 })
  release()
  await limit(ci, false)
  for (let i = 0; i < 1000; i++) await limit(callerWith([], { name: 'free' }), false)
})
