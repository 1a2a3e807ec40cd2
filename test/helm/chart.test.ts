// Each value set of helm/portcullis/ci, rendered by the real helm: valid, restricted, without a secret in plain sight, and
// with a config that the product takes. `npm run golden` writes test/helm/golden anew, to be read as a diff.
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { checkCommand } from '../../src/cli/check.ts'
import { startStoreServer } from '../support/callers-store.ts'
import { makeAuthority } from '../support/certificates.ts'
import { chart, releaseNamespace, render, runHelm, valueSets, valuesFile, type Manifest, type Rendered } from '../support/chart.ts'
import { ear } from '../support/command.ts'
import { customFaults } from '../support/custom-kinds.ts'
import { isBuiltIn, typeFaults } from '../support/kubernetes-types.ts'
import { mountPod } from '../support/mounted-pod.ts'
import { plainSecrets } from '../support/plain-secrets.ts'
import { podSpecs, restrictedFaults } from '../support/pod-security.ts'
import { removeLater } from '../support/scope.ts'

t.setTimeout(300_000)

const goldens = fileURLToPath(new URL('golden/', import.meta.url))
const writing = process.env['PORTCULLIS_WRITE_GOLDENS'] !== undefined
const { version } = JSON.parse(await readFile(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8')) as { version: string }
const sets = await valueSets()

const clusterScoped = new Set(['ClusterRole', 'ClusterRoleBinding'])

function faultsOf(manifest: Manifest): string[] {
  const { kind, metadata: { name, namespace } } = manifest
  const faults = isBuiltIn(manifest) ? typeFaults(manifest) : customFaults(manifest)
  return [
    ...faults.map(fault => `${kind}/${name}${fault}`),
    ...(namespace === undefined) === clusterScoped.has(kind) ? [] : [`${kind}/${name}: its namespace`],
  ]
}

const dashboard = (await readFile(`${chart}dashboards/portcullis.json`, 'utf8')).trimEnd()

/** What is a file already stands there by its name; a release is a small change of versions, and no reason to read every golden file again. */
function lasting(text: string): string {
  return text.replace(dashboard.replaceAll(/^/gm, '    '), '    (dashboards/portcullis.json)').replaceAll(version, 'VERSION')
}

async function matchesGolden(t: Test, name: string, { text }: Rendered): Promise<void> {
  const file = `${goldens}${name}.yaml`
  if (writing) await writeFile(file, lasting(text))
  t.equal(lasting(text), await readFile(file, 'utf8').catch(() => ''), 'npm run golden makes it so')
}

// A cluster that has the chart's CRDs.
const sample = await startStoreServer(t)
await sample.call('POST', '/api/v1/namespaces', { body: { metadata: { name: releaseNamespace } } })
const { cert, key } = makeAuthority().issue()
const authority = makeAuthority('clients').ca
/** Whatever a Secret or ConfigMap that is not of the chart may bring. */
const outside = { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority, 'ca-bundle.crt': authority, 'token': 'opaque-token', 'callers.yaml': 'callers: []\n' }

/** What `portcullis check` says of the config that the pod would find, in a pod that is a folder. */
async function check(t: Test, { manifests }: Rendered) {
  const root = await mkdtemp(join(tmpdir(), 'portcullis-chart-'))
  removeLater(t, root)
  const url = new URL(sample.sample.url)
  const { configFile, podFolder } = await mountPod(manifests, root, url.origin, { outside, token: sample.token, ca: sample.ca, namespace: releaseNamespace })
  const stdout = ear()
  const code = await checkCommand({ configFile }, {
    stdout, now: Date.now, askWithin: 500, podFolder,
    env: { KUBERNETES_SERVICE_HOST: url.hostname, KUBERNETES_SERVICE_PORT: url.port, OLD_TOKEN: 'opaque-token' },
  })
  // Whose account is how mighty is the sample cluster's matter; so is that nobody has a caller yet.
  const warnings = stdout.text.split('\n').filter(line => line.includes('warning:') && !line.includes('our account may also'))
  return { code, warnings, text: stdout.text }
}

t.test('there are value sets enough, and the chart is of the product\'s version', async (t) => {
  t.ok(sets.length >= 8)
  const about = await readFile(`${chart}Chart.yaml`, 'utf8')
  t.match(about, new RegExp(`^version: ${version}$`, 'm'))
  t.match(about, new RegExp(`^appVersion: ${version}$`, 'm'))
})

for (const name of sets) {
  t.test(`value set ${name}`, async (t) => {
    const values = ['--values', valuesFile(name)]
    const [rendered, byHelm3, lint] = await Promise.all([render(values), render(values, '1.29'), runHelm(['lint', '--strict', chart, ...values])])
    const { manifests } = rendered
    t.match(lint, /0 chart\(s\) failed/)
    t.strictSame(manifests.flatMap(faultsOf), [], 'kinds and fields are those of Kubernetes')
    const names = manifests.map(({ kind, metadata: { name, namespace } }) => `${kind} ${namespace}/${name}`)
    t.strictSame(names.filter((name, index) => names.indexOf(name) !== index), [], 'nothing is there twice')
    t.strictSame(plainSecrets(manifests), [], 'no secret stands where everybody may read it')
    const pods = manifests.flatMap(podSpecs)
    t.equal(pods.length, 2, 'the pods that serve, and that of helm test')
    t.strictSame(pods.flatMap(restrictedFaults), [], 'the restricted Pod Security Standard')
    await matchesGolden(t, name, rendered)
    t.equal(byHelm3.text, rendered.text, 'helm 3 makes the same of it')
    const { code, warnings, text } = await check(t, rendered)
    t.equal(code, 0, text)
    t.strictSame(warnings, [])
  })
}
