import t from 'tap'
import { editCaller } from '../../../src/callers/edit/edit-caller.ts'
import { pieceOf } from '../../../src/callers/edit/piece.ts'
import { planOf } from '../../../src/callers/edit/plan.ts'
import type { CallersChange } from '../../../src/callers/store.ts'

const key = { id: 'k7Q2mX9a', sha256: 'ab'.repeat(32), createdAt: '2026-11-21T10:00:00Z' }
const flow = `{ id: k7Q2mX9a, sha256: ${'ab'.repeat(32)}, createdAt: 2026-11-21T10:00:00Z }`
const json = `{ "id": "k7Q2mX9a", "sha256": "${'ab'.repeat(32)}", "createdAt": "2026-11-21T10:00:00Z" }`

function edit(file: string, text: string, ...changes: CallersChange[]): string | undefined {
  const plan = planOf(changes)
  return plan === undefined ? text : editCaller(pieceOf(file, text), plan)
}

for (const [what, before, after, file = 'c.yaml'] of [
  ['a list of lines', 'callers:\n  - name: ci\n    keys:\n      - { id: a } # first\n      # last word\n\n  - name: other\n',
    `callers:\n  - name: ci\n    keys:\n      - { id: a } # first\n      - ${flow}\n      # last word\n\n  - name: other\n`],
  ['a list of keys over several lines', 'callers:\n- name: ci\n  keys:\n  - id: a\n    sha256: b # x\n  discovery: false\n',
    `callers:\n- name: ci\n  keys:\n  - id: a\n    sha256: b # x\n  - ${flow}\n  discovery: false\n`],
  ['an empty list', 'callers:\n  - name: ci\n    keys: []   # none yet\n    discovery: false\n',
    `callers:\n  - name: ci\n    keys: [${flow}]   # none yet\n    discovery: false\n`],
  ['a list in brackets', 'callers:\n  - name: ci\n    keys: [{ id: a }] # one\n', `callers:\n  - name: ci\n    keys: [{ id: a }, ${flow}] # one\n`],
  ['a list in brackets over several lines', 'callers:\n  - name: ci\n    keys: [\n      { id: a },\n    ]\n',
    `callers:\n  - name: ci\n    keys: [\n      { id: a },\n      ${flow},\n    ]\n`],
  ['a list in brackets whose last line has a comment and no comma', 'callers:\n  - name: ci\n    keys: [\n      { id: a } # first\n    ]\n',
    `callers:\n  - name: ci\n    keys: [\n      { id: a }, # first\n      ${flow}\n    ]\n`],
  ['no keys', 'callers:\n  # a comment\n  - name: ci # its name\n    scopes: [r] # scopes\n\n  - name: other\n',
    `callers:\n  # a comment\n  - name: ci # its name\n    scopes: [r] # scopes\n    keys:\n      - ${flow}\n\n  - name: other\n`],
  ['no keys and a list at the end', 'callers:\n  - name: ci\n    rules:\n      - verbs: [get]\n        nonResourceURLs:\n          - /metrics\n  - name: other\n',
    `callers:\n  - name: ci\n    rules:\n      - verbs: [get]\n        nonResourceURLs:\n          - /metrics\n    keys:\n      - ${flow}\n  - name: other\n`],
  ['keys with nothing behind them', 'callers:\n  - name: ci\n    keys:\n    scopes: []\n', `callers:\n  - name: ci\n    keys: [${flow}]\n    scopes: []\n`],
  ['keys that are null', 'callers:\n  - { name: ci, keys: ~ }\n', `callers:\n  - { name: ci, keys: [${flow}] }\n`],
  ['a caller in braces', 'callers: [{ name: ci }]\n', `callers: [{ name: ci, keys: [${flow}] }]\n`],
  ['a caller whose name is not its first field', 'callers:\n  - description: >\n      of\n      ci\n    name: "ci"\n', `callers:\n  - description: >\n      of\n      ci\n    name: "ci"\n    keys:\n      - ${flow}\n`],
  ['a file without a last line break', 'callers:\n  - name: ci', `callers:\n  - name: ci\n    keys:\n      - ${flow}`],
  ['lines that end as on Windows', 'callers:\r\n  - name: ci\r\n    discovery: true\r\n', `callers:\r\n  - name: ci\r\n    discovery: true\r\n    keys:\r\n      - ${flow}\r\n`],
  ['a second document', 'callers:\n  - name: other\n---\n---\ncallers:\n  - name: ci\n    keys: []\n', `callers:\n  - name: other\n---\n---\ncallers:\n  - name: ci\n    keys: [${flow}]\n`],
  ['a caller of the same name as a scope', 'scopes:\n  - name: ci\n    rules: []\ncallers:\n  - name: ci\n    keys: []\n', `scopes:\n  - name: ci\n    rules: []\ncallers:\n  - name: ci\n    keys: [${flow}]\n`],
  ['a caller whose name is part of others', 'callers:\n  - name: ci.b\n  - name: a-ci\n  - { scopes: [ci], name: x }\n  - name: ci\n  - name: ci2\n', `callers:\n  - name: ci.b\n  - name: a-ci\n  - { scopes: [ci], name: x }\n  - name: ci\n    keys:\n      - ${flow}\n  - name: ci2\n`],
  ['JSON', '{ "callers": [{ "name": "ci", "keys": [{ "id": "a" }] }] }', `{ "callers": [{ "name": "ci", "keys": [{ "id": "a" }, ${json}] }] }`, 'c.json'],
  ['JSON without keys', '{ "callers": [{ "name": "ci" }] }', `{ "callers": [{ "name": "ci", "keys": [${json}] }] }`, 'c.json'],
  ['JSON over several lines', '{\n  "callers": [\n    {\n      "name": "ci"\n    }\n  ]\n}\n', `{\n  "callers": [\n    {\n      "name": "ci",\n      "keys": [${json}]\n    }\n  ]\n}\n`, 'c.json'],
] as const) {
  t.test(`into ${what} a key goes without touching another byte`, async t => t.equal(edit(file, before, { kind: 'add-key', caller: 'ci', key }), after))
}

