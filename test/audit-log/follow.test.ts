import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createFileSink } from '../../src/audit/sinks/file.ts'
import { followLog } from '../../src/audit-log/follow.ts'
import { loggedLine } from '../support/audit-lines.ts'
import { plainChain } from '../support/plain-chain.ts'

const line = (auditID: string) => `${loggedLine({ auditID })}\n`
const aside = (second: string) => `audit-2026-11-21T10-00-${second}.000.log`

/** Follows a log and tells what has come, once it has come to rest: the id of an event, the kind of a fault. */
function follow(t: Test, path: string, known: readonly string[] = []) {
  const ended = new AbortController()
  const entries = followLog(path, { known, signal: ended.signal, interval: 1 })
  const seen: string[] = []
  t.teardown(async () => { ended.abort(); await entries.return() })
  const step = async () => {
    const { value, done } = await entries.next()
    if (done === true || value === undefined) return undefined
    seen.push(...value.map(entry => entry.kind === 'event' ? entry.event.auditID : entry.fault.kind))
    return value.length
  }
  return {
    seen,
    /** Until nothing new came in two looks, and so many there are. */
    async rest(count = 0) {
      for (let empty = 0; empty < 2 || seen.length < count;) empty = await step() === 0 ? empty + 1 : 0
      return seen
    },
    async end() {
      ended.abort()
      while (await step() !== undefined);
      return seen
    },
  }
}

/** All that there is; `meanwhile` is called once, when something of it has been read. */
async function all(path: string, known: readonly string[] = [], meanwhile = () => {}) {
  const seen: string[] = []
  for await (const entries of followLog(path, { known, once: true, signal: new AbortController().signal })) {
    if (seen.length === 0 && entries.length > 0) meanwhile()
    seen.push(...entries.map(entry => entry.kind === 'event' ? entry.event.auditID : entry.fault.kind))
  }
  return seen
}

t.test('what is there, then what is written; a line once it is whole', async (t) => {
  const path = join(t.testdir({ 'audit.log': line('1') }), 'audit.log')
  const { rest } = follow(t, path)
  t.strictSame(await rest(), ['1'])
  appendFileSync(path, line('2').slice(0, 100))
  t.strictSame(await rest(), ['1'])
  appendFileSync(path, `${line('2').slice(100)}${line('3')}`)
  t.strictSame(await rest(), ['1', '2', '3'])
})

t.test('what is cut when the following ends is named', async (t) => {
  const path = join(t.testdir({ 'audit.log': `${line('1')}${line('2').slice(0, 100)}` }), 'audit.log')
  const { rest, end } = follow(t, path)
  await rest()
  t.strictSame(await end(), ['1', 'cut'])
})

t.test('a file that is not there yet is waited for', async (t) => {
  const path = join(t.testdir(), 'audit.log')
  const { rest } = follow(t, path)
  t.strictSame(await rest(), [])
  writeFileSync(path, line('1'))
  t.strictSame(await rest(), ['1'])
})

t.test('through a rotation: the old file to its end, then the new', async (t) => {
  const folder = t.testdir({ [aside('00')]: line('before'), 'audit.log': line('1') })
  const path = join(folder, 'audit.log')
  const { rest } = follow(t, path, [join(folder, aside('00'))])
  await rest()
  appendFileSync(path, line('2'))
  renameSync(path, join(folder, aside('01')))
  t.strictSame(await rest(), ['1', '2'], 'and what is still written to it')
  appendFileSync(join(folder, aside('01')), line('3'))
  writeFileSync(path, line('4'))
  t.strictSame(await rest(), ['1', '2', '3', '4'])
})

t.test('through several rotations between two looks, compressed ones too', async (t) => {
  const folder = t.testdir({ 'audit.log': line('1') })
  const path = join(folder, 'audit.log')
  const { rest } = follow(t, path)
  await rest()
  renameSync(path, join(folder, aside('01')))
  writeFileSync(join(folder, aside('02')), line('2'))
  writeFileSync(join(folder, `${aside('03')}.gz`), gzipSync(line('3')))
  writeFileSync(path, line('4'))
  t.strictSame(await rest(), ['1', '2', '3', '4'])
})

t.test('a file that was put aside and compressed at once is not read again', async (t) => {
  const folder = t.testdir({ 'audit.log': line('1') })
  const path = join(folder, 'audit.log')
  const { rest } = follow(t, path)
  await rest()
  rmSync(path)
  writeFileSync(join(folder, `${aside('01')}.gz`), gzipSync(line('1')))
  writeFileSync(path, line('2'))
  t.strictSame(await rest(), ['1', '2'])
})

t.test('what was put aside between the listing and the first look is read, before the file', async (t) => {
  const folder = t.testdir({ [aside('00')]: line('0'), [aside('01')]: line('1'), 'audit.log': line('2') })
  const { rest } = follow(t, join(folder, 'audit.log'), [join(folder, aside('00'))])
  t.strictSame(await rest(), ['1', '2'])
})

t.test('once: what was put aside, oldest first, then the file; what is cut is named', async (t) => {
  const folder = t.testdir({ [aside('00')]: line('too old'), [aside('02')]: line('2'), 'audit.log': `${line('3')}${line('4').slice(0, 100)}` })
  writeFileSync(join(folder, `${aside('01')}.gz`), gzipSync(line('1')))
  t.strictSame(await all(join(folder, 'audit.log'), [join(folder, aside('00'))]), ['1', '2', '3', 'cut'])
})

t.test('once: what is put aside while what is older is read is not missed, be there a new file or not', async (t) => {
  for (const next of [line('3'), undefined]) {
    const folder = t.testdir({ [aside('00')]: line('1'), 'audit.log': line('2') })
    const path = join(folder, 'audit.log')
    const seen = await all(path, [], () => {
      renameSync(path, join(folder, aside('01')))
      if (next !== undefined) writeFileSync(path, next)
    })
    t.strictSame(seen, next === undefined ? ['1', '2'] : ['1', '2', '3'])
  }
})

t.test('a log that cannot be read is an entry, and the end', async (t) => {
  const folder = t.testdir({ 'audit.log': {} })
  const unreadable = await all(join(folder, 'audit.log', 'x', '\0'))
  t.strictSame(unreadable, ['unreadable'])
})

t.test('a file that is emptied in its place is read from its beginning', async (t) => {
  const path = join(t.testdir({ 'audit.log': `${line('1')}${line('2')}` }), 'audit.log')
  const { rest } = follow(t, path)
  await rest()
  truncateSync(path)
  await rest()
  appendFileSync(path, line('3'))
  t.strictSame(await rest(), ['1', '2', '3'])
})

t.test('beside the sink that writes it, over many rotations: every line once, in order', async (t) => {
  const path = join(t.testdir(), 'audit.log')
  const sink = createFileSink({ path, maxSize: 20_000, keep: 1000, wait: 1, chain: plainChain() })
  sink.attach({ dropped() {}, failed() {} })
  const ids = Array.from({ length: 2000 }, (_, i) => `id-${i}`)
  const { rest } = follow(t, path)
  const writing = (async () => {
    for (const [index, id] of ids.entries()) {
      sink.write(line(id).trimEnd())
      if (index % 20 === 0) await new Promise(setImmediate)
    }
    await sink.close()
  })()
  t.strictSame(await rest(ids.length), ids)
  await writing
})
