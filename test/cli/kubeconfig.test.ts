import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { makeAuthority, selfSigned } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'
import { runCommand } from '../support/run-command.ts'

const own = selfSigned({ names: ['portcullis.example'] })
const [key, other, revoked, expired] = [keyFor('ci000000'), keyFor('other000'), keyFor('revoked0'), keyFor('expired0')]
const keyLine = ({ id, sha256 }: typeof key, more = '') => `{ id: ${id}, sha256: ${sha256}${more} }`

const files = {
  'portcullis.yaml': `listen: { tls: { certFile: tls.crt, keyFile: tls.key } }
clusters:
  - { name: prod, server: "https://api.example:6443", credential: { tokenEnv: T } }
  - { name: test, server: "https://test.example:6443", credential: { tokenEnv: T } }
`,
  'callers.yaml': `scopes:
  - name: read
    rules:
      - { nonResourceURLs: [/metrics], verbs: [get] }
      - { apiGroups: [""], resources: [pods], verbs: [list], namespaces: ["team-*", team-b, team-c] }
callers:
  - name: ci
    scopes: [{ name: read, namespaces: [team-c, team-d] }]
    clusters: [prod]
    keys: [${keyLine(key)}, ${keyLine(revoked, ', revokedAt: 2026-01-01T00:00:00Z')}, ${keyLine(expired, ', expiresAt: 2026-01-01T00:00:00Z')}]
  - name: other
    clusters: [test]
    keys: [${keyLine(other)}]
  - name: nobody
    clusters: []
`,
  'tls.crt': own.cert,
  'ci.key': `${key.key}\n`,
}

const server = ['--server', 'https://portcullis.example:8443']

function setup(t: { testdir(files: Record<string, string>): string }, more: Readonly<Record<string, string>> = {}) {
  const folder = t.testdir({ ...files, ...more })
  const config = ['--config', join(folder, 'portcullis.yaml')]
  return {
    folder,
    run: (args: readonly string[], stdin: string | AsyncIterable<string> = '') => runCommand(['kubeconfig', ...args, ...config], { stdin }),
    create: () => runCommand(['key', 'create', 'ci', ...config]),
  }
}

