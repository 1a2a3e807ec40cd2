import t from 'tap'
import { formatFault, formatPath } from '../../src/files/fault.ts'
import { readYaml } from '../../src/files/yaml.ts'

const text = `# first line
clusters:
  - name: a      # a comment
    server: "https://x"
  - { name: b, "odd name": [1, 2] }
anchor: &here { deep: 1 }
alias: *here
`

for (const [path, atKey, place] of [
  [[], false, '2:1'],
  [['clusters'], true, '2:1'],
  [['clusters'], false, '3:3'],
  [['clusters', 0, 'server'], false, '4:13'],
  [['clusters', 0, 'server'], true, '4:5'],
  [['clusters', 1, 'odd name', 1], false, '5:32'],
  [['clusters', 1, 'missing'], false, '5:5'],
  [['clusters', 7, 'missing'], false, '3:3'],
  [['alias', 'deep'], false, '6:23'],
] as const) {
  t.test(`${formatPath(path)} ${atKey ? '(its name) ' : ''}is at ${place}`, async (t) => {
    const [document] = readYaml('f.yaml', text).documents
    const { line, column } = document!.locate({ path, message: 'x', atKey })
    t.equal(`${line}:${column}`, place)
  })
}

t.test('several documents each know their own lines; empty ones are left out', async (t) => {
  const { documents } = readYaml('f.yaml', '---\n---\na: 1\n---\nb: 2\n---\n')
  t.strictSame(documents.map(({ value }) => value), [{ a: 1 }, { b: 2 }])
  t.match(documents[1]?.locate({ path: ['b'], message: 'x' }), { line: 5, column: 4 })
})

t.test('dates and words stay what they are in YAML 1.2', async (t) => {
  const { documents } = readYaml('f.yaml', 'a: 2026-11-21T10:00:00Z\nb: no\nc: 0o10')
  t.strictSame(documents[0]?.value, { a: '2026-11-21T10:00:00Z', b: 'no', c: 8 })
})

for (const [what, bad, expected] of [
  ['a name given twice', 'a: 1\na: 2', /^f:2:1 Map keys must be unique$/],
  ['a broken mapping', 'a: b: c', /^f:1:4 /],
  ['an open quote', 'a: "b', /^f:1:\d /],
  ['an alias without its anchor', 'a: *x', /^f:1:\d .*x$/],
  ['a name that is no text', '{ [1]: 2 }', /^f:1:\d /],
  ['a tag that nobody knows', 'a: !secret b', /^f:1:4 /],
] as const) {
  t.test(`${what} is a fault with its place`, async (t) => {
    const { documents, faults } = readYaml('f', bad)
    t.strictSame(documents, [])
    t.match(faults.map(formatFault).join('\n'), expected)
  })
}

t.test('aliases of aliases of aliases are a fault, and no meal for the memory', async (t) => {
  const levels = Array.from({ length: 12 }, (_, n) => `l${n}: &l${n} [${Array(10).fill(n === 0 ? 'x' : `*l${n - 1}`).join(', ')}]`)
  const { documents, faults } = readYaml('f', levels.join('\n'))
  t.strictSame(documents, [])
  t.equal(faults.length, 1)
})

t.test('a fault never shows a key, nor the line that it is about', async (t) => {
  const key = 'pcl_k7Q2mX9a_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2pZTdb'
  const faults = ['a: *', 'a: !', 'a: b: "', '"'].flatMap(start => readYaml('f', start + key).faults)
  t.equal(faults.length > 3, true)
  t.notMatch(faults.map(formatFault).join('\n'), /0123456789ABC/)
  t.equal(formatPath([key]), 'pcl_k7Q2mX9a_[redacted]')
})

for (const [path, expected] of [
  [[], ''], [['a'], 'a'], [['a', 0, 'b'], 'a[0].b'], [['a', 'odd name', 'b'], 'a["odd name"].b'], [[0, 'a'], '[0].a'],
] as const) {
  t.test(`${JSON.stringify(path)} prints as ${expected || 'nothing'}`, async t => t.equal(formatPath(path), expected))
}
