import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/load.ts'
import { readEndpoint } from '../../src/wiring/endpoint.ts'
import { makeAuthority } from '../support/certificates.ts'
import { base64, kubeconfigOf } from '../support/kubeconfigs.ts'

const [ours, theirs, pods] = ['ours', 'theirs', 'pods'].map(name => makeAuthority(name).ca) as [string, string, string]
const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }

interface Files { readonly [name: string]: string }

/** The endpoint of a cluster of a config that stands beside these files; paths come back without their folder. */
async function endpointOf(t: Test, cluster: object, files: Files, { allowLoose = false, environment = env }: { readonly allowLoose?: boolean, readonly environment?: Readonly<Record<string, string>> } = {}) {
  const folder = t.testdir({ 'ours.crt': ours, 'pod': { 'ca.crt': pods } })
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), allowLoose ? 0o644 : 0o600)
  }
  const { config, faults } = readConfig(join(folder, 'portcullis.yaml'), JSON.stringify({ listen: { host: '127.0.0.1' }, clusters: [{ name: 'a', ...cluster }] }))
  t.strictSame(faults, [])
  const { endpoint, files: found, form } = await readEndpoint(config!.clusters[0]!, { env: environment, allowLoose, podFolder: join(folder, 'pod') })
  return { endpoint, files: found.map(file => file.replace(`${folder}/`, '')), form }
}

const kubeconfig = { credential: { kubeconfig: { file: 'config' } } }
const withData = kubeconfigOf({ cluster: { 'certificate-authority-data': base64(theirs), 'tls-server-name': 'inner' }, user: { token: 'x' } })

t.test('server, CA and name are as the config says, and from files that are to be followed', async (t) => {
  const whole = { server: 'https://a:6443', caFile: 'ours.crt', tlsServerName: 'outer' }
  t.strictSame(await endpointOf(t, { ...whole, credential: { tokenFile: 'x' } }, {}), {
    endpoint: { server: 'https://a:6443', ca: ours, tlsServerName: 'outer' }, files: ['ours.crt'], form: undefined,
  })
  t.strictSame(await endpointOf(t, { server: 'https://a', credential: { tokenFile: 'x' } }, {}), {
    endpoint: { server: 'https://a', ca: undefined, tlsServerName: undefined }, files: [], form: undefined,
  })
  const beside = await endpointOf(t, { ...whole, ...kubeconfig }, { config: withData })
  t.strictSame(beside.endpoint, { server: 'https://a:6443', ca: ours, tlsServerName: 'outer' })
  t.strictSame(beside.files, ['config', 'ours.crt'])
})

t.test('what the config leaves out is as the kubeconfig says', async (t) => {
  const all = await endpointOf(t, kubeconfig, { config: withData })
  t.strictSame(all, {
    endpoint: { server: 'https://api.example:6443', ca: theirs, tlsServerName: 'inner' }, files: ['config'],
    form: { server: 'https://api.example:6443', ca: { text: theirs }, tlsServerName: 'inner', user: { kind: 'token' } },
  })
  const named = kubeconfigOf({ cluster: { 'certificate-authority': 'their.crt' }, user: { token: 'x' } })
  const file = await endpointOf(t, { ...kubeconfig, server: 'https://elsewhere' }, { 'config': named, 'their.crt': theirs })
  t.strictSame(file.endpoint, { server: 'https://elsewhere', ca: theirs, tlsServerName: undefined })
  t.strictSame(file.files, ['config', 'their.crt'])
  const bootstrap = await endpointOf(t, { credential: { tokenRequest: { bootstrap: kubeconfig.credential } } }, { config: withData })
  t.strictSame(bootstrap, all)
})

t.test('another user is told from the same with another secret', async (t) => {
  const formOf = async (user: object) => JSON.stringify((await endpointOf(t, kubeconfig, { config: kubeconfigOf({ user }) })).form)
  t.equal(await formOf({ token: 'S3cret' }), await formOf({ token: 'other' }))
  t.not(await formOf({ token: 'S3cret' }), await formOf({ tokenFile: 'token' }))
  t.notMatch(await formOf({ token: 'S3cret' }), /S3cret/)
})

t.test('another server in the kubeconfig is another form, though the config says where to go: its users are others', async (t) => {
  const formOf = async (server: string) => (await endpointOf(t, { ...kubeconfig, server: 'https://elsewhere' }, { config: kubeconfigOf({ cluster: { server }, user: { token: 'x' } }) }))
  const [one, other] = [await formOf('https://one'), await formOf('https://other')]
  t.strictSame(one.endpoint, other.endpoint)
  t.strictNotSame(one.form, other.form)
})

t.test('or as the pod says', async (t) => {
  t.strictSame(await endpointOf(t, { credential: { inCluster: {} } }, {}), {
    endpoint: { server: 'https://10.96.0.1:443', ca: pods, tlsServerName: undefined }, files: ['pod/ca.crt'], form: undefined,
  })
  const named = await endpointOf(t, { server: 'https://kubernetes.default.svc', credential: { inCluster: {} } }, {}, { environment: {} })
  t.strictSame(named.endpoint, { server: 'https://kubernetes.default.svc', ca: pods, tlsServerName: undefined })
  t.match(await endpointOf(t, { credential: { tokenRequest: { bootstrap: { inCluster: {} } } } }, {}), { endpoint: { server: 'https://10.96.0.1:443' } })
  await t.rejects(endpointOf(t, { credential: { inCluster: {} } }, {}, { environment: {} }), { message: /inCluster is for a process in a pod, and this is none/ })
})

t.test('what cannot be is refused by the name of its file', async (t) => {
  const empty = kubeconfigOf({ cluster: { 'certificate-authority-data': base64('S3cret') }, user: { token: 'x' } })
  await t.rejects(endpointOf(t, kubeconfig, { config: empty }), { message: /^the kubeconfig .*config holds no CA certificate in PEM$/ })
  await t.rejects(endpointOf(t, kubeconfig, { config: kubeconfigOf({ cluster: { 'certificate-authority': 'no.crt' }, user: { token: 'x' } }) }), /no\.crt/)
  await t.rejects(endpointOf(t, kubeconfig, {}), { message: /config does not exist$/ })
  t.match(await endpointOf(t, kubeconfig, { config: withData }, { allowLoose: true }), { endpoint: { ca: theirs } })
})
