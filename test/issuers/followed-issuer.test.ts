import t from 'tap'
import { coolDown, FollowedIssuer, freshFor, staleFor } from '../../src/issuers/followed-issuer.ts'
import { readKeySet, type IssuerKey } from '../../src/issuers/key-set.ts'
import type { KeySource } from '../../src/model/identity.ts'
import { handWatch } from '../support/hand-watch.ts'
import { jwksOf, signingKey, type SigningKey } from '../support/jwts.ts'
import { Clock } from '../support/manual-clock.ts'

const one = signingKey('one')
const two = signingKey('two')
const setOf = (...keys: readonly SigningKey[]) => readKeySet(jwksOf(...keys))
const digestOf = (key: SigningKey) => setOf(key)[0]!.digest
const remote: KeySource = { kind: 'uri', uri: 'https://ci.invalid/jwks', caFile: undefined }

/** An issuer whose answers the test gives, and whose time it is. */
function follow(source: KeySource = remote, first: () => Promise<readonly IssuerKey[]> = async () => setOf(one)) {
  const clock = new Clock(Date.UTC(2026, 10, 21))
  const { state, watch } = handWatch()
  const said: string[] = []
  const now = { answer: first }
  let reads = 0
  let changes = 0
  const issuer = new FollowedIssuer({
    source, watch, now: clock.now,
    schedule: (ms, run) => clock.schedule(run, ms),
    read: () => {
      reads += 1
      return now.answer()
    },
    changed: () => { changes += 1 },
    log: { warn: (_, message) => said.push(message), info: (_, message) => said.push(message) },
  })
  return { clock, state, issuer, said, now, reads: () => reads, changes: () => changes }
}

const idsOf = (keys: readonly IssuerKey[] | undefined) => keys?.map(({ id }) => id)
const down = () => Promise.reject(new Error('is down'))
/** Lets what was begun come to its end. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

t.test('whoever asks first waits for the first set, and all share one reading', async (t) => {
  const { issuer, reads } = follow()
  t.strictSame(await Promise.all([issuer.find('one'), issuer.find(undefined)].map(async (found) => idsOf(await found))), [['one'], ['one']])
  t.equal(reads(), 1)
})

t.test('a key of an unknown id has the set read again, but not within half a minute; then by itself', async (t) => {
  const { issuer, reads, now, clock } = follow()
  await issuer.find('one')
  now.answer = async () => setOf(one, two)
  for (let i = 0; i < 1000; i += 1) if ((await issuer.find(`two-${i}`))?.length !== 0) t.fail('found')
  t.equal(reads(), 1)
  clock.advance(coolDown - 1)
  t.equal(reads(), 1)
  clock.advance(1)
  t.equal(reads(), 2, 'the one who was refused may come again')
  t.strictSame(idsOf(await issuer.find('two')), ['two'])
  clock.advance(coolDown)
  t.strictSame(await issuer.find('three'), [])
  t.equal(reads(), 3, 'after it, whoever asks waits for a newer one')
})

t.test('a set is read again before it is old, beside the requests', async (t) => {
  const { issuer, reads, now, clock, changes } = follow()
  await issuer.find('one')
  t.equal(changes(), 1)
  clock.advance(freshFor)
  await settled()
  t.equal(reads(), 2)
  t.equal(changes(), 1, 'the same keys are no change')
  now.answer = async () => setOf(two)
  clock.advance(freshFor)
  await settled()
  t.equal(changes(), 2)
  t.notOk(issuer.holds(digestOf(one)))
  t.ok(issuer.holds(digestOf(two)))
})

t.test('the last good set is used on while the issuer is down, for a day', async (t) => {
  const { issuer, now, clock, said, changes, reads } = follow()
  await issuer.find('one')
  now.answer = down
  for (let passed = 0; passed < staleFor - 60_000; passed += 60_000) {
    clock.advance(60_000)
    await settled()
  }
  t.strictSame(idsOf(await issuer.find('one')), ['one'])
  t.ok(issuer.holds(digestOf(one)))
  t.strictSame(said, ['the keys of an issuer cannot be had: the last good ones stay in use'], 'told once')
  t.ok(reads() > 24 * 50 && reads() < 24 * 65, `asked once a minute: ${reads()}`)
  clock.advance(120_000)
  await settled()
  t.equal(await issuer.find('one'), undefined)
  t.notOk(issuer.holds(digestOf(one)))
  t.equal(changes(), 2, 'what stands on it is asked anew')
  now.answer = async () => setOf(one)
  clock.advance(60_000)
  await settled()
  t.strictSame(idsOf(await issuer.find('one')), ['one'])
  t.equal(said.at(-1), 'the keys of an issuer can be had again')
})

t.test('an issuer that is down from the start is asked after a second, then more and more rarely; requests do not wait', async (t) => {
  const { issuer, clock, reads } = follow(remote, down)
  t.equal(await issuer.find('one'), undefined)
  const before = reads()
  for (let i = 0; i < 100; i += 1) if (await issuer.find(`x-${i}`) !== undefined) t.fail('found')
  t.equal(reads(), before)
  for (let passed = 0; passed < 63_000; passed += 1000) {
    clock.advance(1000)
    await settled()
  }
  t.ok(reads() > before && reads() < before + 8, `${reads() - before} times in a minute`)
})

t.test('a file is read when it changes, and never for an unknown id; a bad one changes nothing', async (t) => {
  const { issuer, now, clock, reads, state, said } = follow({ kind: 'file', file: '/etc/keys.json' })
  await issuer.find('one')
  await settled()
  t.strictSame(state.paths, ['/etc/keys.json'])
  const before = reads()
  t.strictSame(await issuer.find('two'), [])
  clock.advance(staleFor * 2)
  t.equal(reads(), before)
  t.ok(issuer.holds(digestOf(one)), 'however old')
  now.answer = down
  state.change()
  await settled()
  t.equal(reads(), before + 1)
  t.ok(issuer.holds(digestOf(one)))
  t.equal(said.length, 1)
  now.answer = async () => setOf(two)
  state.change()
  await settled()
  t.notOk(issuer.holds(digestOf(one)))
  issuer.close()
  t.ok(state.closed)
  state.change()
  await settled()
  t.equal(reads(), before + 2, 'nothing is read after the end')
})
