import t from 'tap'
import { claimedKeyId, createApiKeyAuthenticator } from '../../src/authenticate/api-key.ts'
import type { KeyRecord } from '../../src/keys/key-record.ts'
import type { Caller } from '../../src/model/caller.ts'
import { arrivalWith, definition, keyOf, record, storeOf } from './callers-stub.ts'

const now = Date.UTC(2026, 10, 21)
const { key, id } = keyOf(7)
const impostor = keyOf(8).key.replace(/^pcl_.{8}/, `pcl_${id}`)

function authenticate(token: string, ...records: KeyRecord[]): Caller | undefined {
  const { authenticate } = createApiKeyAuthenticator({ callers: storeOf(...records), now: () => now })
  return authenticate(arrivalWith('Authorization', `Bearer ${token}`)) as Caller | undefined
}

/** A key with this id and a right checksum, but another secret. */
async function withRightChecksum(text: string): Promise<string> {
  const { crc32 } = await import('node:zlib')
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const body = text.slice(0, -6)
  let checksum = ''
  for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62)) checksum = digits[rest % 62] + checksum
  return body + checksum
}

t.test('a key that is in force is its caller', async (t) => {
  const end = now + 1
  t.strictSame({ ...authenticate(key, record(key, { expiresAt: end })) }, { credentialId: id, definition: definition('ci'), expiresAt: end, revokedAt: undefined })
})

t.test('an unknown id, a wrong secret and a wrong secret of an ended key all answer alike', async (t) => {
  const forged = await withRightChecksum(impostor)
  const refusal = { code: 'UnknownKey', message: 'this API key is not known here' }
  t.throws(() => authenticate(key), refusal)
  t.throws(() => authenticate(forged, record(key)), refusal)
  t.throws(() => authenticate(forged, record(key, { expiresAt: now - 1 })), refusal)
  t.throws(() => authenticate(forged, record(key, { revokedAt: now - 1 })), refusal)
})

t.test('a key ends at the very millisecond of its end', async (t) => {
  t.throws(() => authenticate(key, record(key, { expiresAt: now })), { code: 'ExpiredKey', message: /2026-11-21T00:00:00/ })
})

t.test('a revoked key is refused, also where the revocation lies in the future of our clock', async (t) => {
  t.throws(() => authenticate(key, record(key, { revokedAt: now - 1 })), { code: 'RevokedKey' })
  t.throws(() => authenticate(key, record(key, { revokedAt: now + 60_000 })), { code: 'RevokedKey' })
})

t.test('a wrong checksum is a typo before it is an unknown key', async (t) => {
  t.throws(() => authenticate(`${key.slice(0, -1)}_`, record(key)), { code: 'MistypedKey' })
  t.throws(() => authenticate('pcl_', record(key)), { code: 'MistypedKey' })
})

t.test('another bearer token is not ours; another X-API-Key is ours and bad; no credential is not ours', async (t) => {
  const { authenticate } = createApiKeyAuthenticator({ callers: storeOf(), now: () => now })
  t.equal(authenticate(arrivalWith('Authorization', 'Bearer eyJ.x.y')), undefined)
  t.throws(() => authenticate(arrivalWith('X-API-Key', 'eyJ.x.y')), { code: 'UnknownKey' })
  t.equal(authenticate(arrivalWith()), undefined)
})

t.test('a token in the query is no credential', async (t) => {
  const { authenticate } = createApiKeyAuthenticator({ callers: storeOf(record(key)), now: () => now })
  t.equal(authenticate({ ...arrivalWith(), target: `/api?access_token=${key}&token=${key}` }), undefined)
})

t.test('a prober in a health check\'s clothes has no key', async (t) => {
  const { authenticate } = createApiKeyAuthenticator({ callers: storeOf(record(key)), now: () => now })
  t.equal(authenticate(arrivalWith('User-Agent', 'kube-probe/1.30')), undefined)
})

t.test('no refusal says anything of the key', async (t) => {
  for (const records of [[], [record(key, { revokedAt: 1 })], [record(key, { expiresAt: 1 })]]) {
    t.throws(() => authenticate(key, ...records), { message: /^(?!.*pcl_)/ })
  }
})

t.test('recheck', async (t) => {
  let store = storeOf(record(key))
  const callers = { findKey: (id: string) => store.findKey(id), openKey: (id: string, digest: Buffer) => store.openKey(id, digest) }
  const authenticator = createApiKeyAuthenticator({ callers, now: () => now })
  const caller = authenticator.authenticate(arrivalWith('X-API-Key', key)) as Caller

  for (const [what, next, expected] of [
    ['the same key of the same caller is the fresh caller', [record(key, { caller: { ...definition('ci'), discovery: false } })], { definition: { discovery: false } }],
    ['a key that is gone is unknown', [], { code: 'UnknownKey' }],
    ['a key that another caller holds now is unknown', [record(key, { caller: definition('other') })], { code: 'UnknownKey' }],
    ['an id with another secret is unknown', [record(key, { sha256: Buffer.alloc(32, 1) })], { code: 'UnknownKey' }],
    ['a revoked key', [record(key, { revokedAt: 1 })], { code: 'RevokedKey' }],
    ['an expired key', [record(key, { expiresAt: now })], { code: 'ExpiredKey' }],
  ] as const) {
    t.test(what, async (t) => {
      store = storeOf(...next)
      t.match(authenticator.recheck(caller), expected)
    })
  }

  t.test('a caller that came by other means is not ours', async (t) => {
    t.equal(authenticator.recheck({ definition: definition('ci'), credentialId: id, expiresAt: undefined }), undefined)
  })
})

t.test('the id of a whole key is known also where it did not authenticate; that of a typo is not', async (t) => {
  t.equal(claimedKeyId(arrivalWith('X-API-Key', key)), id)
  t.equal(claimedKeyId(arrivalWith('X-API-Key', key.slice(1))), undefined)
  t.equal(claimedKeyId(arrivalWith('X-API-Key', key, 'X-API-Key', key)), undefined)
  t.equal(claimedKeyId(arrivalWith()), undefined)
})
