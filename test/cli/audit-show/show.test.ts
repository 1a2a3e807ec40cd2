import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { LoggedEvent } from '../../../src/audit-log/event.ts'
import { auditShowCommand, type AuditShowArgs } from '../../../src/cli/audit-show/show.ts'
import { ear } from '../../support/command.ts'
import { runCommand } from '../../support/run-command.ts'
import { loggedLine } from '../../support/audit-lines.ts'

const text = (...events: Partial<LoggedEvent>[]) => events.map(event => `${loggedLine(event)}\n`).join('')
const denied = { auditID: 'b', verb: 'delete', responseStatus: { code: 403, reason: 'Forbidden', message: 'no rule' }, annotations: { 'portcullis.dev/code': 'ScopeDenied' } }

/** The second and third column of every row. */
const brief = (stdout: string) => stdout.split('\n').slice(0, -1).map(line => line.split(/ {2,}/).slice(1, 3).join(' '))

const config = (sinks: string) => `listen: { insecure: true }
clusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }]
audit: { sinks: [${sinks}] }
`

async function show(args: Partial<AuditShowArgs>, { stdin = [] as readonly (string | Buffer)[], tty = false } = {}) {
  const [stdout, stderr] = [Object.assign(ear(), { isTTY: tty }), Object.assign(ear(), { isTTY: tty })]
  const code = await auditShowCommand({ files: [], configFile: () => Promise.reject(new Error('no config')), ...args }, {
    stdin: Readable.from(stdin), stdout, stderr, now: () => Date.parse('2026-11-22T10:00:00Z'), signal: new AbortController().signal,
  })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

t.test('a line an event, of the files that are named, in their order, compressed ones and stdin too', async (t) => {
  const folder = t.testdir({ 'new.log': text({ verb: 'get' }), 'denied.log': text(denied) })
  writeFileSync(join(folder, 'old.log.gz'), gzipSync(text({ verb: 'create' })))
  const files = ['old.log.gz', 'new.log'].map(name => join(folder, name))
  const { code, stdout, stderr } = await runCommand(['audit', 'show', ...files, '-', join(folder, 'denied.log')], { stdin: text({ verb: 'watch' }) })
  t.strictSame([code, stderr], [0, ''])
  t.strictSame(brief(stdout), ['200 create', '200 get', '200 watch', '403 delete'])
  t.match(stdout, /ScopeDenied: no rule\n$/)
})

t.test('without files: what the config writes to, with what was put aside, oldest first', async (t) => {
  const folder = t.testdir({
    'p.yaml': config('stdout: {} }, { file: { path: logs/audit.log } }, { file: { path: copy.log } }'.replace(/^/, '{ ').replace(/ }$/, ' }')),
    'copy.log': text({ verb: 'get' }),
    'logs': {
      'audit.log': text({ verb: 'get', stageTimestamp: '2026-11-22T09:00:00.000000Z' }),
      'audit-2026-11-21T11-00-00.000.log': text({ verb: 'watch' }),
      'audit-notes.log': 'not of it\n',
    },
  })
  writeFileSync(join(folder, 'logs', 'audit-2026-11-20T10-00-00.000.log.gz'), gzipSync(text({ verb: 'create', stageTimestamp: '2026-11-20T09:00:00.000000Z' })))
  const args = ['audit', 'show', '--config', join(folder, 'p.yaml')]
  const all = await runCommand(args)
  t.strictSame(brief(all.stdout), ['200 create', '200 watch', '200 get'])
  t.match(all.stderr, /reading .*\/logs\/audit\.log; .*\/copy\.log has the same events/)
  t.strictSame(brief((await show({ configFile: async () => join(folder, 'p.yaml'), since: '23h' })).stdout), ['200 get'])
})

for (const [what, sinks, message] of [
  ['no file is written', '{ stdout: {} }', /no sink of .*p\.yaml is a file: name the files of the log, or - for stdin/],
  ['no file is there yet', '{ file: { path: audit.log } }', /there is no audit log at .*audit\.log yet/],
] as const) {
  t.test(`where ${what}, that is said`, async (t) => {
    const folder = t.testdir({ 'p.yaml': config(sinks) })
    const { code, stdout, stderr } = await runCommand(['audit', 'show', '--config', join(folder, 'p.yaml')])
    t.strictSame([code, stdout], [1, ''])
    t.match(stderr, message)
  })
}

