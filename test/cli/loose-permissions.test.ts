// Credentials in files that every user of the machine may read: no start, unless that is said to be meant.
import { chmodSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkCommand } from '../../src/cli/check.ts'
import { requireStartable } from '../../src/cli/startable.ts'
import { FaultsError, formatFault } from '../../src/files/fault.ts'
import { makeAuthority } from '../support/certificates.ts'
import { ear } from '../support/command.ts'
import { kubeconfigOf } from '../support/kubeconfigs.ts'
import { removeLater } from '../support/scope.ts'
import { startServe } from '../support/serve-process.ts'
import { typed } from '../support/typed.ts'

const { cert, key } = makeAuthority().issue()
const files = {
  'tls.crt': cert, 'tls.key': key, 'token': 'a-token', 'bootstrap': 'a-token', 'a.crt': cert, 'a.key': key,
  'config': kubeconfigOf({ user: { token: 'a-token' } }), 'user': 'u', 'password': 'p', 'callers.yaml': 'callers: []',
}
const config = `listen: { host: 127.0.0.1, port: 0, tls: { certFile: tls.crt, keyFile: tls.key } }
admin: { port: 0 }
clusters:
  - { name: a, server: "https://127.0.0.1:9/a", credential: { tokenFile: token } }
  - { name: b, server: "https://127.0.0.1:9/b", credential: { tokenRequest: { bootstrap: { tokenFile: bootstrap } } } }
  - { name: c, server: "https://127.0.0.1:9/c", credential: { clientCertificate: { certFile: a.crt, keyFile: a.key } } }
  - { name: d, server: "https://127.0.0.1:9/d", credential: { kubeconfig: { file: config } } }
  - { name: e, server: "https://127.0.0.1:9/e", credential: { oauthSession: { username: { fromFile: user }, password: { fromFile: password } } } }
`

async function folderWith(t: Test, loose: readonly string[], text = config): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-loose-'))
  removeLater(t, folder)
  for (const [name, content] of Object.entries({ ...files, 'portcullis.yaml': text })) await writeFile(join(folder, name), content, { mode: 0o600 })
  for (const name of loose) chmodSync(join(folder, name), 0o644)
  return folder
}

async function start(folder: string, allowLoose: boolean): Promise<{ faults: string[], warnings: string[] }> {
  const lines = (faults: readonly Parameters<typeof formatFault>[0][]) => faults.map(fault => formatFault(fault).replaceAll(`${folder}/`, ''))
  try {
    const { warnings } = await requireStartable(join(folder, 'portcullis.yaml'), { env: {}, allowLoose })
    return { faults: [], warnings: lines(warnings) }
  } catch (error) {
    if (!(error instanceof FaultsError)) throw error
    return { faults: lines(error.faults), warnings: [] }
  }
}

/** Where in the config the value of a field stands. */
function at(field: string, value: string, text = config): string {
  const before = text.slice(0, text.indexOf(`${field}: ${value}`) + field.length + 2).split('\n')
  return `portcullis.yaml:${before.length}:${before.at(-1)!.length + 1}`
}

const all = Object.keys(files)
const chmod = 'take it from them with chmod o-rwx, or a volume\'s with defaultMode: 0440 and an fsGroup'
const open = (name: string) => `the file ${name} is open to every user of this machine (mode 0644): ${chmod}`
const allowed = '; --allow-loose-permissions reads it all the same'
const credentials = [
  `${at('tokenFile', 'token')} clusters[0].credential.tokenFile: ${open('token')}${allowed}`,
  `${at('tokenFile', 'bootstrap')} clusters[1].credential.tokenRequest.bootstrap.tokenFile: ${open('bootstrap')}${allowed}`,
  `${at('keyFile', 'a.key')} clusters[2].credential.clientCertificate.keyFile: ${open('a.key')}${allowed}`,
  `${at('file', 'config')} clusters[3].credential.kubeconfig.file: ${open('config')}${allowed}`,
  `${at('fromFile', 'user')} clusters[4].credential.oauthSession.username.fromFile: ${open('user')}${allowed}`,
  `${at('fromFile', 'password')} clusters[4].credential.oauthSession.password.fromFile: ${open('password')}${allowed}`,
]
const listener = `${at('keyFile', 'tls.key')} listen.tls.keyFile: ${open('tls.key')}`

