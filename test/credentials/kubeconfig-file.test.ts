import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readKubeconfig } from '../../src/credentials/kubeconfig-file.ts'
import { formOf } from '../../src/credentials/kubeconfig-user.ts'
import { base64, kubeconfigOf } from '../support/kubeconfigs.ts'
import { runKubectl } from '../support/kubectl.ts'

function fileWith(t: Test, text: string): string {
  const file = join(t.testdir({ config: text }), 'config')
  chmodSync(file, 0o600)
  return file
}

function read(t: Test, text: string, context?: string) {
  return readKubeconfig({ file: fileWith(t, text), context, allowLoose: false })
}

const withToken = { user: { token: 'S3cret' } }
const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'plugin' }

t.test('a context is its server, its CA and its user, with paths beside the kubeconfig', async (t) => {
  const cluster = { 'server': 'https://api.example:6443/k8s/c-1/', 'certificate-authority': 'pki/ca.crt', 'tls-server-name': 'inner.example' }
  const file = fileWith(t, kubeconfigOf({ cluster, user: { 'client-certificate': 'a.crt', 'client-key': '/keys/a.key' } }))
  const folder = join(file, '..')
  t.strictSame(await readKubeconfig({ file, context: undefined, allowLoose: false }), {
    server: 'https://api.example:6443/k8s/c-1',
    ca: { file: join(folder, 'pki/ca.crt') },
    tlsServerName: 'inner.example',
    user: { kind: 'certificate', cert: { file: join(folder, 'a.crt') }, key: { file: '/keys/a.key' } },
  })
})

t.test('what stands in the kubeconfig itself comes before the file that it names, but a token file before a token', async (t) => {
  const cluster = { 'certificate-authority': 'ca.crt', 'certificate-authority-data': base64('CA') }
  const user = { 'client-certificate': 'a.crt', 'client-certificate-data': base64('CERT'), 'client-key': 'a.key', 'client-key-data': base64('KEY') }
  t.match(await read(t, kubeconfigOf({ cluster, user })), { ca: { text: 'CA' }, user: { kind: 'certificate', cert: { text: 'CERT' }, key: { text: 'KEY' } } })
  t.match(await read(t, kubeconfigOf({ user: { token: 'S3cret', tokenFile: 'token' } })), { user: { kind: 'tokenFile', file: /\/token$/ } })
  t.match(await read(t, kubeconfigOf(withToken)), { ca: undefined, tlsServerName: undefined, user: { kind: 'token', token: 'S3cret' } })
})

t.test('a plugin is found on PATH by its name, and beside the kubeconfig by its path', async (t) => {
  const full = { ...exec, args: ['a'], env: [{ name: 'N', value: 'v' }], provideClusterInfo: true, interactiveMode: 'Never', installHint: 'ask us' }
  t.strictSame((await read(t, kubeconfigOf({ user: { exec: full } }))).user, {
    kind: 'exec', exec: { apiVersion: exec.apiVersion, command: 'plugin', args: ['a'], env: [{ name: 'N', value: 'v' }], provideClusterInfo: true },
  })
  const file = fileWith(t, kubeconfigOf({ user: { exec: { ...exec, apiVersion: 'client.authentication.k8s.io/v1beta1', command: './plugin', args: null, env: null } } }))
  t.strictSame((await readKubeconfig({ file, context: undefined, allowLoose: false })).user, {
    kind: 'exec', exec: { apiVersion: 'client.authentication.k8s.io/v1beta1', command: join(file, '../plugin'), args: [], env: [], provideClusterInfo: false },
  })
})

t.test('the context that is named is the one, and what is wrong with others is no matter', async (t) => {
  const text = kubeconfigOf({
    ...withToken,
    'current-context': 'gone',
    'contexts': [null, { name: 'broken' }, { name: 'main', context: { cluster: 'c', user: 'u' } }, { name: 'other', context: { cluster: 'c', user: 'v' } }],
    'clusters': [{ name: 'none', cluster: { 'certificate-authority': 7 } }, { name: 'c', cluster: { server: 'https://a' } }],
    'users': [null, { name: 'w', user: { 'token-file': '/no/such/file' } }, { name: 'u', user: { token: 'one' } }, { name: 'v', user: { token: 'two' } }],
  })
  t.match(await read(t, text, 'other'), { user: { token: 'two' } })
  t.match(await read(t, text, 'main'), { user: { token: 'one' } })
  await t.rejects(read(t, text), { message: /the kubeconfig .*config: it has no context "gone"; there are: main, other$/ })
})

