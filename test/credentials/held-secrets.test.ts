import t from 'tap'
import { noClaims } from '../../src/credentials/claims.ts'
import type { Credential, Presented } from '../../src/credentials/credential.ts'
import { HeldSecrets } from '../../src/credentials/held-secrets.ts'
import { holding } from '../../src/credentials/holding.ts'
import { redactKnown } from '../../src/redaction/redact.ts'

const minute = 60_000

function start() {
  const clock = { now: 0 }
  const secrets = new HeldSecrets({ now: () => clock.now })
  return { clock, secrets, redact: (text: string) => redactKnown(text, secrets.forms()) }
}

t.test('a secret is known in every form that a line may hold', async (t) => {
  const { secrets, redact } = start()
  secrets.holder()(['pass"wörd+of~us?'])
  for (const form of [
    'pass"wörd+of~us?', encodeURIComponent('pass"wörd+of~us?'), JSON.stringify('pass"wörd+of~us?'),
    Buffer.from('pass"wörd+of~us?').toString('base64'), Buffer.from('admin:pass"wörd+of~us? ').toString('base64url'),
  ]) {
    t.match(redact(`before ${form} behind`), /^before .{0,9}\[redacted\].{0,5} behind$/, form)
  }
})

t.test('what is replaced is forgotten ten minutes later, what is held is not', async (t) => {
  const { clock, secrets, redact } = start()
  const hold = secrets.holder()
  secrets.holder()(['another-one'])
  hold(['first-token'])
  clock.now = 60 * minute
  t.equal(redact('first-token another-one'), '[redacted] [redacted]')
  hold(['second-token'])
  clock.now += 10 * minute - 1
  t.equal(redact('first-token second-token'), '[redacted] [redacted]')
  clock.now += 1
  t.equal(redact('first-token second-token another-one'), 'first-token [redacted] [redacted]')
  hold([])
  clock.now += 10 * minute
  t.equal(redact('second-token another-one'), 'second-token [redacted]')
  t.strictSame(redact('first-token'), 'first-token')
})

t.test('one that comes back is held again', async (t) => {
  const { clock, secrets, redact } = start()
  const hold = secrets.holder()
  for (const token of ['first-token', 'second-token', 'first-token']) hold([token])
  clock.now = 11 * minute
  t.equal(redact('first-token second-token'), '[redacted] second-token')
})

t.test('one renewal after the other pushes out none that may still be valid', async (t) => {
  const { clock, secrets, redact } = start()
  const hold = secrets.holder()
  for (; clock.now < 10 * minute; clock.now += 3000) hold([`token-number-${clock.now}`])
  t.equal(redact('token-number-0, token-number-3000, token-number-597000'), '[redacted], [redacted], [redacted]')
})

t.test('a credential that changes all the time does not slow every line down', async (t) => {
  const { secrets, redact } = start()
  const hold = secrets.holder()
  for (let turn = 0; turn < 1000; turn += 1) hold([`token-number-${turn}`])
  t.ok(secrets.forms().length < 500, `${secrets.forms().length} forms`)
  t.equal(redact('token-number-999, token-number-990, token-number-699'), '[redacted], [redacted], [redacted]')
})

t.test('the longest go first, for one may be a part of another', async (t) => {
  const { secrets, redact } = start()
  secrets.holder()(['long-secret', 'long-secret-and-more'])
  t.equal(redact('long-secret-and-more'), '[redacted]')
})

t.test('a word of a few letters is in too many others', async (t) => {
  const { secrets } = start()
  secrets.holder()(['create', ''])
  t.strictSame(secrets.forms(), [])
})

t.test('a credential tells its token before anybody has it, and that it is gone when it is closed', async (t) => {
  let presented: Presented = { authorization: 'Bearer first-token', certificate: undefined }
  let closed = false
  const credential: Credential = {
    present: () => presented,
    renew: async (rejected) => rejected !== presented,
    facts: () => ({ kind: 'exec', source: 'x', renewal: 'y', claims: noClaims, trouble: undefined }),
    close: () => { closed = true },
  }
  const told: (readonly string[])[] = []
  const held = holding(credential, (secrets) => told.push(secrets))
  t.strictSame(told, [])
  t.equal(held.present(), presented)
  held.present()
  t.strictSame(told, [['first-token']], 'once')
  presented = { authorization: undefined, certificate: { cert: 'c', key: 'k' } }
  t.equal(held.present(), presented)
  t.equal(await held.renew(presented), false)
  t.equal(held.facts().kind, 'exec')
  held.close()
  t.strictSame(told, [['first-token'], [], []])
  t.ok(closed)
})
