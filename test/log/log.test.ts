import { spawnSync } from 'node:child_process'
import t from 'tap'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/log/log.ts'
import type { LogLevel } from '../../src/log/log.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { keyFor } from '../support/keys.ts'

function start(level: LogLevel = 'trace') {
  const lines: string[] = []
  const log = createLog({ level, redact: redactSecrets, destination: { write: (line) => { lines.push(line) } } })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> }
}

t.test('a line is JSON: a fixed message, the facts as fields, an ISO time, the level by name', async (t) => {
  const { log, last } = start()
  log.info({ cluster: 'prod', attempts: 2 }, 'cluster reached')
  const { time, ...rest } = last()
  t.strictSame(rest, { level: 'info', pid: process.pid, cluster: 'prod', attempts: 2, msg: 'cluster reached' })
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

t.test('an error has its stack and those of its causes', async (t) => {
  const { log, last } = start()
  log.error({ err: new ProxyError('BadUpstream', 'no', { cause: new Error('socket hang up') }) }, 'request failed upstream')
  t.match(last(), { err: { type: 'ProxyError', code: 'BadUpstream', stack: /ProxyError/, cause: { message: 'socket hang up' } } })
})

t.test('the level changes while running', async (t) => {
  const { log, lines } = start('info')
  log.debug('not yet')
  log.level = 'debug'
  log.debug('now')
  log.child({ auditId: 'x' }).debug('a child made after it, too')
  t.equal(lines.length, 2)
})

t.test('no key or token gets into the log, wherever it stands, at the most verbose level', async (t) => {
  const { key } = keyFor('k7Q2mX9a')
  const secret = 'zV7opaqueUpstreamToken1'
  const { log, lines } = start('trace')
  const carriers: unknown[] = [
    { deep: { deeper: [{ deepest: `Bearer ${secret}` }] } },
    { headers: ['Host', 'x', 'authorization', secret, 'X-API-Key', secret] },
    { headers: { authorization: secret, 'x-api-key': secret, cookie: secret } },
    { credential: { token: secret, access_token: secret } },
    { argv: ['kubectl', `--token=${secret}`] },
    { err: new Error(`rejected Bearer ${secret}`, { cause: new Error(`token=${secret}`) }) },
    { failed: { request: { headers: ['Authorization', `Bearer ${secret}`] } } },
    { key, nested: { [key]: key } },
    { protocol: `base64url.bearer.authorization.k8s.io.${Buffer.from(key).toString('base64url')}` },
    { url: `/api?access_token=${secret}` },
    { body: JSON.stringify({ token: secret }) },
  ]
  for (const facts of carriers) log.trace(facts, 'planted')
  log.trace('planted in the message: %s %o', key, { token: secret })
  log.child({ authorization: secret }).trace('planted in a child')
  t.equal(lines.length, carriers.length + 2)
  for (const line of lines) {
    t.notOk(line.includes(secret), line)
    t.notOk(line.includes(key.slice(13)), line)
    t.notOk(line.includes(Buffer.from(key).toString('base64url')), line)
    t.match(line, '[redacted]')
    t.doesNotThrow(() => JSON.parse(line))
  }
})

t.test('without a destination lines go to standard error, and none is lost at exit', async (t) => {
  const module = new URL('../../src/log/log.ts', import.meta.url).href
  const script = `import { createLog } from ${JSON.stringify(module)}
    const log = createLog({ level: 'info', redact: line => line })
    for (let i = 0; i < 100; i++) log.info({ i }, 'counted')
    process.exit(0)`
  const { stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { encoding: 'utf8' })
  t.equal(stdout, '')
  const lines = stderr.trimEnd().split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line) as { i: number })
  // The line that a thread was writing just then may come last.
  t.strictSame(lines.map(({ i }) => i).sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i))
})