const refused: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['no current context', kubeconfigOf({ ...withToken, 'current-context': '' }), /no current-context: say which with context; there are: main$/],
  ['a cluster that is not there', kubeconfigOf({ ...withToken, clusters: [] }), /context "main" names a cluster that is not there, or has no server$/],
  ['a cluster without a server', kubeconfigOf({ ...withToken, cluster: { server: '' } }), /names a cluster that is not there, or has no server$/],
  ['a user that is not there', kubeconfigOf({ ...withToken, users: null }), /context "main" names no user, or one that is not there$/],
  ['a context without a user', kubeconfigOf({ ...withToken, contexts: [{ name: 'main', context: { cluster: 'c' } }] }), /names no user, or one that is not there$/],
  ['a cluster that is not verified', kubeconfigOf({ ...withToken, cluster: { 'insecure-skip-tls-verify': true } }), /cluster "c" has insecure-skip-tls-verify, which does not exist here: give its CA/],
  ['a proxy', kubeconfigOf({ ...withToken, cluster: { 'proxy-url': 'http://u:S3cret@proxy' } }), /proxy-url, which is not supported$/],
  ['plain HTTP', kubeconfigOf({ ...withToken, cluster: { server: 'http://u:S3cret@api.example' } }), /cluster "c" must have an https URL/],
  ['a server that is no URL', kubeconfigOf({ ...withToken, cluster: { server: 'S3cret' } }), /cluster "c" must have an https URL/],
  ['a password in the URL', kubeconfigOf({ ...withToken, cluster: { server: 'https://u:S3cret@api.example' } }), /a host, a port and a path in its server/],
  ['a user without a credential', kubeconfigOf({ user: { token: '' } }), /user "u" has no credential: no token, tokenFile, client-certificate or exec$/],
  ['a user that is nothing', kubeconfigOf({ users: [{ name: 'u' }] }), /user "u" has no credential/],
  ['a password', kubeconfigOf({ user: { username: 'u', password: 'S3cret' } }), /user "u" has a user name and a password, .*oauthSession/],
  ['an auth-provider', kubeconfigOf({ user: { 'auth-provider': { name: 'oidc', config: { 'id-token': 'S3cret' } } } }), /auth-provider, which Kubernetes 1\.26 removed.*exec/],
  ['impersonation', kubeconfigOf({ user: { token: 'S3cret', as: 'jane' } }), /impersonates another one \(as\), which is not supported/],
  ['impersonated groups', kubeconfigOf({ user: { 'token': 'S3cret', 'as-groups': ['g'] } }), /impersonates another one/],
  ['a token and a plugin', kubeconfigOf({ user: { token: 'S3cret', exec } }), /user "u" has several credentials: keep one of/],
  ['a token and a certificate', kubeconfigOf({ user: { 'token': 'S3cret', 'client-certificate': 'a', 'client-key': 'b' } }), /has several credentials/],
  ['a certificate without its key', kubeconfigOf({ user: { 'client-certificate-data': base64('S3cret') } }), /needs both$/],
  ['a key without its certificate', kubeconfigOf({ user: { 'client-key-data': base64('S3cret') } }), /needs both$/],
  ['a token that is no text', kubeconfigOf({ user: { token: 12345 } }), /token of "u" must be a text$/],
  ['a plugin of an old kind', kubeconfigOf({ user: { exec: { ...exec, apiVersion: 'client.authentication.k8s.io/v1alpha1' } } }), /plugin of user "u" must have one of these as apiVersion: .*v1, .*v1beta1$/],
  ['a plugin without a command', kubeconfigOf({ user: { exec: { ...exec, command: '' } } }), /has no command$/],
  ['a plugin that asks', kubeconfigOf({ user: { exec: { ...exec, interactiveMode: 'Always' } } }), /at a terminal \(interactiveMode: Always\)/],
  ['a plugin with odd arguments', kubeconfigOf({ user: { exec: { ...exec, args: ['S3cret', 7] } } }), /list of texts as args$/],
  ['a plugin with an odd environment', kubeconfigOf({ user: { exec: { ...exec, env: [{ name: 'N', value: ['S3cret'] }] } } }), /list of name and value as env$/],
  ['no YAML', 'users: [ { token: S3cret', /cannot be read as YAML at line 1, column \d+$/],
  ['nothing', '', /holds no contexts$/],
  ['a bare token', 'S3cret', /holds no contexts$/],
]

