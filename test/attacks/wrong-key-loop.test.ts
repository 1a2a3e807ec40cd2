// Keys are guessed in a loop, or an old one is tried for ever: throttled by address, and nobody else suffers.
import t from 'tap'
import { callerEntry, codeOf, everyWay, startTarget } from '../support/attack-target.ts'
import { connectHttp2 } from '../support/http2-client.ts'
import { keyFor } from '../support/keys.ts'
import { connectRaw } from '../support/raw-client.ts'

const good = keyFor('good0000')
const ended = keyFor('ended000')
const revoked = keyFor('revoked0')
const rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }]
const withKey = (key: typeof good, more: object) => ({ name: key.id, rules, keys: [{ id: key.id, sha256: key.sha256, createdAt: '2026-01-01T00:00:00Z', ...more }] })
const target = await startTarget(t, { callers: [
  callerEntry('good', good, rules),
  withKey(ended, { expiresAt: '2026-02-01T00:00:00Z' }),
  withKey(revoked, { revokedAt: '2026-02-01T00:00:00Z' }),
] })
const pods = '/api/v1/namespaces/a/pods'

/** Until an address is throttled, and then some: what it gets is what it would have got for any other. */
const guesses: Readonly<Record<string, string>> = {
  'an unknown one': keyFor('nobody00').key,
  'one with the id of a caller and another secret': keyFor(good.id).key,
  'a mistyped one': `${good.key.slice(0, -1)}${good.key.endsWith('0') ? '1' : '0'}`,
  'an expired one': ended.key,
  'a revoked one': revoked.key,
  'a token of somebody else': 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln',
}

t.test('a wrong key in a loop is 401 some times, then 429 with a Retry-After, and a right one from there is let in all the time', async (t) => {
  const client = await connectHttp2(t, target.tls)
  const ask = (key: string) => client.request('GET', pods, { authorization: `Bearer ${key}` })
  const wrong = Array.from({ length: 80 }, () => ask(guesses['an unknown one'] ?? ''))
  const right = await Promise.all(Array.from({ length: 20 }, () => ask(good.key)))
  t.strictSame([...new Set(right.map(({ status }) => status))], [200])
  const answers = await Promise.all(wrong)
  const said = answers.map(({ status, body }) => `${status} ${codeOf(body)}`)
  t.ok(said.slice(0, 20).every((answer) => answer === '401 UnknownKey'))
  t.strictSame([...new Set(said)], ['401 UnknownKey', '429 RateLimited'])
  t.ok(answers.every(({ status, headers }) => status === 401 || Number(headers['retry-after']) >= 1))
})

t.test('once throttled, the answer is the same whatever was wrong with the key, and on record as that caller\'s claim', async (t) => {
  const bodies = new Map<string, string>()
  for (const [what, key] of Object.entries(guesses)) {
    const client = await connectHttp2(t, target.tls)
    // Whatever was forgiven in the meantime is used up.
    for (;;) {
      const burst = await Promise.all(Array.from({ length: 25 }, () => client.request('GET', pods, { authorization: `Bearer ${key}` })))
      const throttled = burst.find(({ status }) => status === 429)
      if (throttled === undefined) continue
      bodies.set(what, String(throttled.body))
      const event = await target.tls.event(String(throttled.headers['audit-id']))
      t.equal(event.annotations?.['portcullis.dev/code'], 'RateLimited')
      t.strictSame(event.user, {}, 'nobody')
      break
    }
  }
  t.equal(bodies.size, 6)
  t.equal(new Set(bodies.values()).size, 1, [...new Set(bodies.values())].join())
})

t.test('another address is not throttled with it', async (t) => {
  const elsewhere = await connectRaw(t, { port: target.tls.port, ca: target.tls.ca, localAddress: '127.0.0.77' })
  elsewhere.request('GET', pods, ['Authorization', `Bearer ${guesses['an unknown one']}`])
  t.equal((await elsewhere.response()).status, 401)
})

t.test('no key at all is asked for one, however often, by every way', async (t) => {
  for (const way of everyWay) for (let i = 0; i < 25; i += 1) {
    const { status } = await target.send(way, { key: null })
    if (status !== 401) t.fail(`${way}: ${status}`)
  }
  t.pass('always 401')
})

t.test('no sink holds a secret', async (t) => {
  await target.silentSinks(t, [good.key, ended.key, revoked.key, ...Object.values(guesses)])
})
