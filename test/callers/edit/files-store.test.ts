import { appendFileSync, chmodSync, mkdirSync, readFileSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { createFilesStore } from '../../../src/callers/edit/files-store.ts'
import { loadCallers } from '../../../src/callers/load.ts'
import type { CallersChange } from '../../../src/callers/store.ts'

const sha256 = 'ab'.repeat(32)
const keyOf = (id: string) => ({ id, sha256 })
const addKey = (caller: string, id: string): CallersChange => ({ kind: 'add-key', caller, key: keyOf(id) })
const text = '# who\ncallers:\n  - name: a # first\n  - name: b\n'

t.test('what is there is read with its place', async (t) => {
  const folder = t.testdir({ 'x.yaml': 'scopes: [{ name: s, rules: [] }]\n', 'y.yaml': text })
  const { callers, scopes } = await createFilesStore({ paths: [folder] }).read()
  t.strictSame(callers.map(({ value, where }) => [value.name, where]), [['a', join(folder, 'y.yaml:3:5')], ['b', join(folder, 'y.yaml:4:5')]])
  t.strictSame(scopes.map(({ value, where }) => [value.name, where]), [['s', join(folder, 'x.yaml:1:10')]])
})

t.test('what is not sound is neither read nor changed', async (t) => {
  const folder = t.testdir({ 'x.yaml': 'callers: [{ name: c, jot: {} }]', 'y.yaml': text })
  const store = createFilesStore({ paths: [folder] })
  await t.rejects(store.read(), { name: 'FaultsError' })
  await t.rejects(store.change(() => [addKey('a', 'aaaaaaaa')]), { name: 'FaultsError', message: /x.yaml:1:22/ })
  t.equal(readFileSync(join(folder, 'y.yaml'), 'utf8'), text)
})

t.test('a change that is none writes nothing', async (t) => {
  const file = join(t.testdir({ 'c.yaml': text }), 'c.yaml')
  const { ino } = statSync(file)
  t.equal(await createFilesStore({ paths: [file] }).change(() => []), '')
  t.equal(statSync(file).ino, ino)
})

t.test('what an editor writes meanwhile stays: it is decided anew on that', async (t) => {
  const file = join(t.testdir({ 'c.yaml': text }), 'c.yaml')
  let turns = 0
  await createFilesStore({ paths: [file] }).change(({ callers }) => {
    turns += 1
    if (turns < 3) appendFileSync(file, `  - name: c${turns}\n`)
    return [addKey(callers.at(-1)?.value.name ?? '', 'aaaaaaaa')]
  })
  t.equal(turns, 3)
  t.equal(readFileSync(file, 'utf8'), `${text}  - name: c1\n  - name: c2\n    keys:\n      - { id: aaaaaaaa, sha256: ${sha256} }\n`)
})

t.test('a file that another puts into the folder meanwhile is seen, too', async (t) => {
  const folder = t.testdir({ 'c.yaml': text })
  const store = createFilesStore({ paths: [folder] })
  await t.rejects(store.change(({ callers }) => {
    if (callers.some(({ value }) => value.name === 'new')) throw new Error('taken')
    writeFileSync(join(folder, 'd.yaml'), 'callers: [{ name: new }]')
    return [{ kind: 'add-caller', caller: { name: 'new' } }]
  }), { message: 'taken' })
  t.equal(readFileSync(join(folder, 'c.yaml'), 'utf8'), text)
})

t.test('where something writes all the time, that is said, and nothing is changed', async (t) => {
  const folder = t.testdir({ 'c.yaml': text })
  const file = join(folder, 'c.yaml')
  let turns = 0
  await t.rejects(createFilesStore({ paths: [file] }).change(() => {
    appendFileSync(file, `# ${turns += 1}\n`)
    return [addKey('a', 'aaaaaaaa')]
  }), { message: /changed underneath 5 times.*Nothing was changed; try again/ })
  t.equal(readFileSync(file, 'utf8'), `${text}# 1\n# 2\n# 3\n# 4\n# 5\n`)
  t.strictSame(readdirSync(folder), ['c.yaml'])
})

t.test('a result that the proxy would refuse is not written', async (t) => {
  const file = join(t.testdir({ 'c.yaml': text }), 'c.yaml')
  const store = createFilesStore({ paths: [file] })
  await t.rejects(store.change(() => [{ kind: 'add-caller', caller: { name: 'c', scopes: ['nope'] } }]), { name: 'FaultsError', message: /names no scope: nope/ })
  await t.rejects(store.change(() => [addKey('a', 'short')]), /is written in a way|must be/)
  t.equal(readFileSync(file, 'utf8'), text)
})

t.test('a file in another encoding is not changed: what is not UTF-8 would be lost', async (t) => {
  const file = join(t.testdir({ 'c.yaml': '' }), 'c.yaml')
  const bytes = Buffer.from(`# für alle\n${text}`, 'latin1')
  writeFileSync(file, bytes)
  await t.rejects(createFilesStore({ paths: [file] }).change(() => [addKey('a', 'aaaaaaaa')]), /not UTF-8/)
  t.strictSame(readFileSync(file), bytes)
})

t.test('one that is UTF-8 keeps every byte, a byte order mark among them', async (t) => {
  const file = join(t.testdir({ 'c.yaml': `\uFEFF# für alle 🗝\n${text}` }), 'c.yaml')
  await createFilesStore({ paths: [file] }).change(() => [addKey('b', 'aaaaaaaa')])
  t.equal(readFileSync(file, 'utf8'), `\uFEFF# für alle 🗝\n${text}    keys:\n      - { id: aaaaaaaa, sha256: ${sha256} }\n`)
})

t.test('what killed commands left behind is cleared away, and the lock of one is taken over', async (t) => {
  const folder = t.testdir({ 'c.yaml': text, '.c.yaml.0123456789ab': 'half a fi', '.c.yaml.swp': 'an editor', '.callers.lock.0123456789abcdef': '' })
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  writeFileSync(join(folder, '.callers.lock'), `${gone} ${hostname()} - ${readlinkSync('/proc/self/ns/pid')} x`)
  await createFilesStore({ paths: [join(folder, 'c.yaml')] }).change(() => [addKey('a', 'aaaaaaaa')])
  t.strictSame(readdirSync(folder).sort(), ['.c.yaml.swp', 'c.yaml'])
})

t.test('whether a config names the file or its folder, there is one lock', async (t) => {
  const folder = t.testdir({ 'c.yaml': text })
  symlinkSync(folder, join(folder, 'link'))
  const stores = [[folder], [join(folder, 'c.yaml')], [join(folder, 'link', 'c.yaml')]].map(paths => createFilesStore({ paths }))
  await Promise.all(Array.from({ length: 12 }, (_, n) => stores[n % 3]?.change(() => [addKey(n % 2 === 0 ? 'a' : 'b', `aaaaaaa${n.toString(16)}`)])))
  t.equal((await loadCallers([join(folder, 'c.yaml')])).keys.size, 12)
  t.strictSame(readdirSync(folder).sort(), ['c.yaml', 'link'])
})

t.test('commands at once on several folders wait for each other, whatever the order of their paths', async (t) => {
  const folder = t.testdir({ x: { 'x.yaml': 'callers: [{ name: x }]' }, y: { 'y.yaml': 'callers: [{ name: y }]' } })
  const [x, y] = [join(folder, 'x'), join(folder, 'y')]
  await Promise.all(Array.from({ length: 8 }, (_, n) => createFilesStore({ paths: n % 2 === 0 ? [x, y] : [y, x] }).change(() => [addKey('xy'.charAt(n % 2), `aaaaaaa${n}`)])))
  t.equal((await loadCallers([folder, x, y])).keys.size, 8)
})

t.test('a folder that cannot be written is named', { skip: process.getuid?.() === 0 && 'root may write everywhere' }, async (t) => {
  const folder = t.testdir({ 'c.yaml': text })
  chmodSync(folder, 0o555)
  t.teardown(() => chmodSync(folder, 0o755))
  await t.rejects(createFilesStore({ paths: [folder] }).change(() => [addKey('a', 'aaaaaaaa')]), /cannot be written: EACCES/)
})

const made = { kind: 'add-caller', caller: { name: 'new', description: 'x' } } as const
for (const [what, files, paths, into, where] of [
  ['the first file with callers', { 'a.yaml': 'scopes: []\n', 'b.yaml': text, 'c.yaml': text.replaceAll('name: ', 'name: c') }, ['.'], undefined, 'b.yaml'],
  ['a file with an empty list', { 'a.yaml': 'scopes: []\n', 'b.yaml': 'callers: []\n' }, ['.'], undefined, 'b.yaml'],
  ['the one file that there is, though it has no callers', { 'a.yaml': 'scopes: []\n' }, ['a.yaml'], undefined, 'a.yaml'],
  ['callers.yaml in an empty folder', {}, ['.'], undefined, 'callers.yaml'],
  ['the file that was asked for', { 'a.yaml': text, 'b.yaml': '# b\n' }, ['.'], 'b.yaml', 'b.yaml'],
  ['a new file that was asked for', { 'a.yaml': text }, ['.'], 'team.yaml', 'team.yaml'],
  ['the configured file that was asked for and is not there yet', {}, ['callers.yaml'], 'callers.yaml', 'callers.yaml'],
] as const) {
  t.test(`a caller is added to ${what}`, async (t) => {
    const folder = t.testdir(files)
    const store = createFilesStore({ paths: paths.map(path => join(folder, path)), ...into === undefined ? {} : { into: join(folder, into) } })
    t.equal(await store.change(() => [made]), join(folder, where))
    t.match(readFileSync(join(folder, where), 'utf8'), /^ *- name: new\n +description: x\n$/m)
    const before = (files as Record<string, string>)[where] ?? ''
    t.ok(readFileSync(join(folder, where), 'utf8').startsWith(before.replace(' []\n', '')))
    t.ok((await loadCallers([folder])).callers.some(({ name }) => name === 'new'))
  })
}

t.test('a caller is not added where nobody would read it', async (t) => {
  const folder = t.testdir({ 'a.yaml': text })
  mkdirSync(join(folder, 'sub'))
  for (const into of ['notes.txt', '.hidden.yaml', 'sub/b.yaml']) {
    t.throws(() => createFilesStore({ paths: [folder], into: join(folder, into) }), /would not be read/)
  }
})
