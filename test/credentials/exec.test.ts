import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { createExec, type ExecOptions } from '../../src/credentials/exec.ts'
import { createLog } from '../../src/log/log.ts'
import { redactSecrets } from '../../src/redaction/redact.ts'
import { makeAuthority } from '../support/certificates.ts'
import { answering, makePlugin } from '../support/exec-plugin.ts'
import { Queue } from '../support/queue.ts'
import { jwt } from './tokens.ts'

const minute = 60_000

/** A plugin by that code under a credential; timers fire when the test says so. */
function execOf(command: string, options: Partial<ExecOptions> = {}) {
  const lines: string[] = []
  const log = createLog({ level: 'trace', redact: redactSecrets, destination: { write: (line: string) => void lines.push(line) } })
  const planned: { ms: number, run: () => void }[] = []
  const schedule = (ms: number, run: () => void) => {
    const entry = { ms, run }
    planned.push(entry)
    return () => { if (planned.includes(entry)) planned.splice(planned.indexOf(entry), 1) }
  }
  const credential = createExec({
    apiVersion: 'client.authentication.k8s.io/v1', command, args: [], env: [], cluster: undefined, timeout: 30_000,
    environment: { PATH: process.env['PATH'] }, withhold: [], log, schedule, random: () => 0, ...options,
  })
  t.teardown(() => credential.close())
  return { credential, planned, logged: () => lines.join('') }
}

/** What it has written down of its environment. */
const noting = 'require("node:fs").writeFileSync(__dirname + "/env.json", JSON.stringify({ env: process.env, args: process.argv.slice(2), stdin: require("node:fs").readFileSync(0, "utf8") }));'
interface Noted { readonly env: Record<string, string>, readonly args: string[], readonly stdin: string }
const noted = (command: string) => JSON.parse(readFileSync(join(dirname(command), 'env.json'), 'utf8')) as Noted

const reasonOf = (starting: Promise<void>) => starting.then(() => undefined, (error: Error) => error)

t.test('a plugin is run with its arguments, our environment and its own, and what it may know; nothing to read, and no shell', async (t) => {
  for (const apiVersion of ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const) {
    const command = makePlugin(t, noting + answering('{ token: "opaque" }', apiVersion))
    const { credential } = execOf(command, {
      apiVersion, args: ['--role', '$(id); *', ''], env: [{ name: 'REGION', value: 'here' }, { name: 'OURS', value: 'overridden' }],
      environment: { PATH: process.env['PATH'], OURS: 'ours', HOME: '/home/x', UPSTREAM_TOKEN: 'S3cret', KUBERNETES_EXEC_INFO: 'stale' },
      withhold: ['UPSTREAM_TOKEN'],
    })
    await credential.start()
    t.strictSame(credential.present(), { authorization: 'Bearer opaque', certificate: undefined })
    const { env, args, stdin } = noted(command)
    t.strictSame(args, ['--role', '$(id); *', ''])
    t.equal(stdin, '')
    t.match(env, { REGION: 'here', OURS: 'overridden', HOME: '/home/x' })
    t.notOk('UPSTREAM_TOKEN' in env)
    t.strictSame(JSON.parse(env['KUBERNETES_EXEC_INFO'] ?? ''), { apiVersion, kind: 'ExecCredential', spec: { interactive: false } })
    t.match(credential.facts(), { kind: 'exec', source: `the command ${command}`, trouble: undefined })
    credential.close()
  }
})

t.test('a plugin is told of the cluster where it may know it', async (t) => {
  const command = makePlugin(t, noting + answering('{ token: "opaque" }'))
  const cluster = { server: 'https://api.example:6443', ca: 'PEM', tlsServerName: 'kubernetes', config: { audience: 'x' } }
  await execOf(command, { cluster }).credential.start()
  t.strictSame(JSON.parse(noted(command).env['KUBERNETES_EXEC_INFO'] ?? ''), {
    apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential',
    spec: {
      cluster: { 'server': 'https://api.example:6443', 'tls-server-name': 'kubernetes', 'certificate-authority-data': 'UEVN', 'config': { audience: 'x' } },
      interactive: false,
    },
  })
})

