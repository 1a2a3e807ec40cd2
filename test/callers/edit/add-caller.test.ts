import t from 'tap'
import { addCaller } from '../../../src/callers/edit/add-caller.ts'
import { pieceOf } from '../../../src/callers/edit/piece.ts'

const caller = { name: 'ci', description: 'builds, tests: all', scopes: ['r', { name: 'view', namespaces: ['a', 'b-*'] }], limits: { streams: 2 }, clusters: [] }
const flow = '{ name: ci, description: "builds, tests: all", scopes: [r, { name: view, namespaces: [a, b-*] }], limits: { streams: 2 }, clusters: [] }'
const lines = (indent: string, newline = '\n') => [
  '- name: ci', '  description: "builds, tests: all"', '  scopes: [r, { name: view, namespaces: [a, b-*] }]', '  limits: { streams: 2 }',
].map(line => indent + line).join(newline)

for (const [what, before, after, file = 'c.yaml'] of [
  ['a list', '# head\ncallers:\n  - name: a # first\n    scopes: [r] # last\n# foot\nscopes: []\n', `# head\ncallers:\n  - name: a # first\n    scopes: [r] # last\n${lines('  ')}\n# foot\nscopes: []\n`],
  ['a list with lines between', 'callers:\n- name: a\n\n- name: b\n  keys:\n  - id: x\n\n# foot\n', `callers:\n- name: a\n\n- name: b\n  keys:\n  - id: x\n\n${lines('')}\n\n# foot\n`],
  ['a list whose last is in braces', 'callers:\n  - { name: a,\n      scopes: [] } # x\n', `callers:\n  - { name: a,\n      scopes: [] } # x\n${lines('  ')}\n`],
  ['a file without a last line break', 'callers:\n  - name: a', `callers:\n  - name: a\n${lines('  ')}`],
  ['lines that end as on Windows', 'callers:\r\n  - name: a\r\n', `callers:\r\n  - name: a\r\n${lines('  ', '\r\n')}\r\n`],
  ['a list in brackets', 'callers: [{ name: a }] # x\n', `callers: [{ name: a }, ${flow}] # x\n`],
  ['an empty list', 'callers: []\nscopes: []\n', `callers:\n${lines('  ')}\nscopes: []\n`],
  ['an empty list with a comment', 'callers: [] # none yet\n', `callers:  # none yet\n${lines('  ')}\n`],
  ['a list with nothing in it', 'callers:\nscopes: []\n', `callers:\n${lines('  ')}\nscopes: []\n`],
  ['a file with scopes alone', 'scopes:\n  - name: r\n    rules: [] # none\n', `scopes:\n  - name: r\n    rules: [] # none\ncallers:\n${lines('  ')}\n`],
  ['a mapping in braces', '{ scopes: [] }\n', `{ scopes: [], callers: [${flow}] }\n`],
  ['an empty file', '', `callers:\n${lines('  ')}\n`],
  ['comments alone', '# nobody yet', `# nobody yet\ncallers:\n${lines('  ')}\n`],
  ['a ClusterRole alone', 'kind: ClusterRole\nrules: []\n', `kind: ClusterRole\nrules: []\n---\ncallers:\n${lines('  ')}\n`],
  ['a second document', 'kind: ClusterRole\n---\ncallers:\n  - name: a\n', `kind: ClusterRole\n---\ncallers:\n  - name: a\n${lines('  ')}\n`],
] as const) {
  t.test(`into ${what} a caller goes without touching another byte`, async t => t.equal(addCaller(pieceOf(file, before), caller), after))
}

t.test('into JSON it goes as JSON', async (t) => {
  const added = addCaller(pieceOf('c.json', '{\n  "callers": [\n    { "name": "a" }\n  ]\n}\n'), { name: 'ci', scopes: ['r'] })
  t.equal(added, '{\n  "callers": [\n    { "name": "a" },\n    { "name": "ci", "scopes": ["r"] }\n  ]\n}\n')
  t.strictSame(JSON.parse(addCaller(pieceOf('c.json', '\n'), { name: 'ci' }) ?? ''), { callers: [{ name: 'ci' }] })
})
