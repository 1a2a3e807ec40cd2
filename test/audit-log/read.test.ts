import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { judgeLine } from '../../src/audit-log/event.ts'
import { fileSource, streamSource, type LogSource } from '../../src/audit-log/source.ts'
import { readLog, type LogEntry, type ReadOptions } from '../../src/audit-log/read.ts'
import { loggedLine } from '../support/audit-lines.ts'

const line = (auditID: string) => loggedLine({ auditID })

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const from = (text: string | Buffer, size = 7): LogSource => streamSource('-', inPieces(Buffer.from(text), size))

async function read(sources: readonly LogSource[], options?: ReadOptions): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const some of readLog(sources, options)) entries.push(...some)
  return entries
}

/** `id` of a sound one, else `line kind`. */
const brief = (entries: readonly LogEntry[]) => entries.map(entry => entry.kind === 'event' ? entry.event.auditID : `${entry.line} ${entry.fault.kind}`)

t.test('files are read one after the other, packed or not, whatever they are called', async (t) => {
  const folder = t.testdir()
  const files = [
    ['old.log.gz', Buffer.concat([gzipSync(`${line('1')}\n`), gzipSync(`${line('2')}\n`)])],
    ['packed-all-the-same', gzipSync(`${line('3')}\n`)],
    ['not-packed.gz', `${line('4')}\n`],
    ['empty.log', ''],
    ['new.log', `${line('5')}\n\n${line('6')}`],
  ] as const
  for (const [name, content] of files) writeFileSync(join(folder, name), content)
  let bytes = 0
  const entries = await read(files.map(([name]) => fileSource(join(folder, name))), { onBytes: (count) => { bytes += count } })
  t.strictSame(brief(entries), ['1', '2', '3', '4', '5', '6'])
  t.strictSame(entries.map(({ line }) => line), [1, 2, 1, 1, 1, 3])
  t.equal(entries[5]?.kind === 'event' && entries[5].bytes.toString(), line('6'), 'the bytes are those of the line')
  t.equal(bytes, files.reduce((sum, [, content]) => sum + Buffer.byteLength(content), 0))
})

t.test('packed input may come byte by byte', async (t) => {
  t.strictSame(brief(await read([from(gzipSync(`${line('1')}\n${line('2')}\n`), 1)])), ['1', '2'])
})

const whole = line('1')
for (const [what, text, expected] of [
  ['words of another program', 'Starting up\n', '1 foreign'],
  ['JSON of another program', '{"level":30,"msg":"up"}\n', '1 foreign'],
  ['JSON that is no object', '[1]\n', '1 foreign'],
  ['a list of events', '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]}\n', '1 foreign'],
  ['an event of a newer version', `${whole.replace('audit.k8s.io/v1', 'audit.k8s.io/v2')}\n`, '1 version'],
  ['a line that breaks off, with others behind it', `${whole.slice(0, 300)}\n`, '1 damaged'],
  ['a line with damage in it', `${whole.replace('"verb":', '"verb"')}\n`, '1 damaged'],
  ['two lines in one', `${whole}${whole}\n`, '1 damaged'],
  ['what a loss of power leaves', `\0\0\0${whole}\n`, '1 damaged'],
  ['an event without a stage', `${whole.replace('"stage"', '"stagf"')}\n`, '1 damaged'],
  ['an event with a stage that there is not', `${whole.replace('ResponseComplete', 'Done')}\n`, '1 damaged'],
  ['an event whose time is none', `${whole.replace('2026-11-21T10:00:00.012000Z', 'today')}\n`, '1 damaged'],
  ['an event whose code is a text', `${whole.replace('"code":200', '"code":"200"')}\n`, '1 damaged'],
  ['an event whose annotation is a number', `${whole.replace('"1915"', '1915')}\n`, '1 damaged'],
  ['an event whose user is a name', `${whole.replace(/"user":\{.*?\}\}/, '"user":"ci"')}\n`, '1 damaged'],
] as const) {
  t.test(`${what}: named, and the next line is read`, async (t) => {
    t.strictSame(brief(await read([from(`${text}${line('next')}\n`)])), [expected, 'next'])
  })
}

