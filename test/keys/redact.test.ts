import t from 'tap'
import { holdsKey, redactKeys } from '../../src/keys/redact.ts'

const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'
const redacted = 'pcl_k7Q2mX9a_[redacted]'

for (const [what, text, expected] of [
  ['a key alone', key, redacted],
  ['a key in a sentence', `Bearer ${key}, thanks`, `Bearer ${redacted}, thanks`],
  ['two keys', `${key} ${key}`, `${redacted} ${redacted}`],
  ['a key in a path', `/oauthaccesstokens/${key}?x=1`, `/oauthaccesstokens/${redacted}?x=1`],
  ['a key with encoded underscores', key.replaceAll('_', '%5F'), redacted],
  ['a key with a digit too few', key.slice(0, -1), redacted],
  ['a key with a digit too many', `${key}z`, redacted],
  ['a key whose id lost a digit', key.replace('k7Q', 'kQ'), 'pcl_kQ2mX9a_[redacted]'],
  ['a key in base64', `x ${Buffer.from(key).toString('base64url')} y`, 'x [redacted] y'],
  ['what is redacted already', redacted, redacted],
  ['no key', 'GET /api/v1/pods pcl_ and pcl', 'GET /api/v1/pods pcl_ and pcl'],
] as const) {
  t.test(`redacting ${what}`, async t => t.equal(redactKeys(text), expected))
}

t.test('a text holds a key where a whole one is anywhere in it', async (t) => {
  t.ok(holdsKey(`/a/${key}/b`))
  t.ok(holdsKey(`/a/${key.replaceAll('_', '%5f')}`))
  t.notOk(holdsKey('/a/pcl_k7Q2mX9a_short'))
  t.notOk(holdsKey('/api/v1/pods'))
})
