import { existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { withLock } from '../../src/files/lock.ts'

// The id of a process that there was.
const gone = spawnSync(process.execPath, ['-e', '']).pid

const namespace = existsSync('/proc/self/ns/pid') ? readlinkSync('/proc/self/ns/pid') : '-'

t.test('work on one file is done one after the other, and leaves nothing behind', async (t) => {
  const folder = t.testdir({ file: '0' })
  const file = join(folder, 'file')
  await Promise.all(Array.from({ length: 10 }, () => withLock(file, async () => {
    const before = Number(readFileSync(file, 'utf8'))
    await new Promise(setImmediate)
    writeFileSync(file, String(before + 1))
  })))
  t.equal(readFileSync(file, 'utf8'), '10')
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('work that fails gives the lock back', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  await t.rejects(withLock(file, () => Promise.reject(new Error('no'))), { message: 'no' })
  t.equal(await withLock(file, async () => 'done'), 'done')
})

t.test('a lock whose process is gone is taken over', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  writeFileSync(`${file}.lock`, `${gone} ${hostname()} - ${namespace} x`)
  t.equal(await withLock(file, async () => 'done'), 'done')
  t.notOk(existsSync(`${file}.lock`))
})

t.test('a lock whose number is by now that of another process is taken over', { skip: !existsSync('/proc/self/stat') && 'only /proc tells when a process was started' }, async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  writeFileSync(`${file}.lock`, `${process.pid} ${hostname()} 1 ${namespace} x`)
  t.equal(await withLock(file, async () => 'done'), 'done')
})

t.test('many that find a stale lock at once still work one after the other', async (t) => {
  const folder = t.testdir({ file: '' })
  const file = join(folder, 'file')
  for (let turn = 0; turn < 8; turn += 1) {
    writeFileSync(`${file}.lock`, `${gone} ${hostname()} - ${namespace} ${turn}`)
    let within = 0
    await Promise.all(Array.from({ length: 6 }, () => withLock(file, async () => {
      t.equal(within += 1, 1)
      await new Promise(setImmediate)
      within -= 1
    })))
  }
  t.strictSame(readdirSync(folder), ['file'])
})

t.test('who was killed while it took over a lock, or took it, is in nobody\'s way', async (t) => {
  const folder = t.testdir({ file: '' })
  const file = join(folder, 'file')
  writeFileSync(`${file}.lock`, `${gone} ${hostname()} - ${namespace} x`)
  writeFileSync(`${file}.lock.break.lock`, `${gone} ${hostname()} - ${namespace} y`)
  writeFileSync(`${file}.lock.0123456789abcdef`, `${gone} ${hostname()} - ${namespace} 0123456789abcdef`)
  writeFileSync(`${file}.lock.0123456789abcde0`, '')
  writeFileSync(`${file}.lock.break.lock.0123456789abcde0`, '')
  await withLock(file, async () => {})
  t.strictSame(readdirSync(folder), ['file'])
})

for (const [what, owner] of [
  ['a process that lives', `${process.pid} ${hostname()} - ${namespace} x`],
  ['another container of this name, of whose processes nothing is known', `${gone} ${hostname()} - pid:[1] x`],
  ['another machine, of whose processes nothing is known', `${gone} elsewhere - ${namespace} x`],
] as const) {
  t.test(`the lock of ${what} is waited for, then named`, async (t) => {
    const file = join(t.testdir({ file: '' }), 'file')
    writeFileSync(`${file}.lock`, owner)
    await t.rejects(withLock(file, async () => 'done', { patience: 60 }), { message: /file\.lock is held by another command/ })
    t.equal(readFileSync(`${file}.lock`, 'utf8'), owner)
  })
}