t.test('a mere name is found on the PATH', async (t) => {
  const command = makePlugin(t, answering('{ token: "found" }'))
  const { credential } = execOf('plugin.cjs', { environment: { PATH: `/nowhere:${dirname(command)}` } })
  await credential.start()
  t.equal(credential.present().authorization, 'Bearer found')
})

t.test('an answer that takes a while is an answer', async (t) => {
  const { credential } = execOf(makePlugin(t, `setTimeout(() => ${answering('{ token: "late" }')}, 300)`))
  await credential.start()
  t.equal(credential.present().authorization, 'Bearer late')
})

t.test('it is run again at 80 % of the life that it gave', async (t) => {
  const now = Date.now()
  const expires = new Date(now + 10 * minute).toISOString()
  const command = makePlugin(t, `const f = __dirname + '/runs', fs = require('node:fs'); fs.appendFileSync(f, 'x');
    ${answering(`{ token: 'run-' + fs.readFileSync(f, 'utf8').length, expirationTimestamp: '${expires}' }`)}`)
  const { credential, planned } = execOf(command, { now: () => now })
  await credential.start()
  t.equal(planned.length, 1)
  t.equal(planned[0]?.ms, 8 * minute)
  t.match(credential.facts().claims, { issuedAt: now, expiresAt: now + 10 * minute })
})

t.test('after a 401 it is run again, once however many ask; without an end not before', async (t) => {
  const command = makePlugin(t, `const f = __dirname + '/runs', fs = require('node:fs'); fs.appendFileSync(f, 'x');
    ${answering('{ token: "run-" + fs.readFileSync(f, "utf8").length }')}`)
  let time = Date.now()
  const { credential, planned } = execOf(command, { now: () => time })
  await credential.start()
  t.equal(planned.length, 0)
  const rejected = credential.present()
  time += minute
  t.strictSame(await Promise.all([credential.renew(rejected), credential.renew(rejected)]), [true, true])
  t.equal(credential.present().authorization, 'Bearer run-2')
})

t.test('a certificate stays the same object while only the token beside it is new', async (t) => {
  const { cert, key } = makeAuthority().issue({ commonName: 'x' })
  const command = makePlugin(t, `const f = __dirname + '/runs', fs = require('node:fs'); fs.appendFileSync(f, 'x');
    ${answering(`{ token: 'run-' + fs.readFileSync(f, 'utf8').length, clientCertificateData: ${JSON.stringify(cert)}, clientKeyData: ${JSON.stringify(key)} }`)}`)
  let time = Date.now()
  const { credential } = execOf(command, { now: () => time })
  await credential.start()
  const before = credential.present()
  t.strictSame(before.certificate, { cert, key })
  time += minute
  t.equal(await credential.renew(before), true)
  t.equal(credential.present().authorization, 'Bearer run-2')
  t.equal(credential.present().certificate, before.certificate)
})