t.test('what we do not do, or cannot, is refused with what to do and without a value', async (t) => {
  for (const [what, text, message] of refused) {
    const error = await read(t, text).then(() => t.fail(what), (error: unknown) => error as Error)
    t.match(error, { message }, what)
    for (let told: unknown = error; told instanceof Error; told = told.cause) t.notMatch(told.message, /S3cret|UzNjcmV0/, what)
  }
})

t.test('a field that kubectl does not know names no token: nobody checked that file', async (t) => {
  const file = fileWith(t, '')
  writeFileSync(`${file}.token`, 'S3cret')
  writeFileSync(file, kubeconfigOf({ user: { 'token-file': `${file}.token` } }))
  await t.rejects(readKubeconfig({ file, context: undefined, allowLoose: false }), { message: /user "u" has no credential/ })
})

t.test('a kubeconfig holds secrets: one that every user may read is refused, unless that is allowed', async (t) => {
  const file = fileWith(t, kubeconfigOf(withToken))
  chmodSync(file, 0o644)
  await t.rejects(readKubeconfig({ file, context: undefined, allowLoose: false }), { message: /config is open to every user of this machine \(mode 0644\)/ })
  t.match(await readKubeconfig({ file, context: undefined, allowLoose: true }), { user: { token: 'S3cret' } })
  await t.rejects(readKubeconfig({ file: `${file}x`, context: undefined, allowLoose: false }), { message: /configx does not exist$/ })
})

t.test('the form of a user is all but its secrets', async (t) => {
  const form = async (user: object) => JSON.stringify(formOf((await read(t, kubeconfigOf({ user }))).user))
  t.equal(await form({ token: 'one' }), await form({ token: 'two' }))
  const inline = (cert: string) => ({ 'client-certificate-data': base64(cert), 'client-key-data': base64(cert) })
  t.equal(await form(inline('one')), await form(inline('two')))
  const different = [
    { token: 'one' }, inline('one'), { tokenFile: '/a' }, { tokenFile: '/b' }, { exec }, { exec: { ...exec, args: ['x'] } },
    { 'client-certificate': '/a', 'client-key': '/b' }, { 'client-certificate': '/a', 'client-key': '/c' },
  ]
  const forms = new Set<string>()
  for (const user of different) forms.add(await form(user))
  t.equal(forms.size, different.length)
})

t.test('what kubectl writes is read', async (t) => {
  const folder = t.testdir({ 'ca.crt': 'CA', 'a.crt': 'CERT', 'a.key': 'KEY' })
  const kubeconfig = join(folder, 'config')
  const config = async (...args: string[]) => t.equal((await runKubectl(['config', ...args], { kubeconfig })).code, 0, args.join(' '))
  await config('set-cluster', 'c', '--server=https://api.example:6443', `--certificate-authority=${join(folder, 'ca.crt')}`, '--tls-server-name=inner.example')
  await config('set-credentials', 'token', '--token=S3cret')
  await config('set-credentials', 'certificate', `--client-certificate=${join(folder, 'a.crt')}`, `--client-key=${join(folder, 'a.key')}`, '--embed-certs')
  await config('set-credentials', 'plugin', '--exec-command=plugin', '--exec-api-version=client.authentication.k8s.io/v1', '--exec-arg=login', '--exec-env=N=v')
  await config('set-credentials', 'both', '--username=u', '--password=S3cret')
  for (const user of ['token', 'certificate', 'plugin', 'both']) await config('set-context', `with-${user}`, '--cluster=c', `--user=${user}`)
  await config('use-context', 'with-certificate')
  const readContext = (context?: string) => readKubeconfig({ file: kubeconfig, context, allowLoose: false })
  t.strictSame(await readContext(), {
    server: 'https://api.example:6443', ca: { file: join(folder, 'ca.crt') }, tlsServerName: 'inner.example',
    user: { kind: 'certificate', cert: { text: 'CERT' }, key: { text: 'KEY' } },
  })
  t.strictSame((await readContext('with-token')).user, { kind: 'token', token: 'S3cret' })
  t.match((await readContext('with-plugin')).user, { kind: 'exec', exec: { command: 'plugin', args: ['login'], env: [{ name: 'N', value: 'v' }] } })
  await t.rejects(readContext('with-both'), { message: /user name and a password/ })
})
