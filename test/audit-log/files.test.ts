import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rotate } from '../../src/audit/sinks/rotate.ts'
import { findLogFiles } from '../../src/audit-log/files.ts'

const at = Date.UTC(2026, 10, 21, 10)

async function found(path: string): Promise<string[]> {
  return (await findLogFiles(path)).map(file => file.path.slice(file.path.lastIndexOf('/') + 1))
}

for (const name of ['audit.log', 'audit', 'a.b.log', 'audit-2026.log']) {
  t.test(`what rotation puts aside of ${name} is found again, oldest first, with when that was`, async (t) => {
    const path = join(t.testdir(), name)
    for (const time of [at, at - 5000, at + 60_000]) {
      writeFileSync(path, '')
      await rotate(path, { at: time })
    }
    writeFileSync(path, '')
    // A clock that went back: rotation keeps the order all the same.
    t.strictSame((await findLogFiles(path)).map(({ asideAt }) => asideAt), [at, at + 1, at + 60_000, undefined])
  })
}

t.test('compressed files too, but no copy of what is there as well, and nothing of others', async (t) => {
  const aside = (second: string) => `audit-2026-11-21T10-00-${second}.000.log`
  const folder = t.testdir(Object.fromEntries([
    'audit.log', aside('02'), `${aside('01')}.gz`, aside('03'), `${aside('03')}.gz`,
    'audit-notes.log', 'audit.log.1', `other${aside('01')}`, 'audit-2026-13-41T10-00-00.000.log', 'audit-2026-11-21T10:00:00.000.log',
  ].map(name => [name, ''])))
  t.strictSame(await found(join(folder, 'audit.log')), [`${aside('01')}.gz`, aside('02'), aside('03'), 'audit.log'])
})

t.test('what is not there is left out', async (t) => {
  const folder = t.testdir({ 'audit.log': '' })
  renameSync(join(folder, 'audit.log'), join(folder, 'audit-2026-11-21T10-00-00.000.log'))
  t.strictSame(await found(join(folder, 'audit.log')), ['audit-2026-11-21T10-00-00.000.log'])
  mkdirSync(join(folder, 'empty'))
  t.strictSame(await found(join(folder, 'empty', 'audit.log')), [])
  t.strictSame(await found(join(folder, 'nowhere', 'audit.log')), [])
})
