import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Credential } from '../../src/credentials/credential.ts'
import { createKubeconfig, ofKubeconfig } from '../../src/credentials/kubeconfig.ts'
import { readKubeconfig } from '../../src/credentials/kubeconfig-file.ts'
import type { watchFiles } from '../../src/files/watch.ts'
import { makeAuthority } from '../support/certificates.ts'
import { base64, kubeconfigOf } from '../support/kubeconfigs.ts'
import { jwt } from './tokens.ts'

const authority = makeAuthority()
const first = authority.issue({ commonName: 'first' })
const second = authority.issue({ commonName: 'system:serviceaccount:tools:second' })
const token = jwt({ sub: 'system:serviceaccount:tools:portcullis', exp: 1_800_000_000 })
const inline = ({ cert, key }: { readonly cert: string, readonly key: string }) => ({ 'client-certificate-data': base64(cert), 'client-key-data': base64(key) })

interface Started {
  readonly credential: Credential
  readonly folder: string
  readonly warnings: string[]
  readonly watched: readonly string[]
  put(name: string, text: string, mode?: number): void
  /** As when the watch sees that something changed. */
  renewed(): Promise<boolean>
}

async function start(t: Test, user: object, files: Readonly<Record<string, string>> = {}, context?: string): Promise<Started> {
  const folder = t.testdir({})
  const put = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), mode)
  }
  put('config', kubeconfigOf({ user }))
  for (const [name, text] of Object.entries(files)) put(name, text)
  const source = { file: join(folder, 'config'), context, allowLoose: false }
  const warnings: string[] = []
  const watched: string[] = []
  const watch: typeof watchFiles = async (paths) => {
    watched.push(...paths)
    return { close: () => {} }
  }
  const credential = await createKubeconfig({ ...source, made: await readKubeconfig(source), watch, warn: message => warnings.push(message) })
  return { credential, folder, warnings, watched, put, renewed: () => credential.renew(credential.present()) }
}

t.test('a token that stands in it, reread when the kubeconfig changes', async (t) => {
  const { credential, put, renewed, watched, folder } = await start(t, { token })
  t.strictSame(watched, [join(folder, 'config')])
  t.strictSame(credential.present(), { authorization: `Bearer ${token}`, certificate: undefined })
  t.match(credential.facts(), {
    kind: 'kubeconfig', source: `the current context of the kubeconfig ${folder}/config`, trouble: undefined,
    claims: { account: { namespace: 'tools', name: 'portcullis' }, expiresAt: 1_800_000_000_000 },
  })
  t.equal(await renewed(), false, 'the same is no newer one')
  put('config', kubeconfigOf({ user: { token: 'newer' } }))
  t.equal(await renewed(), true)
  t.equal(credential.present().authorization, 'Bearer newer')
})

t.test('a token file that it names, relative to it', async (t) => {
  const { credential, put, renewed, watched, folder } = await start(t, { tokenFile: 'token' }, { token: 'one' }, 'main')
  t.strictSame(watched, [join(folder, 'config'), join(folder, 'token')])
  t.equal(credential.present().authorization, 'Bearer one')
  t.equal(credential.facts().source, `the context "main" of the kubeconfig ${folder}/config`)
  put('token', 'two')
  t.equal(await renewed(), true)
  t.equal(credential.present().authorization, 'Bearer two')
})

t.test('a client certificate that stands in it: no Authorization', async (t) => {
  const { credential, put, renewed, watched, folder } = await start(t, inline(first))
  t.strictSame(watched, [join(folder, 'config')])
  t.strictSame(credential.present(), { authorization: undefined, certificate: first })
  t.match(credential.facts().claims, { user: 'first', account: undefined, expiresAt: Number })
  put('config', kubeconfigOf({ user: inline(second) }))
  t.equal(await renewed(), true)
  t.strictSame(credential.present().certificate, second)
  t.strictSame(credential.facts().claims.account, { namespace: 'tools', name: 'second' })
})

t.test('a client certificate in files that it names', async (t) => {
  const { credential, watched, put, renewed, folder } = await start(t, { 'client-certificate': 'a.crt', 'client-key': 'a.key' }, { 'a.crt': first.cert, 'a.key': first.key })
  t.strictSame(watched, ['config', 'a.crt', 'a.key'].map(name => join(folder, name)))
  t.strictSame(credential.present().certificate, first)
  put('a.crt', second.cert, 0o644)
  put('a.key', second.key)
  t.equal(await renewed(), true)
  t.strictSame(credential.present().certificate, second)
})

t.test('another way to prove itself is taken at the next reading; a plugin is not', async (t) => {
  const { credential, put, renewed, warnings } = await start(t, { token: 'one' })
  put('config', kubeconfigOf({ user: inline(first) }))
  t.equal(await renewed(), true)
  t.strictSame(credential.present(), { authorization: undefined, certificate: first })
  put('config', kubeconfigOf({ user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'plugin' } } }))
  t.equal(await renewed(), false)
  t.match(warnings, [/its user has an exec plugin; the last good one stays in use$/])
})

