// A crash of the real process: Node prints an error with all that hangs on it, and parsers hang the traffic on theirs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { builtMain } from '../support/built.ts'
import { makeAuthority } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'
import { LeakScanner } from '../support/leak-scanner.ts'
import { startUpstream } from '../support/recording-upstream.ts'
import { removeLater } from '../support/scope.ts'

const main = builtMain()
const token = 's3cr3t-opaque~value-1234567890'
const { key } = keyFor('crashing')

/** As undici's HTTPParserError (`data`), node's (`rawPacket`), and what an error of ours may have for a cause. */
const crash = `
  const error = () => Object.assign(new Error('cannot read ${token}', {
    cause: Object.assign(new Error('Authorization: Bearer ${token}'), { rawPacket: Buffer.from('${key}'), data: '{"data":{"password":"c2VjcmV0"}}' }),
  }), { data: 'HTTP/1.1 200 OK ${token}', headers: ['Authorization', 'Bearer ${token}'], key: '${key}' })
  process.on('SIGUSR2', () => { setImmediate(() => { throw error() }) })
  process.on('SIGHUP', () => { void Promise.reject(error()) })
  const whenReady = () => {
    if (process.listenerCount('uncaughtException') > 0) throw error()
    setImmediate(whenReady)
  }
  if (process.argv[2] === 'check') setImmediate(whenReady)
`

async function start(t: Test, command: string) {
  const upstream = await startUpstream(t)
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-crash-'))
  removeLater(t, folder)
  const { cert, key: tlsKey } = makeAuthority().issue()
  const files = {
    'tls.crt': cert, 'tls.key': tlsKey, 'token': token, 'ca.crt': upstream.ca, 'callers.yaml': 'callers: []', 'crash.mjs': crash,
    'portcullis.yaml': JSON.stringify({
      listen: { host: '127.0.0.1', port: 0, tls: { certFile: 'tls.crt', keyFile: 'tls.key' } }, admin: { port: 0 }, log: { level: 'trace' },
      clusters: [{ name: 'a', server: upstream.url, caFile: 'ca.crt', credential: { tokenFile: 'token' } }],
    }),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  const child = spawn(process.execPath, ['--import', join(folder, 'crash.mjs'), main, command, '--config', join(folder, 'portcullis.yaml')])
  t.teardown(() => child.kill('SIGKILL'))
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => { output.text += text.toString() })
  return { child, output, upstream }
}

function assertClean(t: Test, text: string): void {
  t.strictSame(new LeakScanner([token, 'HTTP/1.1 200 OK']).scan({}, text), [])
  t.notMatch(text, /rawPacket|"data"|c2VjcmV0|password|crashing/)
}

for (const [signal, what] of [['SIGUSR2', 'an exception'], ['SIGHUP', 'a rejection']] as const) {
  t.test(`${what} that nobody caught ends serve, told in the log without secrets`, async (t) => {
    const { child, output, upstream } = await start(t, 'serve')
    while (!output.text.includes('"listening"')) await once(child.stderr, 'data')
    while (!(await upstream.nextRequest()).all('authorization').includes(`Bearer ${token}`));
    const closed = once(child, 'close')
    child.kill(signal)
    t.strictSame(await closed, [1, null])
    const line = JSON.parse(output.text.trimEnd().split('\n').at(-1) ?? '') as object
    t.match(line, { level: 'fatal', msg: 'crashed', err: { type: 'Error', message: 'cannot read [redacted]', cause: { message: 'Authorization: Bearer [redacted]' } } })
    assertClean(t, output.text)
  })
}

t.test('a crash of any other command is told by its error alone', async (t) => {
  const { child, output } = await start(t, 'check')
  t.strictSame(await once(child, 'close'), [1, null])
  t.match(output.text, /portcullis: crashed: \{"type":"Error"/)
  t.notMatch(output.text, new RegExp(`Bearer ${token}|rawPacket|"data"|${key.slice(13, 30)}`))
})
