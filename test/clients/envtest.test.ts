// The Kubernetes store's story from the CRDs to the revocation, by kubectl and the product's own commands: on the sample
// cluster always, and on a real API server where KUBEBUILDER_ASSETS names the binaries of one.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { rbacCommand } from '../../src/cli/rbac.ts'
import { openStore } from '../support/callers-store.ts'
import { ear } from '../support/command.ts'
import { startApiServer, whyNoApiServer, type ApiServer } from '../support/envtest.ts'
import { runKubectl } from '../support/kubectl.ts'
import { startSample } from '../support/sample.ts'
import { removeLater } from '../support/scope.ts'
import { startTcpFront } from '../support/tcp-front.ts'
import { until } from '../support/until.ts'

t.setTimeout(300_000)

const namespace = 'portcullis'
const crds = fileURLToPath(new URL('../../helm/portcullis/crds/', import.meta.url))
const rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['team-a'] }
const key = { id: 'aaaaaaaa', sha256: 'ab'.repeat(32) }
const manifest = (kind: string, name: string, spec: object) => ({ apiVersion: 'portcullis.dev/v1alpha1', kind, metadata: { name }, spec })

/** `rbac`: the server judges by RBAC, so what our account may do is what we print. */
async function story(t: Test, { url, ca, adminToken, proxyToken }: ApiServer, { rbac }: { readonly rbac: boolean }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-envtest-story-'))
  removeLater(t, folder)
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c',
    clusters: [{ name: 's', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'u', user: { token: adminToken } }],
    contexts: [{ name: 'c', context: { cluster: 's', user: 'u', namespace } }],
  }), { mode: 0o600 })
  const run = async (line: string, stdin: string | object = '') => {
    const ran = await runKubectl(['--cache-dir', join(folder, 'cache'), ...line.split(' ')], { kubeconfig, stdin: typeof stdin === 'string' ? stdin : JSON.stringify(stdin), timeout: 60_000 })
    if (ran.code !== 0) throw new Error(`kubectl ${line}: ${ran.stderr}`)
    return ran.stdout
  }

  for (const name of [namespace, 'team-a']) await run('apply -f -', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await run(`apply -f ${crds}`)
  await run('wait --for=condition=Established crd/callers.portcullis.dev crd/scopes.portcullis.dev --timeout=60s')
  // What rbac prints is enough for all that follows.
  const config = join(folder, 'portcullis.yaml')
  await writeFile(join(folder, 'ca.crt'), ca)
  await run('apply -f -', manifest('Scope', 'pods', { rules: [rule] }))
  await run('apply -f -', manifest('Caller', 'ci', { scopes: [{ name: 'pods' }], keys: [key] }))
  await writeFile(config, JSON.stringify({
    listen: { insecure: true }, callers: { kubernetes: { namespace } },
    clusters: [{ name: 'prod', server: url, caFile: 'ca.crt', credential: { tokenEnv: 'T' } }],
  }))
  const [stdout, stderr] = [ear(), ear()]
  t.equal(await rbacCommand({ configFile: config, serviceAccount: 'portcullis/portcullis' }, { stdout, stderr, env: { T: adminToken } }), 0, stderr.text)
  if (rbac) await run('apply -f -', stdout.text)

  const front = await startTcpFront(t, Number(new URL(url).port))
  const { store, lines } = openStore(t, { front, ca, token: proxyToken } as Parameters<typeof openStore>[1], { namespace, statusEvery: 500 })
  await store.loaded
  t.match(store.findKey('aaaaaaaa'), { definition: { name: 'ci', grants: [{ scope: 'pods', rules: [{ resources: ['pods'] }] }] } })
  store.used('ci', 'aaaaaaaa', Date.now())
  await until(async () => /T\d/.test(await run('get caller ci -o jsonpath={.status.lastUsedTime}')))
  t.match(await run('get callers'), /^NAME +READY +SCOPES +KEYS +LAST USED +AGE\nci +True +pods +1 /)
  t.match(await run('describe scope pods'), /Kind: +Scope[^]*Callers: +1[^]*Rules: +1/)
  t.match(await run('explain caller.spec.keys'), /sha256/)

  // A connection that breaks loses nothing; a revocation is heard within a second.
  front.cut()
  const began = performance.now()
  await run('patch caller ci --type=json -p [{"op":"add","path":"/spec/keys/0/revokedAt","value":"2026-01-01T00:00:00Z"}]')
  await until(() => store.findKey('aaaaaaaa')?.revokedAt !== undefined)
  t.comment(`revoked ${Math.round(performance.now() - began)} ms after kubectl was started`)
  await t.rejects(run('apply -f -', manifest('Caller', 'bad', { keys: [{ id: 'short', sha256: 'x' }] })), { message: /spec.keys\[0\].id/ })
  await t.rejects(run('apply -f -', manifest('Caller', 'bad', { keys: [key, key] })), { message: /Duplicate value/ })
  await run('delete caller ci')
  await until(() => store.findKey('aaaaaaaa') === undefined)
  t.strictSame(lines.filter(({ message }) => /may not write the status/.test(message)), [])
}

t.test('on the sample cluster', async (t) => {
  const { sample, ca, token } = await startSample(t, { crdDelay: 0 })
  await story(t, { url: sample.url.replace('127.0.0.1', 'localhost'), ca, adminToken: token, proxyToken: token }, { rbac: false })
})

const reason = await whyNoApiServer()
t.test('on the API server of KUBEBUILDER_ASSETS', reason === undefined ? {} : { skip: reason }, async t => story(t, await startApiServer(t), { rbac: true }))
