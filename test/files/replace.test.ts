import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replaceFile } from '../../src/files/replace.ts'

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
