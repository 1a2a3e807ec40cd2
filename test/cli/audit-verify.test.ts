import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createChain } from '../../src/audit-log/chain.ts'
import { chained, eventLine } from '../support/chained.ts'
import { runCommand } from '../support/run-command.ts'

const text = (lines: readonly (Buffer | string)[]) => lines.map(line => `${line.toString()}\n`).join('')
const verify = (...args: string[]) => runCommand(['audit', 'verify', ...args])

t.test('a sound log: what it has, and where the proof ends', async (t) => {
  const lines = chained(5)
  const folder = t.testdir({ 'audit-2026-11-28T00-00-00.000.log': text(lines.slice(0, 3)), 'audit.log': text(lines.slice(3)) })
  const files = ['audit.log', 'audit-2026-11-28T00-00-00.000.log'].map(name => join(folder, name))
  const { code, stdout, stderr } = await verify(...files)
  t.strictSame([code, stderr], [0, ''])
  t.match(stdout, /^sound: 5 lines in 2 files, 1 to 5 of the chain\nthe end is .*\/audit\.log:2: whether lines behind it were cut off, .* does not tell\n$/)
  const json = JSON.parse((await verify('--json', ...files)).stdout) as unknown
  t.match(json, { sound: true, fault: null, lines: 5, files: files.toReversed(), begins: { sequence: 1 }, ends: { file: files[0], line: 2, sequence: 5, wholeLine: true }, cut: [] })
})

t.test('a log that is not: the line, and 1', async (t) => {
  const file = join(t.testdir({ 'audit.log': text(chained(4).toSpliced(1, 1)) }), 'audit.log')
  const { code, stdout } = await verify(file)
  t.equal(code, 1)
  t.match(stdout, new RegExp(`^${file}:2: missing: before this line line 2 of the chain is missing, behind ${file}:1\n$`))
  t.match(JSON.parse((await verify('--json', file)).stdout), { sound: false, fault: { kind: 'missing', file, line: 2 } })
})

t.test('2 where it cannot be told: no such file, no file at all, no line with a link', async (t) => {
  const folder = t.testdir({ 'old.log': text([eventLine('a')]), 'empty.log': '' })
  const gone = await verify(join(folder, 'gone.log'))
  t.equal(gone.code, 2)
  t.match(gone.stderr, /^portcullis audit verify: .*gone\.log/)
  t.equal((await verify()).code, 2)
  for (const name of ['old.log', 'empty.log']) {
    const { code, stdout } = await verify(join(folder, name))
    t.equal(code, 2)
    t.match(stdout, /^nothing is known: no line has a link/)
    t.match(JSON.parse((await verify('--json', join(folder, name))).stdout), { sound: null })
  }
})

t.test('a compressed file that ends in its middle cannot be told', async (t) => {
  const file = join(t.testdir(), 'audit.log.gz')
  writeFileSync(file, gzipSync(text(chained(50))).subarray(0, -20))
  const { code, stderr } = await verify(file)
  t.equal(code, 2)
  t.match(stderr, new RegExp(`${file}.*unexpected end of file`))
})

t.test('recordings that events name: changed ones are a fault, missing ones are told', async (t) => {
  const hash = (of: string) => createHash('sha256').update(of).digest('hex')
  const named = (name: string, sha256: string) => JSON.stringify({
    ...JSON.parse(eventLine(name)) as object, annotations: { 'portcullis.dev/recording': name, 'portcullis.dev/recording-sha256': sha256 },
  })
  const lines = [named('a.cast', hash('a')), named('b.cast', hash('b')), named('c.cast', hash('c')), named('../audit.log', hash('x')), eventLine('plain')]
  const { bytes } = createChain().link(Buffer.from(text(lines)))
  const folder = t.testdir({ 'audit.log': bytes, 'recordings': { 'a.cast': 'a', 'b.cast': 'changed', 'of-nobody.cast': 'x', 'open.cast.part': 'x', 'kept': {} } })
  const [file, recordings] = [join(folder, 'audit.log'), join(folder, 'recordings')]
  t.notMatch((await verify(file)).stdout, /^recordings:/m)
  const { code, stdout } = await verify('--recordings', recordings, file)
  t.equal(code, 1)
  t.match(stdout, new RegExp(`^not sound: 1 recording is not what was written\n${file}:2: changed: the recording b.cast is not [^\n]*\nthe log: sound: 5 lines[^]*\n${file}:3: the recording c.cast is not there: [^\n]*\nno event here names of-nobody.cast: its session is in other files of the log, [^\n]*\nno event here names open.cast.part: its session is open, or a crash left it so\nrecordings: 1 sound, 1 changed, 1 missing, 2 that no event here names\n$`))
  t.match(JSON.parse((await verify('--json', '--recordings', recordings, file)).stdout), { sound: false, chainSound: true, recordingsSound: false, recordings: { unnamed: ['of-nobody.cast', 'open.cast.part'], sound: 1, changed: [{ name: 'b.cast', at: { line: 2 } }], missing: [{ name: 'c.cast' }] } })
  writeFileSync(join(recordings, 'b.cast'), 'b')
  t.equal((await verify('--recordings', recordings, file)).code, 0, 'what was deleted for its age is no fault')
  const now = await verify('--recordings', recordings, file)
  t.match(now.stdout, /^sound: 5 lines/)
  t.match(JSON.parse((await verify('--json', '--recordings', recordings, file)).stdout), { sound: true, chainSound: true, recordingsSound: true })
  t.match(JSON.parse((await verify('--json', file)).stdout), { sound: true, chainSound: true, recordingsSound: null })
  for (const [name, why] of [['nowhere', 'does not exist'], ['audit.log', 'is no folder']] as const) {
    t.match(await verify('--recordings', join(folder, name), file), { code: 2, stderr: new RegExp(`${name} ${why}: name the folder that the config has as audit.recordings.folder`) })
  }
})
