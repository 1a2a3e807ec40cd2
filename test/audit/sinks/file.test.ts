import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createFileSink } from '../../../src/audit/sinks/file.ts'
import type { FileSinkOptions } from '../../../src/audit/sinks/file.ts'
import { plainChain } from '../../support/plain-chain.ts'
import { rotate } from '../../../src/audit/sinks/rotate.ts'
import { tidy } from '../../../src/audit/sinks/tidy.ts'

const at = Date.UTC(2026, 10, 21, 10)

function start(folder: string, options: Partial<FileSinkOptions> = {}) {
  const path = options.path ?? join(folder, 'audit.log')
  const sink = createFileSink({ path, maxSize: 1e6, keep: 3, chain: plainChain(), wait: 1, backOff: { first: 1, last: 5 }, ...options })
  const errors: Error[] = []
  let failed: (error: Error) => void = () => {}
  const firstError = new Promise<Error>((resolve) => { failed = resolve })
  sink.attach({ dropped() {}, failed: (error) => { errors.push(error); failed(error) } })
  return { path, sink, errors, firstError }
}

const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1)

t.test('lines are appended to a file that only we may read', async (t) => {
  const folder = t.testdir()
  for (const line of ['first', 'second']) {
    const { sink, path } = start(folder)
    sink.write(line)
    await sink.close()
    t.equal(statSync(path).mode & 0o777, 0o600)
  }
  t.strictSame(linesOf(join(folder, 'audit.log')), ['first', 'second'])
})

t.test('a line written now is in the file when that resolves', async (t) => {
  const { sink, path } = start(t.testdir())
  await sink.writeNow('ünïcode')
  t.strictSame(linesOf(path), ['ünïcode'])
  await sink.close()
})

t.test('what a crash left of a line is not joined by the next', async (t) => {
  const { sink, path } = start(t.testdir({ 'audit.log': 'whole\n{"kind":"Ev' }))
  await sink.writeNow('next')
  t.strictSame(linesOf(path), ['whole', '{"kind":"Ev', 'next'])
  await sink.close()
})

t.test('a full file is put aside, the newest are kept, and no line is lost meanwhile', async (t) => {
  const folder = t.testdir()
  const { sink, path } = start(folder, { maxSize: 20, keep: 100 })
  const lines = Array.from({ length: 30 }, (_, i) => `line-${i}`)
  for (const line of lines) sink.write(line)
  await sink.close()
  const aside = readdirSync(folder).filter(name => name !== 'audit.log').sort()
  t.ok(aside.every(name => /^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$/.test(name)), aside.join())
  const all = [...aside.map(name => join(folder, name)), path]
  t.ok(all.every(file => statSync(file).size <= 20), 'and no file is larger than it may be')
  t.strictSame(all.flatMap(linesOf), lines)
})

t.test('beyond keep the oldest go, and nothing else of the folder does', async (t) => {
  const others = ['audit-notes.log', 'audit.log.1', 'other-2026-11-21T10-00-00.000.log']
  const folder = t.testdir(Object.fromEntries(others.map(name => [name, 'x'])))
  const path = join(folder, 'audit.log')
  for (let i = 0; i < 5; i++) {
    writeFileSync(path, `${i}`)
    await rotate(path, { at })
    await tidy(path, { keep: 2, now: at })
  }
  const aside = readdirSync(folder).filter(name => !others.includes(name))
  t.strictSame(aside, ['audit-2026-11-21T10-00-00.003.log', 'audit-2026-11-21T10-00-00.004.log'])
  t.strictSame(aside.map(name => readFileSync(join(folder, name), 'utf8')), ['3', '4'], 'a taken name is not written over')
  for (const name of others) t.ok(readdirSync(folder).includes(name))
})

t.test('a file that was moved away is opened anew', async (t) => {
  let now = at
  const { sink, path } = start(t.testdir(), { now: () => now })
  await sink.writeNow('before')
  renameSync(path, `${path}.1`)
  now += 1_000
  await sink.writeNow('after')
  t.strictSame(linesOf(`${path}.1`), ['before'])
  t.strictSame(linesOf(path), ['after'])
  await sink.close()
})

t.test('a path that cannot be opened is told and tried again, and the line is not lost', async (t) => {
  const folder = t.testdir({ 'audit.log': {} })
  const { sink, path, firstError } = start(folder)
  await t.rejects(sink.writeNow('kept'), { code: 'EISDIR' })
  t.equal((await firstError as NodeJS.ErrnoException).code, 'EISDIR')
  t.notOk(sink.healthy())
  renameSync(path, join(folder, 'aside'))
  await sink.close()
  t.strictSame(linesOf(path), ['kept'])
})

t.test('a full disk is told', async (t) => {
  const { sink } = start(t.testdir(), { path: '/dev/full' })
  await t.rejects(sink.writeNow('lost'), { name: 'IncompleteWrite', cause: { code: 'ENOSPC' } })
  t.notOk(sink.healthy())
  await sink.close()
})

t.test('a file that cannot be put aside costs no line: it grows, and that is told once', async (t) => {
  // Root may rename in any folder; but a name that is too long is refused to root, too.
  const folder = t.testdir()
  const { sink, path, errors } = start(folder, { path: join(folder, 'a'.repeat(240)), maxSize: 10 })
  for (const line of ['12345678', 'abcdefgh', 'ABCDEFGH']) await sink.writeNow(line)
  t.strictSame(linesOf(path), ['12345678', 'abcdefgh', 'ABCDEFGH'])
  t.strictSame(errors.map(error => error.message), ['the audit file could not be put aside'])
  t.ok(sink.healthy())
  await sink.close()
})

t.test('a full disk is named with the file, and with what to do', async (t) => {
  const { sink } = start('/dev', { path: '/dev/full' })
  const errors: string[] = []
  sink.attach({ dropped() {}, failed: error => errors.push(error.message) })
  await t.rejects(sink.writeNow('a'), { message: '/dev/full cannot be written: no space is left there; free some, or lower maxSize, keep or keepFor' })
  await sink.close()
  t.match(errors[0], /^\/dev\/full cannot be written/)
})