const secretToken = jwt({ sub: 'S3cret' })
const failures: readonly [what: string, code: string, message: string | RegExp, timeout?: number][] = [
  ['ends with 1', 'process.exitCode = 1', 'ended with exit code 1'],
  ['answers and ends with 1', `${answering('{ token: "S3cret" }')}; process.exitCode = 1`, 'ended with exit code 1'],
  ['is killed', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)', 'was ended by SIGTERM'],
  ['hangs', 'setInterval(() => {}, 1000)', 'did not come to its end within 0.3 s', 300],
  ['answers and hangs', `${answering('{ token: "S3cret" }')}; setInterval(() => {}, 1000)`, 'did not come to its end within 2 s', 2000],
  ['ignores the polite signals', 'process.on("SIGTERM", () => {}); process.on("SIGINT", () => {}); setInterval(() => {}, 1000)', /^did not come to its end/, 300],
  ['answers too late', `setTimeout(() => ${answering('{ token: "S3cret" }')}, 30_000)`, /^did not come to its end/, 300],
  ['writes 10 MB', 'process.stdout.write("S3cret".repeat(1_700_000))', 'wrote more than 1048576 bytes'],
  ['writes 10 MB to stderr and ends with 2', 'process.stderr.write("words ".repeat(1_700_000), () => { process.exitCode = 2 })', 'ended with exit code 2'],
  ['answers rubbish', 'console.log("S3cret")', 'answered with something that is no JSON'],
  ['answers nothing', '', 'answered with something that is no JSON'],
]

for (const [what, code, message, timeout = 30_000] of failures) {
  t.test(`a plugin that ${what} is no credential, and its answer is not repeated`, async (t) => {
    const command = makePlugin(t, code)
    const { credential, logged } = execOf(command, { timeout })
    const error = await reasonOf(credential.start())
    const [begin, rest] = [`exec: the command ${command} `, error?.message ?? '']
    t.ok(rest.startsWith(begin), rest)
    t.match(rest.slice(begin.length), message)
    t.throws(() => credential.present(), { code: 'CredentialRejected', message: 'Portcullis has no credential for this cluster at present (exec)' })
    t.notMatch(logged(), /S3cret/)
    t.match(logged(), /there is no credential: it could not be obtained; it will be tried again/)
  })
}

t.test('a command that is not there, or may not be executed, says so', async (t) => {
  const rows: [command: string, message: RegExp][] = [
    ['/nowhere/plugin', /^exec: the command \/nowhere\/plugin was not found: is the plugin installed on this machine/],
    ['no-such-plugin', /^exec: the command no-such-plugin was not found: /],
  ]
  for (const [command, message] of rows) t.match((await reasonOf(execOf(command).credential.start()))?.message, message, command)
  const plugin = makePlugin(t, '')
  chmodSync(plugin, 0o644)
  t.equal((await reasonOf(execOf(plugin).credential.start()))?.message, `exec: the command ${plugin} may not be executed: permission denied`)
  writeFileSync(plugin, '#!/nowhere/interpreter\n')
  chmodSync(plugin, 0o755)
  t.match((await reasonOf(execOf(plugin).credential.start()))?.message, /was not found: .*the interpreter that it names\?$/)
  const zero = await reasonOf(execOf('/bin/true', { args: ['S3cret\0'] }).credential.start())
  t.equal(zero?.message, 'exec: the command /bin/true could not be started: ERR_INVALID_ARG_VALUE')
})

t.test('one that hangs takes with it what it has started', async (t) => {
  const connections = new Queue<Socket>()
  const server = createServer(socket => connections.put(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const staying = `require("node:net").connect(${(server.address() as AddressInfo).port}, "127.0.0.1").on("error", () => {})`
  const child = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(staying)}], { stdio: "inherit" });`
  const { credential } = execOf(makePlugin(t, child + staying))
  const starting = credential.start()
  const sockets = [await connections.take(), await connections.take()]
  const ended = Promise.all(sockets.map(socket => once(socket.on('error', () => {}).resume(), 'close')))
  credential.close()
  await Promise.all([starting, ended])
  t.pass('both connections are gone, though neither process would have ended')
})

t.test('what has left the group of a plugin that is killed finds nobody at the other end of its output', async (t) => {
  const [connections, told] = [new Queue<Socket>(), new Queue<string>()]
  const server = createServer(socket => connections.put(socket.on('error', () => {}).once('data', (text: Buffer) => told.put(text.toString()))))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const writing = `const socket = require("node:net").connect(${(server.address() as AddressInfo).port}, "127.0.0.1");
    socket.on("close", () => process.exit()).on("error", () => {});
    process.stdout.on("error", error => socket.end(error.code));
    setInterval(() => process.stdout.write("S3cret"), 10); setTimeout(() => socket.end("nothing"), 20_000)`
  const child = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(writing)}], { stdio: "inherit", detached: true });`
  const { credential } = execOf(makePlugin(t, `${child} setInterval(() => {}, 1000)`))
  const starting = credential.start()
  await connections.take()
  credential.close()
  await starting
  t.equal(await told.take(), 'EPIPE')
})