const end = '2026-12-01T00:00:00Z'
for (const [what, before, after, file = 'c.yaml'] of [
  ['in braces without it', 'keys: [{ id: a, sha256: b }] # x', `keys: [{ id: a, sha256: b, expiresAt: ${end} }] # x`],
  ['in braces with another', 'keys: [{ id: a, expiresAt: 2027-01-01T00:00:00Z, sha256: b }]', `keys: [{ id: a, expiresAt: ${end}, sha256: b }]`],
  ['in braces, in quotes', 'keys: [{ id: a, expiresAt: "2027-01-01T00:00:00Z" }]', `keys: [{ id: a, expiresAt: ${end} }]`],
  ['in lines without it', 'keys:\n      - id: a # one\n        sha256: b # two\n      - id: c', `keys:\n      - id: a # one\n        sha256: b # two\n        expiresAt: ${end}\n      - id: c`],
  ['in lines with another', 'keys:\n      - expiresAt: 2027-01-01T00:00:00Z # soon\n        id: a', `keys:\n      - expiresAt: ${end} # soon\n        id: a`],
  ['in lines that end in a long text', 'keys:\n      - id: a\n        description: |\n          of the\n          build', `keys:\n      - id: a\n        description: |\n          of the\n          build\n        expiresAt: ${end}`],
  ['in braces over several lines', 'keys:\n      - {\n          id: a, # one\n          sha256: b # two\n        }', `keys:\n      - {\n          id: a, # one\n          sha256: b, # two\n          expiresAt: ${end}\n        }`],
  ['in JSON', '"keys": [{ "id": "a" }]', `"keys": [{ "id": "a", "expiresAt": "${end}" }]`, 'c.json'],
] as const) {
  t.test(`a key ${what} gets its end without touching another byte`, async (t) => {
    const around = (text: string) => file === 'c.json' ? `{ "callers": [{ "name": "ci", ${text} }] }\n` : `callers:\n  - name: ci\n    ${text}\n`
    t.equal(edit(file, around(before), { kind: 'set-key', caller: 'ci', id: 'a', fields: { expiresAt: end } }), around(after))
  })
}

t.test('a rotation is one edit: a key more, and ends for the others', async (t) => {
  const before = 'callers:\n  - name: ci\n    keys:\n      - { id: a } # old\n      - id: b\n  - name: other\n'
  const after = `callers:\n  - name: ci\n    keys:\n      - { id: a, expiresAt: ${end} } # old\n      - id: b\n        expiresAt: ${end}\n      - ${flow}\n  - name: other\n`
  const endOf = (id: string) => ({ kind: 'set-key', caller: 'ci', id, fields: { expiresAt: end } }) as const
  t.equal(edit('c.yaml', before, { kind: 'add-key', caller: 'ci', key }, endOf('a'), endOf('b')), after)
})

t.test('a word that YAML would take for a number is put in quotes', async (t) => {
  for (const id of ['12345678', '1234e567']) {
    t.match(edit('c.yaml', 'callers:\n  - name: ci\n    keys: []\n', { kind: 'add-key', caller: 'ci', key: { ...key, id } }), `{ id: "${id}", sha`)
  }
})

t.test('a caller or a key that is not there is not made up', async (t) => {
  t.equal(edit('c.yaml', 'callers: [{ name: other }]', { kind: 'add-key', caller: 'ci', key }), undefined)
  t.equal(edit('c.yaml', 'callers: [{ name: ci }]', { kind: 'set-key', caller: 'ci', id: 'a', fields: { revokedAt: end } }), undefined)
})

t.test('changes of two callers are refused: they might be in two files', async (t) => {
  t.throws(() => edit('c.yaml', '', { kind: 'add-key', caller: 'a', key }, { kind: 'add-key', caller: 'b', key }), /several callers at once: a, b/)
})
