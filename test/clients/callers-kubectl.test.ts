// Real kubectl on the objects of the Kubernetes store, against the sample cluster.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { namespace, openStore, rule, startStoreServer } from '../support/callers-store.ts'
import { runKubectl, type KubectlVersion } from '../support/kubectl.ts'
import { removeLater } from '../support/scope.ts'
import { until } from '../support/until.ts'

t.setTimeout(240_000)

const crds = fileURLToPath(new URL('../../helm/portcullis/crds/', import.meta.url))

async function kubectlOf(t: Test, version: KubectlVersion) {
  const server = await startStoreServer(t, { bare: true })
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-kubectl-'))
  removeLater(t, folder)
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c',
    clusters: [{ name: 's', cluster: { server: server.sample.url, 'certificate-authority-data': Buffer.from(server.ca).toString('base64') } }],
    users: [{ name: 'u', user: { token: server.token } }],
    contexts: [{ name: 'c', context: { cluster: 's', user: 'u', namespace } }],
  }), { mode: 0o600 })
  const run = (line: string, stdin: string | object = '') => runKubectl(['--cache-dir', join(folder, 'cache'), ...line.split(' ')],
    { version, kubeconfig, stdin: typeof stdin === 'string' ? stdin : JSON.stringify(stdin), timeout: 60_000 })
  return { server, run }
}

const manifest = (kind: string, name: string, spec: object) => ({ apiVersion: 'portcullis.dev/v1alpha1', kind, metadata: { name }, spec })
const key = { id: 'aaaaaaaa', sha256: 'ab'.repeat(32) }

for (const version of ['1.35', '1.29'] as const) {
  t.test(`kubectl ${version}: definitions, callers and scopes applied, listed, described, explained`, async (t) => {
    const { server, run } = await kubectlOf(t, version)
    t.match(await run(`apply -f ${crds}`), { code: 0, stdout: /callers.portcullis.dev created\n.*scopes.portcullis.dev created/ })
    await until(async () => (await run('get callers')).code === 0)
    t.match(await run('apply -f -', manifest('Scope', 'pods', { description: 'to look', rules: [rule] })), { code: 0 })
    t.match(await run('apply -f -', manifest('Caller', 'ci', { scopes: [{ name: 'pods' }, { name: 'gone' }], keys: [key] })), { code: 0 })
    t.match(await run('apply -f -', manifest('Caller', 'bad', { keys: [{ id: 'short' }] })), { code: 1, stderr: /spec\.keys\[0\]\.sha256: Required value/ })
    t.match(await run('apply -f -', manifest('Caller', 'bad', { scope: [] })), { code: 1, stderr: /unknown field "spec.scope"/ })
    const { store } = openStore(t, server, { statusEvery: 300 })
    await store.loaded
    store.used('ci', 'aaaaaaaa', Date.now())
    await until(async () => (await server.status('callers', 'ci'))['lastUsedTime'] !== undefined)
    const callers = await run('get callers')
    t.match(callers.stdout, /^NAME +READY +SCOPES +KEYS +LAST USED +AGE\nci +False +pods, gone +1 +\d+s +\d+s\n$/)
    t.match((await run('get scopes -o wide')).stdout, /^NAME +READY +RULES +CALLERS +AGE +MESSAGE\npods +True +1 +1 +\d+s +all of it is in force\n$/)
    t.match((await run('get portcullis')).stdout, /caller.portcullis.dev\/ci[^]*scope.portcullis.dev\/pods/)
    const described = await run('describe scope pods')
    t.match(described.stdout, /Name: +pods[^]*Kind: +Scope[^]*Rules:[^]*Resources:\n +pods[^]*Status:[^]*Callers: +1/)
    t.match((await run('explain caller.spec.keys')).stdout, /Its keys; several while one replaces another[^]*sha256/)
    t.match(await run(`wait --for=condition=Ready scope/pods --timeout=20s`), { code: 0 })
    t.match(await run(`patch caller ci --type=json -p [{"op":"add","path":"/spec/keys/0/revokedAt","value":"2026-01-01T00:00:00Z"}]`), { code: 0 })
    await until(() => store.findKey('aaaaaaaa')?.revokedAt !== undefined)
    t.match(await run('apply --server-side --force-conflicts -f -', manifest('Caller', 'ci', { scopes: [{ name: 'pods' }], keys: [key] })), { code: 0 })
    await until(() => store.findKey('aaaaaaaa')?.definition.grants.length === 1)
    t.match(await run('delete caller ci'), { code: 0 })
    await until(() => store.findKey('aaaaaaaa') === undefined)
    t.comment(callers.stdout, described.stdout)
  })
}