t.test('a plugin that leaves its output open to another is waited for no longer than the timeout', async (t) => {
  const child = 'require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }).unref();'
  const { credential } = execOf(makePlugin(t, child + answering('{ token: "S3cret" }')), { timeout: 1000 })
  t.match((await reasonOf(credential.start()))?.message, /did not come to its end within 1 s$/)
})

const opaque = 'hvs.CAESIJ7p0Yl5nG3dR8wqXkT2'
const key = makeAuthority().issue().key
const printed: readonly [what: string, stderr: string, status: string | undefined][] = [
  ['a JWT and fails', `login gave ${secretToken}`, undefined],
  ['an opaque token and fails', `login gave ${opaque}, for you`, undefined],
  ['a bearer header and fails', `> Authorization: Bearer ${opaque}`, undefined],
  ['a key and fails', `wrote\n${key}`, undefined],
  ['a key that is cut off, and fails', `wrote\n${key.slice(0, 120)}`, undefined],
  ['a key whose lines have no long words, and fails', 'wrote -----BEGIN PRIVATE KEY-----\nAb1/cD2/eF3\n-----END PRIVATE KEY-----', undefined],
  ['a key in one line, and fails', `wrote ${key.replaceAll('\n', ' ')}`, undefined],
  ['the token that it answers', 'the pass word is hunter2 today', '{ token: "hunter2" }'],
]

for (const [what, stderr, status] of printed) {
  t.test(`of a plugin that prints ${what} the log has its other words alone`, async (t) => {
    const answered = status === undefined ? 'process.exitCode = 1' : answering(status)
    const { credential, logged } = execOf(makePlugin(t, `console.error(${JSON.stringify(stderr)}); ${answered}`))
    const error = await reasonOf(credential.start())
    t.equal(error === undefined, status !== undefined)
    t.match(logged(), stderr.split(/\s/)[0] ?? '')
    const secrets = [secretToken, opaque, opaque.slice(4), 'hunter2', 'Ab1/cD2', ...key.split('\n').filter(line => !line.startsWith('-') && line !== '')]
    for (const secret of secrets) t.notOk(logged().includes(secret) || (error?.message.includes(secret) ?? false), secret.slice(0, 6))
    t.notOk(JSON.stringify(credential.facts()).includes(stderr.slice(-8)))
  })
}

t.test('what it says is in the log, up to a bound, and not in what others are told', async (t) => {
  const words = 'cannot reach https://vault.example:8200/v1/auth/kubernetes/login: connection refused (request 7)'
  const { credential, logged } = execOf(makePlugin(t, `console.error(${JSON.stringify(words)} + "\\nword".repeat(100_000)); process.exitCode = 1`))
  const error = await reasonOf(credential.start())
  t.ok(logged().includes(words))
  t.ok(logged().length < 30_000)
  t.notOk(error?.message.includes('vault'))
  t.notOk(credential.facts().trouble?.includes('vault'))
})

t.test('a closed credential runs nothing more, and is silent', async (t) => {
  const command = makePlugin(t, `require("node:fs").writeFileSync(__dirname + '/ran', ''); ${answering('{ token: "x" }')}`)
  const { credential, logged } = execOf(command)
  credential.close()
  await credential.start()
  t.throws(() => credential.present(), { code: 'CredentialRejected' })
  t.equal(logged(), '')
  t.equal(existsSync(join(dirname(command), 'ran')), false)
})
