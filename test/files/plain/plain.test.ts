import fc from 'fast-check'
import t from 'tap'
import { readPlain } from '../../../src/files/plain/plain.ts'
import { agreement } from './agreement.ts'

// Read by the plain reader itself: what files of thousands of callers are made of must not fall back.
for (const [what, text] of [
  ['nothing', ''],
  ['a comment alone', '# nobody yet\n'],
  ['empty documents', '---\n---\n# c\n---\na: 1\n---\n'],
  ['mappings and lists by indentation', 'scopes:\n  - name: r\n    rules:\n    - verbs:\n      - get\n      resources: [pods]\ncallers:\n- name: a\n  keys:\n    - id: k7Q2mX9a\n'],
  ['a dash on a line of its own', 'a:\n  -\n    b: 1\n  -\n  - - 1\n    - 2\n'],
  ['[] and {} over several lines', 'a: [\n    b,   # c\n\n    { c: d,\n      "e":f },\n  ]\n'],
  ['JSON', '{"callers":[{"name":"a","n":[1,-2,3.5,true,false,null,""],"\\u0065":"\\"\\\\\\n\\u00e9"}]}'],
  ['JSON with tabs', '{\n\t"a": [\n\t\t"b",\n\t\t"b"\n\t]\n}\n'],
  ['JSON with lines that begin at the left', '{\n"a": [\n"b"\n]\n}'],
  ['Windows\' line ends', 'a:\r\n  - b: 1\r\n\r\n    c: [x,\r\n      y] # d\r\n  # e\r\n  - f\r\n'],
  ['words that are no booleans', 'a: [no, No, off, yes, y, on, nullable, trueish]'],
  ['what the core schema knows', 'a: [true, True, TRUE, false, null, Null, NULL, ~, 0, -1, 12345678, 1.5]\nb:\nc: ~\nd: # c\ne:   \n'],
  ['what looks like numbers and is none', 'a: [2026-11-21T10:00:00Z, 10.0.0.0/8, 1.2.3, 5f00, 12a, 0x, -a, 1-2]'],
  ['quotes', 'a: \'it\'\'s\'\nb: "a # b: c"\nc: \'[]\'\n\'d e\': ""\n"f": \'\'\n'],
  ['colons and hashes within words', 'a: https://x:1/y#z\nb: [a:b, c#d, system:masters]\nc: a b  # d\n'],
  ['text beyond ASCII', 'a: Zuständig für 日本 # é\n"ü": "\u2028"\n'],
  ['names of every object', 'toString: 1\nconstructor: {hasOwnProperty: 2}\n'],
  ['a scalar alone', 'hello'],
  ['the same list again and again', 'a: [[x, y], [x, y], {b: [x, y]}]\nc:\n  - d: [x, y]\n  - d: [x, y]\n'],
  ['a name given twice, whose first value ends with an empty item', '\nz: \n- \nz: a'],
  ['a name given twice, in lists that are alike', 'a:\n  b: [{c: 1, c: 2}]\n  d: [{c: 1, c: 2}]\n  b: 3\n'],
] as const) {
  t.test(`${what} is read as yaml reads it`, async t => t.equal(agreement(text), 'same'))
}