t.test('of a request that ended its end alone; its beginning where the log has no end of it', async (t) => {
  const stages = (auditID: string, verb: string, ...stages: LoggedEvent['stage'][]) => stages.map(stage => ({ auditID, verb, stage }))
  const log = text(
    ...stages('lost', 'create', 'RequestReceived'), ...stages('open', 'watch', 'RequestReceived', 'ResponseStarted'),
    ...stages('done', 'list', 'RequestReceived', 'ResponseStarted', 'ResponseComplete'), ...stages('died', 'patch', 'ResponseStarted', 'Panic'))
  const { code, stdout } = await show({ files: ['-'] }, { stdin: [log] })
  t.equal(code, 0)
  t.strictSame(stdout.split('\n').slice(0, -1).map(line => line.split(/ {2,}/).slice(2, 7)).map(cells => `${cells[0]} ${cells[4]}`), ['list 12ms', 'patch 12ms', 'create no end', 'watch open'])
})

t.test('only what is asked for is shown', async (t) => {
  const folder = t.testdir({ log: text({}, denied, { ...denied, user: { username: 'bot' } }) })
  for (const [args, count] of [[['--denied'], 2], [['--caller', 'ci', '--caller', 'bot', '--code', '403'], 2], [['--caller', 'ci', '--denied'], 1], [['-n', 'team-b'], 0], [['--since', '2026-11-21T00:00:00Z', '--resource', 'pods', '--verb', 'list'], 1]] as const) {
    const { code, stdout } = await runCommand(['audit', 'show', ...args, join(folder, 'log')])
    t.strictSame([code, brief(stdout).length], [0, count], args.join(' '))
  }
})

t.test('where nothing matches that is said, and of names that are nowhere in the log which there are', async (t) => {
  const log = text({}, { user: { username: 'bot' } }, { user: {} })
  const said = async (args: Partial<AuditShowArgs>, stdin = log) => {
    const { code, stdout, stderr } = await show({ files: ['-'], ...args }, { stdin: [stdin] })
    t.strictSame([code, stdout], [0, ''])
    return stderr
  }
  t.equal(await said({ verb: ['delete'] }), 'portcullis audit show: no event matches; 3 were read\n')
  t.equal(await said({ caller: ['cj'], cluster: ['test'] }), `portcullis audit show: no event matches; 3 were read
portcullis audit show: no event has caller "cj"; is ci meant?; there are: bot, ci
portcullis audit show: no event has cluster "test"; there are: prod
`)
  t.equal(await said({ caller: ['ci'], verb: ['delete'] }), 'portcullis audit show: no event matches; 3 were read\n')
  const many = await said({ caller: ['nobody-like-it'] }, text(...Array.from({ length: 1100 }, (_, index) => ({ user: { username: `c${index}\u202e` } }))))
  t.match(many, /and at least 980 more\n$/)
  t.notMatch(many, /\u202e/)
  t.equal((await show({ files: ['-'], caller: ['cj', 'ci'] }, { stdin: [log] })).stderr, '', 'what there is, is shown')
})

t.test('of a request whose end the policy leaves out its beginning stands in its place', async (t) => {
  const annotations = { 'portcullis.dev/omitted-stages': 'ResponseComplete,Panic' }
  const log = text(
    { auditID: 'a', stage: 'RequestReceived', verb: 'get', annotations }, { auditID: 'w', stage: 'RequestReceived', verb: 'watch', annotations },
    { auditID: 'w', stage: 'ResponseStarted', verb: 'watch', annotations }, { auditID: 'b', stage: 'RequestReceived', verb: 'create' }, { auditID: 'd', verb: 'list' },
    { auditID: 'p', stage: 'RequestReceived', verb: 'patch', annotations: { 'portcullis.dev/omitted-stages': 'Panic' } })
  const { stdout } = await show({ files: ['-'] }, { stdin: [log] })
  t.strictSame(stdout.split('\n').slice(0, -1).map(line => line.split(/ {2,}/)).map(cells => `${cells[2]} ${cells[6]}`), ['get end not written', 'watch end not written', 'list 12ms', 'create no end', 'patch no end'])
})