t.test('every kind: each is a fault of the field that names it; certificates and callers are no secrets', async (t) => {
  t.strictSame(await start(await folderWith(t, all), false), { faults: credentials, warnings: [] })
  t.strictSame(await start(await folderWith(t, ['tls.crt', 'a.crt', 'callers.yaml']), false), { faults: [], warnings: [] })
})

t.test('where it is allowed they are warnings', async (t) => {
  t.strictSame(await start(await folderWith(t, all), true), { faults: [], warnings: [listener, ...credentials] })
})

t.test('the key of the listener is worth a word, allowed or not, and no more', async (t) => {
  const folder = await folderWith(t, ['tls.key'])
  t.strictSame(await start(folder, false), { faults: [], warnings: [listener] })
})

t.test('a group may read: that is how a volume comes', async (t) => {
  const folder = await folderWith(t, [])
  for (const name of all) chmodSync(join(folder, name), 0o440)
  t.strictSame(await start(folder, false), { faults: [], warnings: [] })
})

t.test('check warns of all of them', async (t) => {
  const folder = await folderWith(t, all)
  const stdout = ear()
  t.equal(await checkCommand({ configFile: join(folder, 'portcullis.yaml') }, { stdout, env: {}, now: Date.now, askWithin: 60_000 }), 0)
  const lines = stdout.text.replaceAll(`${folder}/`, '').split('\n').filter(line => line.includes('warning: the file'))
  t.strictSame(lines, [listener, ...credentials].map(line => line.replace(': the file', ': warning: the file')))
})

t.test('a kubeconfig that cannot be used is a fault of the field that names it', async (t) => {
  const folder = await folderWith(t, [], config.replace('{ file: config }', '{ file: config, context: other }'))
  t.strictSame((await start(folder, false)).faults, [
    `${at('kubeconfig', '{')} clusters[3].credential.kubeconfig: the kubeconfig config: it has no context "other"; there are: main`,
  ])
})

t.test('what a credential names and is not there is a fault of its field, of whichever kind', async (t) => {
  const text = config.replace('file: config', 'file: gone').replace('certFile: a.crt', 'certFile: b.crt').replace('fromFile: password', 'fromEnv: PASSWORD').replace('tokenFile: bootstrap', 'tokenEnv: TOKEN')
  t.strictSame((await start(await folderWith(t, [], text), true)).faults, [
    `${at('tokenEnv', 'TOKEN', text)} clusters[1].credential.tokenRequest.bootstrap.tokenEnv: TOKEN is not set`,
    `${at('certFile', 'b.crt', text)} clusters[2].credential.clientCertificate.certFile: b.crt does not exist`,
    `${at('file', 'gone', text)} clusters[3].credential.kubeconfig.file: gone does not exist`,
    `${at('fromEnv', 'PASSWORD', text)} clusters[4].credential.oauthSession.password.fromEnv: PASSWORD is not set`,
  ])
})

t.test('serve refuses, and serves where it is told to', async (t) => {
  const one = config.split('\n').slice(0, 4).join('\n')
  const file = join(await folderWith(t, ['token', 'tls.key'], one), 'portcullis.yaml')
  const refused = await typed(['serve', '--config', file])
  t.match(refused, { code: 1, exited: 1 })
  t.match(refused.stderr, /portcullis\.yaml:4:\d+ clusters\[0\]\.credential\.tokenFile: .*--allow-loose-permissions reads it all the same$/m)
  const served = startServe(t, ['--config', file, '--allow-loose-permissions'])
  await served.listening
  t.match(served.stderr, /listen\.tls\.keyFile: .*\n.*credential\.tokenFile: /)
  t.equal(await served.stop(), 0)
})