for (const [what, cluster] of [
  ['server', { server: 'https://other.example:6443' }],
  ['CA', { 'certificate-authority-data': base64(authority.ca) }],
  ['name in its certificate', { 'tls-server-name': 'inner' }],
] as const) {
  t.test(`a token that comes with another ${what} is not taken: the connections are made for the one before`, async (t) => {
    const { credential, put, renewed, warnings } = await start(t, { token: 'one' })
    put('config', kubeconfigOf({ cluster, user: { token: 'S3cret' } }))
    t.equal(await renewed(), false)
    t.equal(credential.present().authorization, 'Bearer one')
    t.match(warnings, [/config now names another server, or another CA or name of it; the last good one stays in use$/])
    put('config', kubeconfigOf({ user: { token: 'two' } }))
    t.equal(await renewed(), true)
    t.equal(credential.present().authorization, 'Bearer two')
  })
}

const bad: readonly (readonly [what: string, name: string, text: string, mode: number, message: RegExp])[] = [
  ['a kubeconfig that is broken', 'config', '{ S3cret', 0o600, /cannot be read as YAML/],
  ['a kubeconfig that is loose', 'config', kubeconfigOf({ user: { tokenFile: 'token' } }), 0o644, /config is open to every user/],
  ['a kubeconfig with a bad token', 'config', kubeconfigOf({ user: { token: 'S3cret S3cret' } }), 0o600, /config: the token holds more than one token/],
  ['a kubeconfig with a bad certificate', 'config', kubeconfigOf({ user: { 'client-certificate-data': base64('S3cret'), 'client-key-data': base64(first.key) } }), 0o600, /config: there is no certificate in PEM/],
  ['a kubeconfig with a key of another', 'config', kubeconfigOf({ user: inline({ cert: first.cert, key: second.key }) }), 0o600, /config: the private key is not that of the certificate/],
  ['a kubeconfig whose certificate is not there', 'config', kubeconfigOf({ user: { 'client-certificate': 'no.crt', 'client-key': 'no.key' } }), 0o600, /config: the file .*no\.crt does not exist/],
  ['a token file that is loose', 'token', 'S3cret', 0o604, /config: the file .*token is open to every user/],
  ['a token file that is empty', 'token', '', 0o600, /config: the token file .*token is empty/],
]

for (const [what, name, text, mode, message] of bad) {
  t.test(`${what} is reported without its secrets, and the last good one stays`, async (t) => {
    const { credential, put, renewed, warnings } = await start(t, { tokenFile: 'token' }, { token: 'good' })
    put(name, text, mode)
    t.equal(await renewed(), false)
    t.match(warnings, [message])
    t.notMatch(warnings.join('\n'), /S3cret/)
    t.match(credential.facts().trouble, message)
    t.equal(credential.present().authorization, 'Bearer good')
  })
}

t.test('a client key that every user may read is no credential, and its certificate may be public', async (t) => {
  const files = { 'a.crt': first.cert, 'a.key': first.key }
  const { folder, put } = await start(t, { token: 'one' }, files)
  put('a.crt', first.cert, 0o644)
  put('config', kubeconfigOf({ user: { 'client-certificate': 'a.crt', 'client-key': 'a.key' } }))
  const create = async (allowLoose: boolean) => {
    const source = { file: join(folder, 'config'), context: undefined, allowLoose }
    const credential = await createKubeconfig({ ...source, made: await readKubeconfig(source), warn: () => {}, watch: async () => ({ close: () => {} }) })
    return credential.present().certificate
  }
  t.strictSame(await create(false), first)
  put('a.key', first.key, 0o644)
  await t.rejects(create(false), { message: /a\.key is open to every user/ })
  t.strictSame(await create(true), first)
})

t.test('a plugin of a kubeconfig is told of as the kubeconfig\'s, and is the plugin in all else', async (t) => {
  const presented = { authorization: 'Bearer x', certificate: undefined }
  const done: unknown[] = []
  const { credential: plugin } = await start(t, { token: 'x' })
  const wrapped = ofKubeconfig({
    present: () => presented,
    renew: async rejected => done.push(rejected) > 0,
    facts: () => ({ ...plugin.facts(), kind: 'exec', source: 'the command p', trouble: 'slow' }),
    close: () => done.push('closed'),
  }, { file: '/k', context: 'main' })
  t.equal(wrapped.present(), presented)
  t.equal(await wrapped.renew(presented), true)
  wrapped.close()
  t.strictSame(done, [presented, 'closed'])
  t.match(wrapped.facts(), { kind: 'kubeconfig', source: 'the context "main" of the kubeconfig /k, the command p', trouble: 'slow' })
})
