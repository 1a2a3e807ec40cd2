import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { checkCommand } from '../../src/cli/check.ts'
import { readConfig } from '../../src/config/load.ts'

const now = () => Date.UTC(2026, 10, 21)

async function check(configFile: string, options: { strict?: boolean, env?: Record<string, string> } = {}) {
  let stdout = ''
  const output = { write: (text: string, done: () => void) => { stdout += text; done() } }
  const code = await checkCommand({ configFile, strict: options.strict ?? false }, { stdout: output, env: options.env ?? {}, now })
  return { code, lines: stdout.trimEnd().split('\n') }
}

const config = 'listen: { insecure: true }\nclusters: [{ name: prod, server: "https://127.0.0.1:1", credential: { tokenEnv: T } }]\n'
const callers = `scopes:
  - name: s
    rules: [{ apiGroups: [""], resources: [secrets], verbs: [get], namespaces: [a], acknowledge: [own-credential] }]
callers:
  - name: ci
    scopes: [s]
    rules: [{ nonResourceURLs: [/logs], verbs: [get], acknowledge: [server-internals, own-credential] }]
    keys: [{ id: k7Q2mX9a, sha256: ${'ab'.repeat(32)}, expiresAt: 2027-02-19T10:00:00Z }]
`

t.test('the shipped example has no faults', async (t) => {
  const folder = fileURLToPath(new URL('../../config/', import.meta.url))
  const { code, lines } = await check(join(folder, 'portcullis.yaml'))
  t.equal(code, 0, lines.join('\n'))
  t.match(lines.at(-1), /portcullis.yaml: no faults, \d+ warnings; 4 callers, 4 scopes, 1 key$/)
})

t.test('the shipped example is every option at its default', async (t) => {
  const text = readFileSync(new URL('../../config/portcullis.yaml', import.meta.url), 'utf8')
  const needed = 'listen: { tls: { certFile: tls.crt, keyFile: tls.key } }\n'
    + 'clusters: [{ name: prod, server: "https://api.prod.example:6443", credential: { tokenFile: /var/run/secrets/portcullis/token } }]'
  t.strictSame(readConfig('/x/p.yaml', text).config, readConfig('/x/p.yaml', needed).config)
})

t.test('without faults: which escalation routes each caller opens, by which scope, and a count', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': callers })
  t.strictSame(await check(join(folder, 'p.yaml'), { env: { T: 'x' }, strict: true }), {
    code: 0,
    lines: [
      'caller ci opens: server-internals (its own rules), own-credential (its own rules, scope s)',
      'caller ci should have impersonate: the API server then judges ci itself, and its flow control tells it from others',
      'cluster prod was not asked what our account may do: the API server could not be reached (connect ECONNREFUSED 127.0.0.1:1)',
      `${join(folder, 'p.yaml')}: no faults, no warnings; 1 caller, 1 scope, 1 key`,
    ],
  })
})

t.test('an audit file that nobody could write is found before the start', async (t) => {
  const folder = t.testdir({ 'p.yaml': `${config}audit: { sinks: [{ file: { path: nowhere/audit.log } }] }\n`, 'callers.yaml': callers })
  const { code, lines } = await check(join(folder, 'p.yaml'), { env: { T: 'x' }, strict: true })
  t.equal(code, 1)
  t.match(lines[0], /audit\.sinks\[0\]\.file\.path: warning: .*nowhere does not exist: no audit event could be written$/)
})

t.test('faults of the config: all of them, exit 1, and the callers are not asked', async (t) => {
  const folder = t.testdir({ 'p.yaml': 'clusters: 3\nx: 1\nlisten: { insecure: true }', 'callers.yaml': 'broken: [' })
  const file = join(folder, 'p.yaml')
  t.strictSame(await check(file), {
    code: 1,
    lines: [`${file}:1:11 clusters: must be a list`, `${file}:2:1 x: is unknown here; known: listen, admin, workers, clusters, callers, audit, limits, self, log`, `${file}: 2 faults, no warnings`],
  })
})

t.test('faults of the callers: all of them, exit 1', async (t) => {
  const folder = t.testdir({ 'p.yaml': config, 'callers.yaml': 'callers: [{ name: a, jot: {} }, { name: a }]' })
  const { code, lines } = await check(join(folder, 'p.yaml'), { env: { T: 'x' } })
  t.equal(code, 1)
  t.match(lines[0], /callers.yaml:1:22 callers\[0\].jot: is unknown here/)
  t.match(lines[1], /callers.yaml:1:41 callers\[1\].name: is there twice/)
  t.match(lines.at(-1), /p.yaml: 2 faults, 4 warnings$/)
})

t.test('what the config refers to and is not there is a warning, which strict counts as a fault', async (t) => {
  const folder = t.testdir({
    'p.yaml': `${config.replace('insecure: true', 'tls: { certFile: a, keyFile: b, clientCaFile: c }')
      .replace('tokenEnv: T }', 'tokenEnv: T }, caFile: d')
      .replace('}]', '}, { name: b, server: "https://y", credential: { tokenFile: e } }]')}`,
    'callers.yaml': callers,
    'a': '',
  })
  const { code, lines } = await check(join(folder, 'p.yaml'))
  t.equal(code, 0)
  t.match(lines.filter(line => line.includes('warning: ')), [
    /p.yaml:1:40 listen.tls.keyFile: warning: .*b does not exist$/,
    /listen.tls.clientCaFile: warning: .*c does not exist$/,
    /clusters\[0\].credential.tokenEnv: warning: T is not set$/,
    /clusters\[0\].caFile: warning: .*d does not exist$/,
    /clusters\[1\].credential.tokenFile: warning: .*e does not exist$/,
  ])
  t.equal((await check(join(folder, 'p.yaml'), { strict: true })).code, 1)
})

t.test('a config that is not there is a fault', async (t) => {
  const { code, lines } = await check(join(t.testdir({}), 'p.yaml'))
  t.equal(code, 1)
  t.match(lines[0], /p.yaml:1:1 does not exist$/)
})
