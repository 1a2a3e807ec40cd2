import t from 'tap'
import { holdCaller, type Held } from '../../../src/callers/kubernetes/held.ts'
import type { Checked } from '../../../src/callers/kubernetes/objects.ts'
import type { WrittenCaller } from '../../../src/callers/schema.ts'

const now = Date.parse('2026-11-28T10:00:00Z')
const sha256 = 'ab'.repeat(32)
const fault = { file: 'f', line: 1, column: 1, path: '', message: 'bad' }

function checkedOf(spec: object, faulty: boolean, uid = 'u'): Checked<WrittenCaller> {
  const value = { name: 'ci', keys: [], ...spec } as unknown as WrittenCaller
  return { name: 'ci', uid, generation: 1, keyBeside: false, value, entry: undefined as never, shape: [], faults: faulty ? [fault] : [], warnings: [], locate: () => fault }
}

/** What is in force after a good state and a faulty one. */
function after(good: object, bad: object, uid = 'u') {
  const before: Held<WrittenCaller> = holdCaller(checkedOf(good, false), { metadata: { name: 'ci', uid: 'u', resourceVersion: '1' }, spec: good }, undefined, now)
  return holdCaller(checkedOf(bad, true, uid), { metadata: { name: 'ci', uid, resourceVersion: '2' }, spec: bad }, before, now).inForce
}

const key = { id: 'aaaaaaaa', sha256 }
const rows: readonly [string, object, object, object][] = [
  ['a key that is still there stays', key, key, [key]],
  ['one that was revoked is', key, { ...key, revokedAt: '2026-11-01T00:00:00Z' }, [{ ...key, revokedAt: '2026-11-01T00:00:00Z' }]],
  ['a revocation that cannot be read is one', key, { ...key, revokedAt: 5 }, [{ ...key, revokedAt: '2026-11-28T10:00:00.000Z' }]],
  ['an earlier end holds', { ...key, expiresAt: '2027-01-01T00:00:00Z' }, { ...key, expiresAt: '2026-12-01T00:00:00Z' }, [{ ...key, expiresAt: '2026-12-01T00:00:00Z' }]],
  ['a later end does not', { ...key, expiresAt: '2026-12-01T00:00:00Z' }, { ...key, expiresAt: '2027-01-01T00:00:00Z' }, [{ ...key, expiresAt: '2026-12-01T00:00:00Z' }]],
  ['an end is not taken away', { ...key, expiresAt: '2026-12-01T00:00:00Z' }, key, [{ ...key, expiresAt: '2026-12-01T00:00:00Z' }]],
  ['a revocation is not either', { ...key, revokedAt: '2026-11-01T00:00:00Z' }, key, [{ ...key, revokedAt: '2026-11-01T00:00:00Z' }]],
  ['another digest is another key', key, { ...key, sha256: 'cd'.repeat(32) }, []],
  ['the same digest in capitals is the same key', key, { ...key, sha256: sha256.toUpperCase() }, [key]],
]

for (const [name, good, bad, wanted] of rows) {
  t.test(name, async t => t.strictSame(after({ keys: [good] }, { keys: [bad] })?.keys, wanted))
}

t.test('keys that cannot be read at all are gone', async (t) => {
  for (const keys of [undefined, null, 'x', {}, [null, 3]]) t.strictSame(after({ keys: [key] }, { keys })?.keys, [])
})

t.test('a key that is there twice by now ends by either', async (t) => {
  t.match(after({ keys: [key] }, { keys: [key, { ...key, revokedAt: '2026-11-01T00:00:00Z' }] })?.keys, [{ revokedAt: '2026-11-01T00:00:00Z' }])
})

t.test('other ways to be the caller stay as far as they are still said', async (t) => {
  const [one, two] = [{ issuer: 'a', claims: { sub: 'x' } }, { issuer: 'b', claims: { sub: 'y' } }]
  t.match(after({ jwt: [one, two], clientCertificate: one }, { jwt: two }), { jwt: [two], clientCertificate: [] })
  t.match(after({ jwt: one }, { jwt: [{ ...one, issuer: 'c' }] }), { jwt: [] })
})

t.test('another object of the same name is no later state', async t => t.equal(after({ keys: [key] }, { keys: [key] }, 'other'), undefined))