for (const [what, text] of [
  ['an anchor and its alias', 'a: &x [1]\nb: *x\n'],
  ['a billion laughs', 'a: &a [x, x]\nb: &b [*a, *a]\n'],
  ['a merge key', 'a: { <<: { b: 1 } }'],
  ['a tag', 'a: !secret b'],
  ['a directive', '%YAML 1.1\n---\na: no\n'],
  ['a block scalar', 'a: |\n  b\n'],
  ['a folded scalar', 'a: >-\n  b\n'],
  ['a scalar of two lines', 'a: b\n  c\n'],
  ['a string of two lines', 'a: "b\n  c"\n'],
  ['an explicit name', '? a\n: b\n'],
  ['a name that is a list', '{ [a]: b }'],
  ['hexadecimal, octal, exponents, infinity', 'a: [0x1F, 0o17, 1e3, .inf]'],
  ['many digits', 'a: 12345678901234567890'],
  ['an escape that JSON has not', 'a: "\\x41"'],
  ['__proto__', '__proto__: { a: 1 }'],
  ['the end of a document', 'a: 1\n...\nb: 2\n'],
  ['a tab before a value', 'a:\tb\n'],
  ['a tab as indentation', 'a:\n\tb: 1\n'],
  ['a byte-order mark', '\ufeffa: 1\n'],
  ['a name without a value in {}', '{ a, b: 1 }'],
  ['a pair in a list', '[a: 1]'],
  ['an open quote', 'a: "b'],
  ['an open list', 'a: [b'],
  ['a line indented too little', 'a: [\nb]\n'],
  ['a line indented too deeply', 'a: 1\n b: 2\n'],
  ['two values', 'a: "b" c\n'],
  ['nesting without end', '['.repeat(100)],
] as const) {
  t.test(`${what} is left to yaml`, async t => t.equal(readPlain(text), undefined))
}

const pieces = [
  'a', 'b: ', 'c:', '- ', '-', '\n', '\n  ', '\n    ', '\n- ', '\n  - ', '\n  k: ', '\nz: ', '[', ']', '{', '}', ',', ', ', ': ', ':', '"q"', '\'s\'', '"', '\'', '#', '# c', ' # c\n',
  '~', 'null', '1', '01', '-1', '0x1', '1e3', 'true', 'no', '2026-11-21T10:00:00Z', '\t', '\r\n', '\r', '---', '\n---\n', '...', '&a', '*a', '!t', '|', '>', '?', '? ', '%', '@', '`', 'é', '\u2028',
  '\ufeff', '\u0085', '\u00a0', '__proto__: ', '"x": ', '"x":1', '\'y\':', '<<: ', '\\', '"\\n"', '"\\x41"', '[x, y]', '[{a: 1, a: 2}]', 'pods/log', 'team-*', 'a b', 'a: b', 'https://x:1/', '=', '$x', '[]', '{}',
  '\n\n', '\n# c\n', '\n # c\n', '  ', ' ', '.5', '5.', '+1', '-0', '- - ', '\n-\n', '""', '\'it\'\'s\'', '12345678', '10.0.0.1',
]
const soup = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 14 }).map(all => all.join(''))
const file = `scopes:
  - name: r
    rules:
      - { apiGroups: ["", apps], resources: [pods, pods/log], verbs: [get], namespaces: ["team-*"] }
      - nonResourceURLs:
        - /metrics
        verbs: [get] # c
---
apiVersion: v1
metadata: { name: cr }
rules:
- verbs:
  - get
  resources:
---
callers:
  # one
  - name: ci
    scopes: [r, { name: cr, namespaces: [a] }]
    keys: [
      { id: k7Q2mX9a, sha256: abc },
      ]
    limits: { burst: 3, "inFlight":4 }
  -
    name: "two"
    discovery: false
`
/** A file with something put in, or in place of a little. */
const damaged = fc.array(fc.record({ at: fc.nat(file.length), instead: fc.nat(6), put: fc.constantFrom('', ...pieces) }), { minLength: 1, maxLength: 3 })
  .map(changes => changes.reduce((text, { at, instead, put }) => text.slice(0, at) + put + text.slice(at + instead), file))
const json = fc.json({ maxDepth: 4 }).chain(text => fc.constantFrom(undefined, 1, '\t').map(space => JSON.stringify(JSON.parse(text), null, space)))

for (const [what, texts, numRuns] of [['soup', soup, 4000], ['damaged files', damaged, 1500], ['JSON', json, 500]] as const) {
  t.test(`whatever is read of ${what} is what yaml reads: values, faults, lines and columns`, async (t) => {
    let read = 0
    fc.assert(fc.property(texts, (text) => {
      const result = agreement(text)
      if (result === 'same') read++
      return !result.startsWith('differs')
    }), { numRuns })
    t.ok(read > numRuns / 50, `${read} of ${numRuns} were read`)
  })
}