t.test('a kubeconfig with key, CA and namespace, for the default cluster and for a named one', async (t) => {
  const { folder, run } = setup(t)
  for (const [args, at, path] of [[[], '', ''], [['--cluster', 'prod'], '@prod', '/clusters/prod']] as const) {
    const { code, stdout, stderr } = await run(['ci', ...server, '--key-file', join(folder, 'ci.key'), ...args])
    t.equal(code, 0, stderr)
    const { clusters: [place], ...rest } = parse(stdout) as { clusters: [{ name: string, cluster: { 'server': string, 'certificate-authority-data': string } }] }
    t.strictSame(rest, {
      'apiVersion': 'v1', 'kind': 'Config', 'current-context': `ci${at}`,
      'contexts': [{ name: `ci${at}`, context: { cluster: `portcullis${at}`, user: 'ci', namespace: 'team-c' } }],
      'users': [{ name: 'ci', user: { token: key.key } }],
    })
    t.equal(place.cluster.server, `https://portcullis.example:8443${path}`)
    t.equal(Buffer.from(place.cluster['certificate-authority-data'], 'base64').toString().trim(), own.cert.trim())
    t.match(stderr, /^portcullis kubeconfig: it holds the key of ci: keep it in a file that you alone may read \(umask 077/)
    t.notMatch(stderr, key.key)
  }
})

t.test('key create is piped into it: in a shell both begin at once', async (t) => {
  const { run, create } = setup(t)
  const created: string[] = []
  const { code, stdout, stderr } = await run(['ci', ...server, '--key-file', '-'], (async function* () {
    const { stdout } = await create()
    created.push(stdout.trim())
    yield stdout
  })())
  t.equal(code, 0, stderr)
  t.match(parse(stdout), { users: [{ name: 'ci', user: { token: created[0] } }] })
})

t.test('without --key-file there is no key, stdin is not looked at, and it says how to add one', async (t) => {
  const { code, stdout, stderr } = await setup(t).run(['ci', ...server], key.key)
  t.equal(code, 0)
  t.match(parse(stdout), { users: [{ name: 'ci', user: {} }] })
  t.notMatch(stdout, /pcl_/)
  t.match(stderr, /holds no key: make it again with --key-file ci\.key, or with --key-file - and the key on stdin/)
  t.notMatch(stderr, /--token/, 'a key on a command line is seen by whoever lists processes')
})

t.test('a key that would be refused, or is somebody else\'s, is told by its reason and never shown', async (t) => {
  const { run } = setup(t)
  const rows: [string, string][] = [
    ['', 'it is empty'], [`${key.key} ${key.key}`, 'the key and nothing else'], ['eyJhbGciOi', 'no key of Portcullis'],
    [key.key.slice(0, -1), 'the key is mistyped'], [key.key.replace(/.{7}$/, 'aaaaaaa'), 'the key is mistyped'],
    [keyFor('nobody00').key, 'no caller has a key nobody00: portcullis key create ci'], [other.key, 'key other000 is one of caller other, not of ci'],
    [keyFor('ci000000').key, 'it is not the key ci000000'], [revoked.key, 'key revoked0 was revoked'], [expired.key, 'key expired0 expired at 2026-01-01T00:00:00.000Z'],
  ]
  for (const [given, reason] of rows) {
    const { code, stdout, stderr } = await run(['ci', ...server, '--key-file', '-'], given)
    t.match({ code, stdout }, { code: 1, stdout: /^$/ }, reason)
    t.ok(stderr.startsWith('portcullis kubeconfig: the key on stdin: ') && stderr.includes(reason), stderr)
    t.notOk(given !== '' && stderr.includes(given.slice(0, 30)), 'no piece of it')
  }
  t.match(await run(['ci', ...server, '--key-file', '/nonexistent/ci.key']), { code: 1, stdout: '', stderr: /\/nonexistent\/ci.key does not exist/ })
})

t.test('a caller, a cluster, a server, a namespace that cannot be', async (t) => {
  const { run } = setup(t)
  const rows: [string[], RegExp][] = [
    [['joe', ...server], /there is no caller "joe" in .*callers.yaml/],
    [['ci', ...server, '--cluster', 'nowhere'], /there is no cluster "nowhere"; there are: prod, test/],
    [['ci', ...server, '--cluster', 'test'], /caller ci may not use cluster test; --cluster takes one of: prod/],
    [['other', ...server], /caller other may not use cluster prod, the default one; --cluster takes one of: test/],
    [['nobody', ...server], /may not use cluster prod, the default one; nor any other/],
    [['ci', '--server', 'http://portcullis.example:8443'], /must begin with https:.*kubectl sends no token over plain http/],
    [['ci', '--server', 'portcullis.example:8443'], /must be the URL of the proxy/],
    [['ci', '--server', 'https://u:hunter2@portcullis.example'], /must be a scheme, a host, a port and at most a path/],
    [['ci', '--server', 'https://portcullis.example/clusters/prod'], /--cluster does/],
    [['ci', ...server, '-n', 'Team A'], /--namespace must be the name of one/],
    [['ci', ...server, '--certificate-authority', 'nowhere.crt'], /nowhere.crt does not exist/],
    [['ci', ...server, '--certificate-authority', join(t.testdirName, 'callers.yaml')], /callers.yaml: there is no certificate in PEM/],
  ]
  for (const [args, message] of rows) {
    const { code, stdout, stderr } = await run(args)
    t.match({ code, stdout, stderr }, { code: 1, stdout: /^$/, stderr: message }, args.join(' '))
    t.notMatch(stderr, /hunter2/)
  }
  t.match(await run(['ci']), { code: 2, stdout: '' }, 'without a server it is wrong usage')
})

t.test('what a client has to trust is put in, or said', async (t) => {
  const authority = makeAuthority('corp root')
  const { cert } = authority.issue({ names: ['portcullis.example'] })
  const caOf = (stdout: string) => (parse(stdout) as { clusters: [{ cluster: Record<string, string> }] }).clusters[0].cluster['certificate-authority-data']
  const chain = await setup(t, { 'tls.crt': cert + authority.ca }).run(['ci', ...server])
  t.equal(Buffer.from(caOf(chain.stdout) ?? '', 'base64').toString().trim(), authority.ca.trim())
  const { folder, run } = setup(t, { 'tls.crt': cert, 'corp.crt': authority.ca })
  const alone = await run(['ci', ...server])
  t.equal(caOf(alone.stdout), undefined)
  t.match(alone.stderr, /was issued by CN=corp root, whose certificate is not in the file: .*--certificate-authority/)
  const named = await run(['ci', ...server, '--certificate-authority', join(folder, 'corp.crt')])
  t.equal(Buffer.from(caOf(named.stdout) ?? '', 'base64').toString(), authority.ca)
  t.match((await run(['ci', '--server', 'https://else.example'])).stderr, /tls.crt is not for else.example: clients that meet it will refuse it/)
  const plain = await setup(t, { 'portcullis.yaml': files['portcullis.yaml'].replace(/listen: .*/, 'listen: { insecure: true }') }).run(['ci', ...server])
  t.match(plain, { code: 0, stderr: /the config names no certificate/ })
})

t.test('a certificate file that cannot be read here has to be named', { skip: process.getuid?.() === 0 && 'root reads everything' }, async (t) => {
  const { folder, run } = setup(t)
  chmodSync(join(folder, 'tls.crt'), 0)
  t.match(await run(['ci', ...server]), { code: 1, stdout: '', stderr: /tls.crt cannot be read/ })
})
