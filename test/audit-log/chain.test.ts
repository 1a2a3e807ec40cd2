// What a file sink writes is one chain, whatever happens to its files and its process.
import { readdirSync, readFileSync, renameSync, appendFileSync, truncateSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createChain } from '../../src/audit-log/chain.ts'
import { linkAnnotations, readLink } from '../../src/audit-log/chain-link.ts'
import { verifyChain } from '../../src/audit-log/chain-verify.ts'
import type { AuditEvent } from '../../src/audit/event.ts'
import { createFileSink, type FileSinkOptions } from '../../src/audit/sinks/file.ts'
import { faultsOfEvent } from '../support/audit-schema.ts'
import { chained, eventLine } from '../support/chained.ts'

function start(path: string, options: Partial<FileSinkOptions> = {}) {
  const sink = createFileSink({ path, maxSize: 1e6, keep: 100, chain: createChain(), wait: 1, backOff: { first: 1, last: 5 }, ...options })
  const errors: Error[] = []
  sink.attach({ dropped() {}, failed: error => { errors.push(error) } })
  return { sink, errors }
}

/** Writes lines as one process does from its start to its end. */
async function run(path: string, ids: readonly string[], options: Partial<FileSinkOptions> = {}) {
  const { sink, errors } = start(path, options)
  for (const id of ids) await sink.writeNow(eventLine(id))
  await sink.close()
  return errors
}

const filesOf = (folder: string) => readdirSync(folder).map(name => join(folder, name))
const verifyAll = (folder: string) => verifyChain(filesOf(folder))

t.test('a line with its link is an event as before, and two annotations longer', async (t) => {
  const lines = chained(2).map(line => JSON.parse(line.toString()) as AuditEvent)
  const [, second] = lines
  t.strictSame(lines.map(faultsOfEvent), [[], []])
  t.equal(second?.annotations?.[linkAnnotations.sequence], '2')
  const { [linkAnnotations.previous]: previous, [linkAnnotations.sequence]: _, ...others } = second?.annotations ?? {}
  t.match(previous, /^[0-9a-f]{64}$/)
  t.strictSame({ ...second, annotations: others }, JSON.parse(eventLine('id-1')))
})

t.test('events whose annotations are missing, empty, or not the last member get their link in them', async (t) => {
  for (const line of ['{"kind":"Event"}', '{"kind":"Event","annotations":{}}', '{"annotations":{"a":"}\\\\\\"{"},"user":{"x":{}}}', '{"requestObject":{"annotations":{}}}', '{"annotations":{"ü\\"":"\u00e9"},"b":{"c":"d"}}']) {
    const { bytes, lines } = createChain().link(Buffer.from(`${line}\n`))
    const text = bytes.subarray(0, lines[0]?.end)
    const { annotations, ...rest } = JSON.parse(text.toString()) as Record<string, Record<string, string>>
    const { annotations: before = {}, ...restBefore } = JSON.parse(line) as Record<string, Record<string, string>>
    t.strictSame(rest, restBefore)
    t.match(annotations, { ...before, [linkAnnotations.sequence]: '1' })
    t.equal(readLink(text)?.sequence, 1)
  }
})

t.test('what was escaped so that it prints harmlessly stays so, however long numbers become', async (t) => {
  const { bytes } = createChain().link(Buffer.from('{"annotations":{},"userAgent":"\\u009b31m\\u202e","n":[1e20,1e20,1e20]}\n'))
  t.match(bytes.toString(), '"userAgent":"\\u009b31m\\u202e"')
  t.match(JSON.parse(bytes.toString()), { annotations: { [linkAnnotations.sequence]: '1' } })
})

t.test('what a caller sends cannot pass for a link', async (t) => {
  const forged = `x","${linkAnnotations.previous}":"${'0'.repeat(64)}","${linkAnnotations.sequence}":"1"}}`
  t.equal(readLink(Buffer.from(JSON.stringify({ annotations: { a: forged } }))), undefined)
})

t.test('the chain goes on over a restart and over rotation, also where a process begins with a new file', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  for (let process = 0; process < 4; process++) {
    await run(path, Array.from({ length: 5 }, (_, i) => `p${process}-${i}`), { maxSize: 2000 })
    // A crash just after a file was put aside.
    if (process === 1) renameSync(path, join(folder, 'audit-2099-01-01T00-00-00.000.log'))
  }
  const verified = await verifyAll(folder)
  t.match(verified, { fault: undefined, lines: 20, first: { sequence: 1 }, last: { sequence: 20 }, cut: [] })
  t.ok(verified.files.length > 5)
})

t.test('and behind a file that was put aside and compressed', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  await run(path, ['a', 'b'])
  writeFileSync(join(folder, 'audit-2026-01-01T00-00-00.000.log.gz'), gzipSync(readFileSync(path)))
  truncateSync(path)
  await run(path, ['c'])
  t.match(await verifyAll(folder), { fault: undefined, lines: 3 })
})

