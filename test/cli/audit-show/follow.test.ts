import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { LoggedEvent } from '../../../src/audit-log/event.ts'
import { auditShowCommand, type AuditShowArgs } from '../../../src/cli/audit-show/show.ts'
import { loggedLine } from '../../support/audit-lines.ts'
import { builtMain } from '../../support/built.ts'

const text = (event: Partial<LoggedEvent>) => `${loggedLine(event)}\n`

/** A command that follows; `until` resolves once what it says matches. */
function follow(t: Test, args: Partial<AuditShowArgs>, { stdin = Readable.from([]) as Readable, open = 0 } = {}) {
  const ended = new AbortController()
  const said = { stdout: '', stderr: '' }
  let told = () => {}
  const ear = (name: keyof typeof said) => ({
    write(text: string | Uint8Array, done: () => void) {
      said[name] += text.toString()
      setImmediate(done)
      told()
    },
  })
  const done = auditShowCommand({ files: [], configFile: () => Promise.reject(new Error('no config')), follow: true, ...args }, {
    stdin, stdout: ear('stdout'), stderr: ear('stderr'), now: Date.now, signal: ended.signal, pace: { interval: 1, open },
  })
  t.teardown(() => ended.abort())
  return {
    said,
    async until(name: keyof typeof said, pattern: RegExp) {
      while (!pattern.test(said[name])) await new Promise<void>((resolve) => { told = resolve })
    },
    end() {
      ended.abort()
      return done
    },
  }
}

t.test('what is written is shown at once, through a rotation, until it is asked to end', async (t) => {
  const folder = t.testdir({ 'old.log': text({ verb: 'create' }), 'audit.log': text({ verb: 'get' }) })
  const path = join(folder, 'audit.log')
  const { said, until, end } = follow(t, { files: [join(folder, 'old.log'), path] })
  await until('stdout', / create .*\n.* get /)
  appendFileSync(path, text({ verb: 'list' }))
  await until('stdout', / list /)
  renameSync(path, join(folder, 'audit-2026-11-21T10-00-00.000.log'))
  writeFileSync(path, text({ verb: 'patch' }))
  await until('stdout', / patch /)
  t.equal(await end(), 0)
  t.equal(said.stdout.split('\n').length, 5)
})

t.test('a stream is shown as open while it is, and again with its end', async (t) => {
  const path = join(t.testdir({ 'audit.log': text({ verb: 'watch', stage: 'ResponseStarted' }) }), 'audit.log')
  const { said, until } = follow(t, { files: [path] })
  await until('stdout', / watch .* open\n/)
  appendFileSync(path, text({ verb: 'watch' }))
  await until('stdout', / watch .* 12ms\n/)
  t.equal(said.stdout.split('\n').length, 3)
})

t.test('a request that ends soon is shown with its end alone', async (t) => {
  const path = join(t.testdir({ 'audit.log': text({ stage: 'RequestReceived' }) }), 'audit.log')
  const { said, until, end } = follow(t, { files: [path] }, { open: 60_000 })
  appendFileSync(path, text({}) + text({ auditID: 'other', verb: 'get' }))
  await until('stdout', / get /)
  await end()
  t.notMatch(said.stdout, /no end/)
})

t.test('what cannot be read is named as it comes', async (t) => {
  const path = join(t.testdir({ 'audit.log': text({}) }), 'audit.log')
  const { until } = follow(t, { files: [path] })
  await until('stdout', / list /)
  appendFileSync(path, 'hello\n')
  await until('stderr', /passed over 1 that could not be read \(1 foreign\):\n.*audit\.log:2: is no JSON\n/)
})

t.test('the log of a config that has not begun is waited for, and that is said', async (t) => {
  const folder = t.testdir({ 'p.yaml': 'listen: { insecure: true }\nclusters: [{ name: prod, server: "https://x", credential: { tokenEnv: T } }]\naudit: { sinks: [{ file: { path: audit.log } }] }\n' })
  const { until } = follow(t, { configFile: async () => join(folder, 'p.yaml') })
  await until('stderr', /waiting for .*audit\.log\n/)
  writeFileSync(join(folder, 'audit.log'), text({}))
  await until('stdout', / list /)
})

t.test('stdin is shown as it comes', async (t) => {
  const stdin = new PassThrough()
  const { until, end } = follow(t, { files: ['-'] }, { stdin })
  stdin.write(text({ verb: 'watch', stage: 'ResponseStarted' }))
  await until('stdout', / watch .* open\n/)
  stdin.end(text({ verb: 'get' }))
  await until('stdout', / get /)
  t.equal(await end(), 0)
})

t.test('Ctrl-C ends a process that follows, with what it had to say', async (t) => {
  const path = join(t.testdir({ 'audit.log': `hello\n${text({})}` }), 'audit.log')
  const child = spawn(process.execPath, [builtMain(), 'audit', 'show', '-f', path], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  t.strictSame(await once(child, 'close'), [0, null])
  t.match(stderr, /passed over 1/)
})

t.test('a process whose reader has seen enough ends without a word', async (t) => {
  const path = join(t.testdir({ 'audit.log': text({}).repeat(20_000) }), 'audit.log')
  const child = spawn(process.execPath, [builtMain(), 'audit', 'show', path], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  await once(child.stdout, 'data')
  child.stdout.destroy()
  t.strictSame(await once(child, 'close'), [0, null])
  t.equal(stderr, '')
})
