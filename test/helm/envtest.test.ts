// Each value set before a real API server, where KUBEBUILDER_ASSETS names one: a strict server-side dry run, in a namespace
// that enforces the restricted Pod Security Standard, of every manifest of a kind that it has, and of the pods that they make.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { asFields } from '../../src/json-fields.ts'
import { find, releaseNamespace, render, valueSets, valuesFile, type Manifest } from '../support/chart.ts'
import { startApiServer, whyNoApiServer } from '../support/envtest.ts'
import { isBuiltIn } from '../support/kubernetes-types.ts'
import { runKubectl } from '../support/kubectl.ts'
import { podSpecs } from '../support/pod-security.ts'
import { removeLater } from '../support/scope.ts'

t.setTimeout(300_000)

/** The pods of a Deployment, as its ReplicaSet would make them: the namespace's policy is asked of each pod alone. */
function podsOf(manifest: Manifest): Manifest[] {
  if (manifest.kind === 'Pod') return []
  return podSpecs(manifest).map(spec => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `${manifest.metadata.name}-0`, namespace: releaseNamespace }, spec }))
}

t.test('a real API server takes every manifest, and every pod, under the restricted policy', { skip: await whyNoApiServer() ?? false }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-chart-envtest-'))
  removeLater(t, folder)
  const { url, ca, adminToken } = await startApiServer(t)
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'c',
    clusters: [{ name: 's', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'u', user: { token: adminToken } }], contexts: [{ name: 'c', context: { cluster: 's', user: 'u' } }],
  }), { mode: 0o600 })
  const apply = (manifests: readonly Manifest[], ...more: string[]) => runKubectl(
    ['--cache-dir', join(folder, 'cache'), 'apply', '-f', '-', '--validate=strict', ...more],
    { kubeconfig, stdin: manifests.map(manifest => JSON.stringify(manifest)).join('\n---\n'), timeout: 60_000 },
  )
  const space = (name: string, labels = {}): Manifest => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  const policy = Object.fromEntries(['enforce', 'warn'].map(mode => [`pod-security.kubernetes.io/${mode}`, 'restricted']))
  t.equal((await apply([space(releaseNamespace, policy), space('team-a')])).code, 0)

  for (const name of await valueSets()) {
    const { manifests } = await render(['--values', valuesFile(name)])
    const known = manifests.filter(isBuiltIn)
    const ran = await apply([...known, ...known.flatMap(podsOf)], '--dry-run=server')
    t.equal(ran.code, 0, `${name}: ${ran.stderr}`)
    t.equal(ran.stderr, '', `${name}: without a warning`)
    t.equal(ran.stdout.trimEnd().split('\n').length, known.length + 1, name)
  }

  const { manifests } = await render(['--values', valuesFile('minimal')])
  const [pod] = podsOf(find(manifests, 'Deployment')!)
  const loose = { ...pod!, spec: { ...asFields(pod!['spec']), hostNetwork: true } }
  t.match((await apply([loose], '--dry-run=server')).stderr, /violates PodSecurity "restricted/, 'the policy is in force')
})