t.test('a time is taken only where Date takes it', async (t) => {
  const two = fc.integer({ min: 0, max: 62 }).map(number => String(number).padStart(2, '0'))
  const zone = fc.oneof(fc.constant('Z'), fc.tuple(fc.constantFrom('+', '-'), two, two).map(([sign, hour, minute]) => `${sign}${hour}:${minute}`))
  fc.assert(fc.property(fc.integer({ min: 0, max: 9999 }), two, two, two, two, two, fc.constantFrom('', '.5', '.123456', `.${'1'.repeat(40)}`), zone, (year, month, day, hour, minute, second, fraction, zone) => {
    const time = `${String(year).padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}${fraction}${zone}`
    if ('event' in judgeLine(loggedLine({ stageTimestamp: time }))) new Date(time).toISOString()
  }), { numRuns: 20_000 })
  t.pass()
})

t.test('a last line that is cut is told apart from one that is damaged', async (t) => {
  for (const length of [1, 5, 40, whole.length - 1]) t.strictSame(brief(await read([from(whole.slice(0, length))])), ['1 cut'])
  t.strictSame(brief(await read([from(whole)])), ['1'], 'without its newline alone it is whole')
  t.strictSame(brief(await read([from(whole.replace('"verb":', '"verb"'))])), ['1 damaged'])
  t.strictSame(brief(await read([from('hello')])), ['1 foreign'])
  t.strictSame(brief(await read([from(`${whole.slice(0, 300)}\n`)])), ['1 damaged'])
})

t.test('a line that is too long is named, and not held', async (t) => {
  t.strictSame(brief(await read([from(`${'x'.repeat(5000)}\n${line('next')}\n`, 100)], { longestLine: 2000 })), ['1 too-long', 'next'])
})

t.test('what cannot be read is named, and the next file is read', async (t) => {
  const folder = t.testdir({ folder: {}, 'log': `${line('1')}\n` })
  const entries = await read([...['missing', 'folder', 'log'].map(name => fileSource(join(folder, name)))])
  t.strictSame(brief(entries), ['0 unreadable', '0 unreadable', '1'])
  t.match(entries[0], { file: join(folder, 'missing'), fault: { why: 'does not exist' } })
  t.match(entries[1], { fault: { why: 'is a folder, not a file' } })
})

t.test('of a packed file that ends in the middle, or is damaged there, all that could be unpacked is read', async (t) => {
  const lines = Array.from({ length: 20_000 }, (_, i) => line(`id-${Math.sin(i)}`)).join('\n')
  const packed = gzipSync(`${lines}\n`)
  const cutOff = await read([from(packed.subarray(0, packed.length / 2), 65_536), from(`${line('next')}\n`)])
  t.match(cutOff.at(-2), { line: 0, fault: { kind: 'unreadable', why: /ends in the middle/ } })
  t.match(cutOff.at(-3), { fault: { kind: 'cut' } })
  t.ok(cutOff.length > 9000, `${cutOff.length} lines`)
  t.equal(brief(cutOff).at(-1), 'next')
  const damaged = Buffer.from(packed)
  damaged.fill(0xff, packed.length / 2, packed.length / 2 + 100)
  const broken = await read([from(damaged, 65_536)])
  t.match(broken.at(-1), { line: 0, fault: { kind: 'unreadable', why: /damaged/ } })
  t.ok(broken.length > 5000, `${broken.length} lines`)
})

t.test('whoever reads may stop in the middle, and the file is closed', async (t) => {
  const folder = t.testdir({ log: `${line('1')}\n`.repeat(10_000) })
  let closed = false
  const source = fileSource(join(folder, 'log'))
  const watched: LogSource = { name: 'log', async* open() { try { yield* source.open() } finally { closed = true } } }
  for await (const some of readLog([watched])) if (some.length > 0) break
  t.ok(closed)
})
