// A start that cannot be: everything that is in the way is named, nothing stays running.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { serveCommand } from '../../src/cli/serve.ts'
import { builtMain } from '../support/built.ts'
import { makeAuthority } from '../support/certificates.ts'
import { ear } from '../support/command.ts'
import { removeLater, type Scope } from '../support/scope.ts'

const main = builtMain()

async function folderWith(t: Scope, files: Readonly<Record<string, string>>): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-start-'))
  removeLater(t, folder)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  return name => join(folder, name)
}

t.test('files and variables that are not there are named with their places, together with the faults of the callers', async (t) => {
  const file = await folderWith(t, {
    'portcullis.yaml': [
      'listen: { tls: { certFile: no.crt, keyFile: no.key } }',
      'clusters:',
      '  - { name: a, server: "https://api.example:6443", caFile: no-ca.crt, credential: { tokenFile: no-token } }',
      '  - { name: b, server: "https://api.example:6443", credential: { tokenEnv: NO_TOKEN } }',
    ].join('\n'),
    'callers.yaml': 'callers: [ { name: ci, scopes: [ none ] } ]',
  })
  const stderr = ear()
  t.equal(await serveCommand({ configFile: file('portcullis.yaml') }, { stderr, env: {} }), 1)
  t.strictSame(stderr.text.replaceAll(file('/'), '').trimEnd().split('\n'), [
    'portcullis.yaml:1:28 listen.tls.certFile: no.crt does not exist',
    'portcullis.yaml:1:45 listen.tls.keyFile: no.key does not exist',
    'portcullis.yaml:3:60 clusters[0].caFile: no-ca.crt does not exist',
    'portcullis.yaml:3:96 clusters[0].credential.tokenFile: no-token does not exist',
    'portcullis.yaml:4:76 clusters[1].credential.tokenEnv: NO_TOKEN is not set',
    'callers.yaml:1:34 callers[0].scopes[0]: names no scope: none; there are none (caller ci)',
  ])
})

for (const taken of ['listen', 'admin'] as const) {
  t.test(`where the port of ${taken} is taken the process ends with 1, and serves nothing on the other`, async (t) => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    t.teardown(() => squatter.close())
    const port = (section: string) => section === taken ? (squatter.address() as AddressInfo).port : 0
    const { cert, key } = makeAuthority().issue()
    const file = await folderWith(t, {
      'tls.crt': cert, 'tls.key': key, 'token': 'a-token', 'callers.yaml': 'callers: []',
      'portcullis.yaml': JSON.stringify({
        listen: { host: '127.0.0.1', port: port('listen'), tls: { certFile: 'tls.crt', keyFile: 'tls.key' } },
        admin: { port: port('admin') },
        // A cluster that accepts connections and never says a word: what waits for it must not keep the process.
        clusters: [{ name: 'a', server: `https://127.0.0.1:${(squatter.address() as AddressInfo).port}`, credential: { tokenFile: 'token' } }],
      }),
    })
    const child = spawn(process.execPath, [main, 'serve', '--config', file('portcullis.yaml')])
    t.teardown(() => child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.on('data', (text: Buffer) => { stderr += text.toString() })
    const [code] = await once(child, 'close') as [number | null]
    t.equal(code, 1, stderr)
    t.match(stderr, /portcullis serve: .*EADDRINUSE/)
  })
}
