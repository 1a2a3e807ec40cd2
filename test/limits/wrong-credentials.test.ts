import t from 'tap'
import { ProxyError, refusalCodes } from '../../src/errors.ts'
import { createWrongCredentials } from '../../src/limits/wrong-credentials.ts'

const wrong = new ProxyError('UnknownKey', 'not known here')

function setUp() {
  const clock = { at: 5_000 }
  const weigh = createWrongCredentials({ now: () => clock.at, atOnce: 3, perSecond: 2 })
  const ask = (source = '10.0.0.1', refusal: unknown = wrong) => {
    const answer = weigh(refusal, source)
    return answer instanceof ProxyError ? answer.code : answer
  }
  return { clock, weigh, ask }
}

t.test('an address may be wrong some times at once and now and then, and is told to wait for more', async (t) => {
  const { clock, weigh, ask } = setUp()
  t.strictSame([ask(), ask(), ask(), ask()], ['UnknownKey', 'UnknownKey', 'UnknownKey', 'RateLimited'])
  t.match(weigh(wrong, '10.0.0.1'), { retryAfter: 1, pacedAs: 'address 10.0.0.1', status: 429 })
  clock.at += 500
  t.strictSame([ask(), ask()], ['UnknownKey', 'RateLimited'])
  clock.at += 1000
  t.strictSame([ask(), ask(), ask()], ['UnknownKey', 'UnknownKey', 'RateLimited'])
})

t.test('addresses are counted apart, those of one IPv6 /64 together', async (t) => {
  const { ask } = setUp()
  for (let i = 0; i < 3; i += 1) ask(`2001:db8:0:1::${i}`)
  t.equal(ask('2001:db8:0:1:ffff::9'), 'RateLimited')
  t.equal(ask('2001:db8:0:2::9'), 'UnknownKey')
  t.equal(ask('10.0.0.1'), 'UnknownKey')
})

t.test('every refusal of a credential counts, and none but those', async (t) => {
  const counted = refusalCodes.filter((code) => {
    const { ask } = setUp()
    for (let i = 0; i < 3; i += 1) ask('10.0.0.1', new ProxyError(code, ''))
    return ask('10.0.0.1', wrong) === 'RateLimited'
  })
  t.strictSame(counted, ['MistypedKey', 'UnknownKey', 'ExpiredKey', 'RevokedKey'])
  const failure = new Error('no answer')
  t.equal(setUp().ask('10.0.0.1', failure), failure)
})

t.test('too many are answered alike, whatever was wrong with them', async (t) => {
  const { weigh, ask } = setUp()
  for (let i = 0; i < 3; i += 1) ask()
  const said = (code: 'UnknownKey' | 'ExpiredKey') => weigh(new ProxyError(code, code), '10.0.0.1') as ProxyError
  t.strictSame([said('UnknownKey').message, said('UnknownKey').code], [said('ExpiredKey').message, said('ExpiredKey').code])
})

t.test('an address that was not seen for long is forgotten for another one, and begins anew', async (t) => {
  const { ask } = setUp()
  for (let i = 0; i < 4; i += 1) ask('192.0.2.1')
  t.equal(ask('192.0.2.1'), 'RateLimited')
  for (let i = 0; i < 10_000; i += 1) ask(`10.1.${i >> 8}.${i & 255}`)
  t.equal(ask('192.0.2.1'), 'UnknownKey')
})