t.test('with --json the lines themselves, byte for byte', async (t) => {
  const line = loggedLine().replace('"verb":"list"', '"verb" : "\\u006cist"').replace('kubectl/v1.35.0', 'kub\u202ectl')
  const { stdout } = await show({ files: ['-'], json: true }, { stdin: [`${line}\n${loggedLine(denied)}`] })
  t.equal(stdout, `${line}\n${loggedLine(denied)}\n`)
})

t.test('with --json a terminal gets the same JSON, and nothing that it would obey', async (t) => {
  const line = loggedLine({ userAgent: 'a\u009b31m\u202eb\u{e0041}' }).replace(',', ',\t').concat('\r')
  const { stdout } = await show({ files: ['-'], json: true }, { stdin: [`${line}\n`], tty: true })
  t.notMatch(stdout.slice(0, -1), /[\p{C}\p{Zl}\p{Zp}]/u)
  t.strictSame(JSON.parse(stdout), JSON.parse(line))
})

t.test('what could not be read is counted and named at the end, and the rest is shown', async (t) => {
  const folder = t.testdir({ 'odd\n.log': `up and running\n${text({})}${loggedLine().slice(0, 200)}\n${loggedLine().replace('/v1', '/v2')}\n${text(denied)}${loggedLine().slice(0, 50)}` })
  const { code, stdout, stderr } = await show({ files: [join(folder, 'odd\n.log'), join(folder, 'missing')] })
  t.equal(code, 0)
  t.strictSame(brief(stdout), ['200 list', '403 delete'])
  t.equal(stderr.replaceAll(`${folder}/`, ''), `portcullis audit show: passed over 5 that could not be read (1 foreign, 1 damaged, 1 version, 1 cut, 1 unreadable):
  odd\\u000a.log:1: is no JSON
  odd\\u000a.log:3: breaks off in the middle of an event
  odd\\u000a.log:4: is of audit.k8s.io/v2; audit.k8s.io/v1 is what this version reads
  odd\\u000a.log:6: is the last line, and cut: it is being written, or a crash left it so
  missing: does not exist
`)
})

t.test('of very many the first are named, and the rest counted', async (t) => {
  const { code, stderr } = await show({ files: ['-'] }, { stdin: ['x\n'.repeat(1000), text({})] })
  t.equal(code, 0)
  t.match(stderr, /^portcullis audit show: passed over 1000 that could not be read \(1000 foreign\):\n( {2}-:\d+: is no JSON\n){20} {2}and 980 more\n$/)
})

for (const [what, stdin, expected] of [['an empty log', [], 0], ['a log of nothing but foreign lines', ['x\ny\n'], 1], ['a line that is cut, alone', ['{"kind":"Ev'], 1]] as const) {
  t.test(`${what} ends with ${expected}`, async (t) => {
    t.equal((await show({ files: ['-'] }, { stdin })).code, expected)
  })
}

for (const [args, message] of [
  [['--code', 'nope', '-'], /--code takes/],
  [['-', '-'], /stdin, which can be read once/],
  [['-f', 'x.gz'], /x\.gz is compressed/],
] as const) {
  t.test(`${args.join(' ')} is wrong usage`, async (t) => {
    const { code, stdout, stderr } = await runCommand(['audit', 'show', ...args])
    t.strictSame([code, stdout], [2, ''])
    t.match(stderr, message)
  })
}

t.test('on a terminal there are heads over the columns', async (t) => {
  t.match((await show({ files: ['-'] }, { stdin: [text({})], tty: true })).stdout, /^TIME .* REASON\n2026-11-21T10:00:00\.012Z .*\n$/)
})

t.test('a reader that has seen enough is no error', async (t) => {
  const stderr = ear()
  const stdout = { write: (_text: string, done: (error?: Error | null) => void) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })) }
  const code = await auditShowCommand({ files: ['-'], configFile: async () => '' }, { stdin: Readable.from([text({})]), stdout, stderr, now: Date.now, signal: new AbortController().signal })
  t.strictSame([code, stderr.text], [0, ''])
})
