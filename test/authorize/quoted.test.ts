import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { quoted, quotedWhereOdd, yamlScalar } from '../../src/authorize/quoted.ts'

t.test('what needs no quotes has none, and what YAML would read as something else has', async (t) => {
  const rows: [string, string][] = [
    ['pods', 'pods'], ['pods/log', 'pods/log'], ['rbac.authorization.k8s.io', 'rbac.authorization.k8s.io'], ['team-a', 'team-a'], ['/metrics', '/metrics'],
    ['', '""'], ['*', '"*"'], ['null', '"null"'], ['True', '"True"'], ['no', '"no"'], ['y', '"y"'], ['e0', '"e0"'], ['E-12', '"E-12"'], ['e', 'e'], ['1e3', '"1e3"'], ['-', '"-"'], ['~', '"~"'],
    ['10.0.0.1/32', '"10.0.0.1/32"'], ['::1/128', '"::1/128"'], ['a b', '"a b"'], ['a,b', '"a,b"'], ['a: b', '"a: b"'], ['a #b', '"a #b"'], ['&a', '"&a"'],
    ['x] }, - { verbs: ["*"', '"x] }, - { verbs: [\\"*\\""'], ['a\nb', '"a\\nb"'], ['a\u2028b\u202e\u0085', '"a\\u2028b\\u202e\\u0085"'], ['\u{e0041}', '"\\U000e0041"'],
    ['\u00e9', '"\u00e9"'],
  ]
  t.strictSame(rows.map(([text]) => yamlScalar(text)), rows.map(([, written]) => written))
})

t.test('whatever the text, it is read back as that, by YAML 1.2 and by 1.1, and stays on its line', async () => {
  const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('null', 'yes', '0x1', '1_000', '.inf', '12:30:45', '2001-01-01', '<<', '='))
  fc.assert(fc.property(fc.array(texts, { maxLength: 4 }), (values) => {
    const line = `- { a: [${values.map(yamlScalar).join(', ')}], b: [] }`
    assert.doesNotMatch(line, /[\p{C}\p{Zl}\p{Zp}]/u)
    for (const version of ['1.2', '1.1'] as const) assert.deepEqual(parse(line, { version }), [{ a: values, b: [] }])
  }), { numRuns: 500 })
})

t.test('in a message a word stands as it is, and all else in quotes', async (t) => {
  for (const word of ['/metrics', 'deployments.apps/scale', '/healthz/*']) t.equal(quotedWhereOdd(word), word)
  for (const text of ['/a b', '/x; to allow it: - {}', '/\u202egnp', '']) t.equal(quotedWhereOdd(text), quoted(text))
})
