import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { removeLeftovers, replaceFile } from '../../src/files/replace.ts'

t.test('a file is another one afterwards, with the same permissions, and nothing is left beside it', async (t) => {
  const folder = t.testdir({ file: 'one' })
  const file = join(folder, 'file')
  chmodSync(file, 0o666)
  const { ino } = statSync(file)
  await replaceFile(file, 'two')
  t.equal(readFileSync(file, 'utf8'), 'two')
  t.equal(statSync(file).mode & 0o777, 0o666)
  t.not(statSync(file).ino, ino)
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('a symbolic link stays one', async (t) => {
  const folder = t.testdir({ real: { file: 'one' } })
  symlinkSync('real/file', join(folder, 'link'))
  await replaceFile(join(folder, 'link'), 'two')
  t.ok(lstatSync(join(folder, 'link')).isSymbolicLink())
  t.equal(readFileSync(join(folder, 'real', 'file'), 'utf8'), 'two')
})

t.test('what cannot be replaced leaves nothing behind', async (t) => {
  const folder = t.testdir({})
  mkdirSync(join(folder, 'file', 'within'), { recursive: true })
  await t.rejects(replaceFile(join(folder, 'file'), 'x'))
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('it is told as done only once the text and then its name are on the disk', async (t) => {
  const folder = t.testdir({ file: 'one' })
  const file = join(folder, 'file')
  const probe = await open(file)
  const handles = Object.getPrototypeOf(probe) as { sync: () => Promise<void> }
  await probe.close()
  const { sync } = handles
  const synced: string[] = []
  handles.sync = async function (this: { stat: () => Promise<{ isDirectory: () => boolean }> }) {
    synced.push(`${(await this.stat()).isDirectory() ? 'folder' : 'text'} while it says ${readFileSync(file, 'utf8')}`)
    return sync.call(this)
  }
  t.teardown(() => { handles.sync = sync })
  await replaceFile(file, 'two')
  t.strictSame(synced, ['text while it says one', 'folder while it says two'])
})

t.test('who changes their mind at the last moment changes nothing', async (t) => {
  const folder = t.testdir({ file: 'one' })
  let seen: string[] = []
  t.equal(await replaceFile(join(folder, 'file'), 'two', { still: async () => { seen = readdirSync(folder); return false } }), false)
  t.equal(seen.length, 2, 'all else was done by then')
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'one')
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('a file that is not there is made', async (t) => {
  const folder = t.testdir({})
  t.equal(await replaceFile(join(folder, 'file'), 'one'), true)
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'one')
})

t.test('what root writes still belongs to whom it did', { skip: process.getuid?.() !== 0 && 'only root can give a file away' }, async (t) => {
  const file = join(t.testdir({ file: 'one' }), 'file')
  chownSync(file, 12, 34)
  chmodSync(file, 0o640)
  await replaceFile(file, 'two')
  const { uid, gid, mode } = statSync(file)
  t.strictSame([uid, gid, mode & 0o777], [12, 34, 0o640])
})

t.test('what was left behind in the middle is cleared away, and nothing else', async (t) => {
  const folder = t.testdir({ 'c.yaml': '', 'cc.yaml': '' })
  for (const name of ['.c.yaml.0123456789ab', '.c.yaml.swp', '.c.yaml.0123456789ab.x', '.cc.yaml.0123456789ab']) writeFileSync(join(folder, name), '')
  await removeLeftovers(join(folder, 'c.yaml'))
  t.strictSame(readdirSync(folder).sort(), ['.c.yaml.0123456789ab.x', '.c.yaml.swp', '.cc.yaml.0123456789ab', 'c.yaml', 'cc.yaml'])
})