t.test('a line that a crash cut is closed off and told of; the rest of it is then part of the chain', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  await run(path, ['a', 'b', 'c'])
  truncateSync(path, statSync(path).size - 40)
  t.match(await verifyAll(folder), { fault: undefined, lines: 2, openEnd: { file: path, line: 3 } }, 'before the next start: an open end')
  await run(path, ['d'])
  t.match(await verifyAll(folder), { fault: undefined, lines: 3, cut: [{ at: { file: path, line: 3 } }], openEnd: undefined })

  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"auditID":"c"', '"auditID":"x"'))
  t.match((await verifyAll(folder)).fault, { kind: 'changed', at: { file: path, line: 3 } })
  writeFileSync(path, text.split('\n').toSpliced(2, 1).join('\n'))
  t.match((await verifyAll(folder)).fault, { kind: 'missing', at: { file: path, line: 3 } })
})

t.test('a whole line that lacks its line break only is a whole one', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  await run(path, ['a', 'b'])
  truncateSync(path, statSync(path).size - 1)
  t.match(await verifyAll(folder), { fault: undefined, lines: 2, openEnd: undefined })
  await run(path, ['c'])
  t.match(await verifyAll(folder), { fault: undefined, lines: 3, cut: [] })
})

t.test('what somebody appended while nobody wrote is no cut line', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  await run(path, ['a', 'b'])
  appendFileSync(path, `${eventLine('forged')}\n`)
  t.match((await verifyAll(folder)).fault, { kind: 'added', at: { line: 3 } })
  await run(path, ['c'])
  t.match((await verifyAll(folder)).fault, { kind: 'added', at: { line: 3 } })
})

t.test('behind lines of a version before the chain it begins, and says so', async (t) => {
  const folder = t.testdir({ 'audit.log': `${eventLine('old-1')}\n${eventLine('old-2')}\n{"kind":"Ev` })
  const path = join(folder, 'audit.log')
  await run(path, ['a', 'b'])
  t.match(await verifyAll(folder), { fault: undefined, lines: 2, unlinked: 2, cut: [{ at: { line: 3 } }] })
})

t.test('a log that was taken away shows as a chain that begins anew', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'audit.log')
  await run(path, ['a', 'b'])
  renameSync(path, join(folder, 'moved'))
  await run(path, ['c', 'd'])
  const { fault } = await verifyChain([path, join(folder, 'moved')])
  t.equal(fault?.kind, 'begun-anew')
})

t.test('the oldest files may be gone; one in the middle may not', async (t) => {
  const folder = t.testdir()
  await run(join(folder, 'audit.log'), Array.from({ length: 8 }, (_, i) => `${i}`), { maxSize: 1500 })
  const { files } = await verifyAll(folder)
  t.ok(files.length >= 3)
  t.match(await verifyChain(files.slice(1)), { fault: undefined })
  const { fault } = await verifyChain(files.toSpliced(1, 1))
  t.match(fault, { kind: 'missing', at: { file: files[2], line: 1 } })
})

t.test('an end of the log before that cannot be read costs no line: the chain begins anew, and that is told', async (t) => {
  const folder = t.testdir({ 'audit-2026-01-01T00-00-00.000.log.gz': 'not gzip' })
  const path = join(folder, 'audit.log')
  const errors = await run(path, ['a'])
  t.match(errors, [{ message: /hash chain begins anew/ }])
  t.match(await verifyChain([path]), { fault: undefined, lines: 1 })
})

t.test('a write that fails in the middle of a line leaves a chain that tells of it', async (t) => {
  const chain = createChain()
  const chunk = Buffer.from(['a', 'b', 'c'].map(id => `${eventLine(id)}\n`).join(''))
  const linked = chain.link(chunk)
  const second = linked.lines[1]
  const written = (second?.start ?? 0) + 100
  t.equal(chain.wrote(linked, written), 1)
  const cut = Buffer.from(linked.bytes.subarray(0, written))
  const rest = chain.link(Buffer.from(['b', 'c'].map(id => `${eventLine(id)}\n`).join('')))
  const path = join(t.testdir(), 'audit.log')
  writeFileSync(path, Buffer.concat([cut, Buffer.from('\n'), rest.bytes]))
  t.match(await verifyChain([path]), { fault: undefined, lines: 3, cut: [{ at: { line: 2 } }] })
})

t.test('what a link costs a line', async (t) => {
  const chunk = Buffer.from(Array.from({ length: 200 }, (_, i) => `${eventLine(`id-${i}`)}\n`).join(''))
  const chain = createChain()
  for (let warm = 0; warm < 50; warm++) chain.link(chunk)
  const began = process.cpuUsage()
  const rounds = 200
  for (let round = 0; round < rounds; round++) chain.wrote(chain.link(chunk), chunk.length * 2)
  const { user, system } = process.cpuUsage(began)
  const each = (user + system) / rounds / 200
  t.comment(`${each.toFixed(2)} µs of processor time for a line of ${Math.round(chunk.length / 200)} bytes`)
  t.ok(each < 100)
})
