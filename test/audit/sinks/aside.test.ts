// What is put aside: when, for how long, and how small.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { createChain } from '../../../src/audit-log/chain.ts'
import { verifyChain } from '../../../src/audit-log/chain-verify.ts'
import { createFileSink, type FileSinkOptions } from '../../../src/audit/sinks/file.ts'
import { tidy } from '../../../src/audit/sinks/tidy.ts'
import { eventLine } from '../../support/chained.ts'
import { plainChain } from '../../support/plain-chain.ts'
import { until } from '../../support/until.ts'

const day = 86_400_000
const at = Date.UTC(2026, 10, 21, 10)

function start(folder: string, options: Partial<FileSinkOptions> = {}) {
  const path = join(folder, 'audit.log')
  const sink = createFileSink({ path, maxSize: 1e6, keep: 100, chain: plainChain(), wait: 1, backOff: { first: 1, last: 5 }, ...options })
  const errors: Error[] = []
  sink.attach({ dropped() {}, failed: (error) => { errors.push(error) } })
  return { path, sink, errors }
}

t.test('a file is put aside at an age, with the next line, and a day without lines makes no empty file', async (t) => {
  const folder = t.testdir()
  let now = at
  // The clock jumps while a write is being told done: no sink is slow for that.
  const { sink } = start(folder, { now: () => now, maxAge: day, patience: 2 ** 31 - 1 })
  await sink.writeNow('first')
  now += day - 1
  await sink.writeNow('within')
  now += 1
  await sink.writeNow('next')
  now += 10 * day
  await sink.writeNow('later')
  await sink.close()
  const files = readdirSync(folder).sort()
  t.strictSame(files, ['audit-2026-11-22T10-00-00.000.log', 'audit-2026-12-02T10-00-00.000.log', 'audit.log'])
  t.strictSame(files.map(name => readFileSync(join(folder, name), 'utf8')), ['first\nwithin\n', 'next\n', 'later\n'])
})

t.test('what was put aside too long ago goes, with its signature, at a start and when another is put aside', async (t) => {
  const aside = ['audit-2026-11-01T00-00-00.000.log.gz', 'audit-2026-11-01T00-00-00.000.log.jws', 'audit-2026-11-20T00-00-00.000.log', 'audit-2026-11-20T00-00-00.000.log.jws']
  const folder = t.testdir(Object.fromEntries(aside.map(name => [name, ''])))
  let now = at
  const { sink } = start(folder, { now: () => now, keepFor: 10 * day, maxSize: 10, patience: 2 ** 31 - 1 })
  await sink.writeNow('line 1')
  await until(() => readdirSync(folder).length === 3)
  t.strictSame(readdirSync(folder).sort(), [...aside.slice(2), 'audit.log'])
  now += 9 * day
  await sink.writeNow('line 2')
  await until(() => readdirSync(folder).length === 2)
  t.strictSame(readdirSync(folder).sort(), ['audit-2026-11-30T10-00-00.000.log', 'audit.log'])
  await sink.close()
})

t.test('what is put aside is compressed, which only we may read, and the chain goes on over it', async (t) => {
  const folder = t.testdir()
  for (const process of [0, 1]) {
    const { sink, errors } = start(folder, { chain: createChain(), maxSize: 2000, compress: true })
    for (let i = 0; i < 10; i++) await sink.writeNow(eventLine(`p${process}-${i}`))
    await until(() => readdirSync(folder).every(name => name === 'audit.log' || name.endsWith('.log.gz')))
    await sink.close()
    t.strictSame(errors, [])
  }
  const files = readdirSync(folder).map(name => join(folder, name))
  t.ok(files.length > 4)
  for (const file of files) t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(await verifyChain(files), { fault: undefined, lines: 20 })
})

t.test('a crash while one is compressed leaves nothing twice, and nothing half', async (t) => {
  const name = 'audit-2026-11-20T00-00-00.000.log'
  const folder = t.testdir({ [name]: 'lines\n', [`${name}.gz.part`]: 'half' })
  const path = join(folder, 'audit.log')
  await tidy(path, { keep: 10, compress: true, now: at })
  t.strictSame(readdirSync(folder), [`${name}.gz`])
  t.equal(gunzipSync(readFileSync(join(folder, `${name}.gz`))).toString(), 'lines\n')
  writeFileSync(join(folder, name), 'lines\n')
  await tidy(path, { keep: 10, compress: true, now: at })
  t.strictSame(readdirSync(folder), [`${name}.gz`])
})

t.test('a file that cannot be compressed stays as it is, costs no line, and is told', async (t) => {
  const name = 'audit-2026-11-20T00-00-00.000.log'
  const folder = t.testdir({ [name]: 'lines\n' })
  mkdirSync(join(folder, `${name}.gz.part`))
  const { sink, errors, path } = start(folder, { compress: true })
  await sink.writeNow('line')
  await until(() => errors.length > 0)
  t.match(errors, [{ message: 'what was put aside of the audit log could not be compressed or deleted' }])
  t.ok(sink.healthy())
  t.equal(readFileSync(path, 'utf8'), 'line\n')
  t.ok(readdirSync(folder).includes(name))
  await sink.close()
})

t.test('a process that ends does not wait for a long compression: the file is then as before', async (t) => {
  const name = 'audit-2026-11-20T00-00-00.000.log'
  const folder = t.testdir({ [name]: 'x'.repeat(1000) })
  await tidy(join(folder, 'audit.log'), { keep: 10, compress: true, now: at, signal: AbortSignal.abort() })
  t.strictSame(readdirSync(folder), [name])
})
