// An empty or odd bearer is not an anonymous or a default identity: CVE-2023-48312.
import t from 'tap'
import { everyWay, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const target = await startTarget(t)
const unknown = keyFor('nobody00')
const typo = target.root.key.slice(0, -1) + (target.root.key.endsWith('0') ? '1' : '0')
const wrongSecret = keyFor('rootroot')

const cases: readonly (readonly [name: string, headers: readonly string[], code: string])[] = [
  ['none', [], 'MissingKey'],
  ['Bearer with a space', ['Authorization', 'Bearer '], 'MissingKey'],
  ['Bearer alone', ['Authorization', 'Bearer'], 'MissingKey'],
  ['bearer with two spaces', ['Authorization', 'bearer  x'], 'MissingKey'],
  ['two spaces before a good key', ['Authorization', `Bearer  ${target.root.key}`], 'MissingKey'],
  ['a good key without a scheme', ['Authorization', target.root.key], 'MissingKey'],
  ['a good key and more', ['Authorization', `Bearer ${target.root.key} x`], 'MissingKey'],
  ['an empty value', ['Authorization', ''], 'MissingKey'],
  ['Basic', ['Authorization', `Basic ${Buffer.from(`x:${target.root.key}`).toString('base64')}`], 'MissingKey'],
  ['Negotiate', ['Authorization', 'Negotiate YII='], 'MissingKey'],
  ['an empty X-API-Key', ['X-API-Key', ''], 'MissingKey'],
  ['no key at all in X-API-Key', ['X-API-Key', 'x'], 'UnknownKey'],
  ['a token of another kind', ['Authorization', 'Bearer x'], 'UnknownKey'],
  ['a typing error', ['Authorization', `Bearer ${typo}`], 'MistypedKey'],
  ['a key nobody has', ['Authorization', `Bearer ${unknown.key}`], 'UnknownKey'],
  ['a known id with another secret', ['Authorization', `Bearer ${wrongSecret.key}`], 'UnknownKey'],
]

for (const way of everyWay) {
  t.test(`${way}: none, empty, odd and wrong keys are 401`, async (t) => {
    for (const [name, headers, code] of cases) {
      await target.refused(t, way, { key: null, headers }, { status: 401, code }, name)
    }
  })
}

t.test('a 401 says how to come back', async (t) => {
  const { headers } = await target.send('tls', { key: null })
  t.equal(headers[headers.findIndex((name) => name.toLowerCase() === 'www-authenticate') + 1], 'Bearer realm="portcullis"')
})

t.test('no sink holds a secret, the wrong ones included', (t) => target.silentSinks(t, [unknown.key, typo, wrongSecret.key]))
