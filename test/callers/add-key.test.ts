import t from 'tap'
import { addKey } from '../../src/callers/add-key.ts'

const key = { id: 'k7Q2mX9a', sha256: 'ab'.repeat(32), createdAt: '2026-11-21T10:00:00Z' }
const flow = `{ id: k7Q2mX9a, sha256: ${'ab'.repeat(32)}, createdAt: 2026-11-21T10:00:00Z }`
const json = JSON.stringify(key)

for (const [what, before, after, file = 'c.yaml'] of [
  ['a list of lines', 'callers:\n  - name: ci\n    keys:\n      - { id: a } # first\n      # last word\n\n  - name: other\n',
    `callers:\n  - name: ci\n    keys:\n      - { id: a } # first\n      - ${flow}\n      # last word\n\n  - name: other\n`],
  ['a list of keys over several lines', 'callers:\n- name: ci\n  keys:\n  - id: a\n    sha256: b # x\n  discovery: false\n',
    `callers:\n- name: ci\n  keys:\n  - id: a\n    sha256: b # x\n  - ${flow}\n  discovery: false\n`],
  ['an empty list', 'callers:\n  - name: ci\n    keys: []   # none yet\n    discovery: false\n',
    `callers:\n  - name: ci\n    keys: [${flow}]   # none yet\n    discovery: false\n`],
  ['a list in brackets', 'callers:\n  - name: ci\n    keys: [{ id: a }] # one\n', `callers:\n  - name: ci\n    keys: [{ id: a }, ${flow}] # one\n`],
  ['a list in brackets over several lines', 'callers:\n  - name: ci\n    keys: [\n      { id: a },\n    ]\n', `callers:\n  - name: ci\n    keys: [\n      { id: a }, ${flow},\n    ]\n`],
  ['no keys', 'callers:\n  # a comment\n  - name: ci # its name\n    scopes: [r] # scopes\n\n  - name: other\n',
    `callers:\n  # a comment\n  - name: ci # its name\n    scopes: [r] # scopes\n    keys:\n      - ${flow}\n\n  - name: other\n`],
  ['no keys and a list at the end', 'callers:\n  - name: ci\n    rules:\n      - verbs: [get]\n        nonResourceURLs:\n          - /metrics\n  - name: other\n',
    `callers:\n  - name: ci\n    rules:\n      - verbs: [get]\n        nonResourceURLs:\n          - /metrics\n    keys:\n      - ${flow}\n  - name: other\n`],
  ['keys with nothing behind them', 'callers:\n  - name: ci\n    keys:\n    scopes: []\n', `callers:\n  - name: ci\n    keys: [${flow}]\n    scopes: []\n`],
  ['keys that are null', 'callers:\n  - { name: ci, keys: ~ }\n', `callers:\n  - { name: ci, keys: [${flow}] }\n`],
  ['a caller in braces', 'callers: [{ name: ci }]\n', `callers: [{ name: ci, keys: [${flow}] }]\n`],
  ['a file without a last line break', 'callers:\n  - name: ci', `callers:\n  - name: ci\n    keys:\n      - ${flow}`],
  ['lines that end as on Windows', 'callers:\r\n  - name: ci\r\n    discovery: true\r\n', `callers:\r\n  - name: ci\r\n    discovery: true\r\n    keys:\r\n      - ${flow}\r\n`],
  ['a second document', 'callers:\n  - name: other\n---\n---\ncallers:\n  - name: ci\n    keys: []\n', `callers:\n  - name: other\n---\n---\ncallers:\n  - name: ci\n    keys: [${flow}]\n`],
  ['a caller of the same name as a scope', 'scopes:\n  - name: ci\n    rules: []\ncallers:\n  - name: ci\n    keys: []\n', `scopes:\n  - name: ci\n    rules: []\ncallers:\n  - name: ci\n    keys: [${flow}]\n`],
  ['JSON', '{ "callers": [{ "name": "ci", "keys": [{ "id": "a" }] }] }', `{ "callers": [{ "name": "ci", "keys": [{ "id": "a" }, ${json}] }] }`, 'c.json'],
  ['JSON without keys', '{ "callers": [{ "name": "ci" }] }', `{ "callers": [{ "name": "ci", "keys": [${json}] }] }`, 'c.json'],
] as const) {
  t.test(`into ${what} a key goes without touching another byte`, async t => t.equal(addKey(file, before, 'ci', key), after))
}

t.test('an id that YAML would take for a number is put in quotes', async (t) => {
  t.match(addKey('c.yaml', 'callers:\n  - name: ci\n    keys: []\n', 'ci', { ...key, id: '12345678' }), /\{ id: "12345678", sha/)
  t.match(addKey('c.yaml', 'callers:\n  - name: ci\n    keys: []\n', 'ci', { ...key, id: '1234e567' }), /\{ id: "1234e567", sha/)
})

t.test('a caller that is not there is an error', async (t) => {
  t.throws(() => addKey('c.yaml', 'callers: [{ name: other }]', 'ci', key), { message: 'c.yaml has no caller ci' })
})

t.test('where the result would not be what was meant, nothing is changed', async (t) => {
  const text = 'keys: &none []\ncallers:\n  - name: ci\n    keys: *none\n'
  t.throws(() => addKey('c.yaml', text, 'ci', key), { message: /cannot be added/ })
})
