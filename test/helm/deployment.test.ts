// What of the chart has to agree with the product, and is in no value set to be seen.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { readConfig } from '../../src/config/load.ts'
import { asFields, type Fields } from '../../src/json-fields.ts'
import { chart, find, readManifests, render, runHelm, valuesFile, type Manifest } from '../support/chart.ts'
import { isBuiltIn, typeFaults } from '../support/kubernetes-types.ts'
import { runCommand } from '../support/run-command.ts'
import { removeLater } from '../support/scope.ts'

const source = (path: string) => readFile(new URL(`../../src/${path}`, import.meta.url), 'utf8')

function podOf(manifests: readonly Manifest[]): Fields {
  return asFields(asFields(asFields(find(manifests, 'Deployment')?.['spec'])['template'])['spec'])
}

function templateAnnotations(manifests: readonly Manifest[]): Fields {
  return asFields(asFields(asFields(asFields(find(manifests, 'Deployment')?.['spec'])['template'])['metadata'])['annotations'])
}

t.test('the grace holds all that a drain takes, in one process or several', async (t) => {
  const number = async (file: string, form: RegExp) => Number(form.exec(await source(file))?.[1]?.replace('_', ''))
  const notice = await number('cli/serve.ts', /^const notice = (\d+)$/m)
  const patience = await Promise.all([number('build.ts', /patience = ([\d_]+) \} = \{\}/), number('workers/primary.ts', /^const drainPatience = ([\d_]+)$/m)])
  const sinks = await number('workers/remote-sink.ts', /patience: ([\d_]+),/)
  t.strictSame([notice, patience, sinks], [1000, [25_000, 25_000], 5000])
  await t.rejects(render(['--set', 'preStopSeconds=30']), { message: /at least 61/ })
  t.match(podOf((await render([])).manifests), { terminationGracePeriodSeconds: 50 })
})

t.test('before it stops it serves on, without a shell: the kubelet sleeps, or Node where the kubelet cannot', async (t) => {
  const preStop = async (version: string) => {
    const { manifests } = await render(['--kube-version', version, '--set', 'preStopSeconds=7'])
    return asFields(asFields((podOf(manifests)['containers'] as Fields[])[0]?.['lifecycle'])['preStop'])
  }
  t.strictSame(await preStop('1.30.0'), { sleep: { seconds: 7 } })
  t.strictSame(await preStop('v1.29.8+2d0c2c8'), { exec: { command: ['/nodejs/bin/node', '-e', 'setTimeout(() => {}, 7 * 1000)'] } })
  t.match(await readFile(new URL('../../Dockerfile', import.meta.url), 'utf8'), /^ENTRYPOINT \["\/nodejs\/bin\/node",/m)
})

t.test('pods are replaced by what a reload does not put in force, and by nothing else of the config', async (t) => {
  const checksum = async (...set: string[]) => templateAnnotations((await render(set.flatMap(one => ['--set', one]))).manifests)['checksum/needs-restart']
  const before = await checksum()
  for (const hot of ['config.log.level=debug', 'config.limits.maxRequestBody=1MiB', 'config.audit.maxBodySize=1KiB', 'config.clusters[0].name=b,config.clusters[0].server=https://b,config.clusters[0].credential.tokenEnv=T']) t.equal(await checksum(hot), before, hot)
  for (const cold of ['config.listen.http2=false', 'config.admin.port=9000', 'config.workers=2', 'config.audit.mode=blocking', 'config.audit.sinks[0].file.path=/x']) t.not(await checksum(cold), before, cold)
})

interface RuleSet { readonly kind: string, readonly name: string, readonly rules: unknown }

function ruleSets(manifests: readonly Manifest[]): RuleSet[] {
  return manifests.filter(({ kind }) => kind.endsWith('Role')).map(({ kind, metadata: { name }, rules }) => ({ kind, name, rules }))
}

/** What `portcullis rbac` prints for the config that the chart makes of these values, with no callers but those. */
async function printed(t: Test, rendered: readonly Manifest[], callers: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-chart-rbac-'))
  removeLater(t, folder)
  const config = String(asFields(find(rendered, 'ConfigMap')?.['data'])['portcullis.yaml'])
  await writeFile(join(folder, 'callers.yaml'), callers)
  await writeFile(join(folder, 'portcullis.yaml'), config.replace('/var/run/secrets/portcullis/callers', 'callers.yaml'))
  const { stdout } = await runCommand(['rbac', '--config', join(folder, 'portcullis.yaml'), '--service-account', 'portcullis/portcullis'])
  return stdout
}

t.test('the rights that the chart gives by itself are those that portcullis rbac prints: for its own watches, the store, minting', async (t) => {
  const { manifests } = await render(['--set', 'cluster.credential=tokenRequest'])
  const ours = ruleSets(manifests)
  const theirs = ruleSets(readManifests(await printed(t, manifests, '')))
  const rulesOf = (sets: readonly RuleSet[], name: RegExp) => sets.find(set => name.test(set.name))?.rules
  t.strictSame(theirs.map(({ name }) => name), ['portcullis', 'portcullis-portcullis', 'portcullis-bootstrap'])
  t.strictSame(rulesOf(ours, /:discovery$/), rulesOf(theirs, /^portcullis$/))
  t.strictSame(rulesOf(ours, /-store$/), rulesOf(theirs, /^portcullis-portcullis$/))
  t.strictSame(rulesOf(ours, /-mint$/), rulesOf(theirs, /-bootstrap$/))
  t.equal(ours.length, 3)
})

t.test('with tokenRequest the pod\'s account may do nothing but mint', async (t) => {
  const { manifests } = await render(['--values', valuesFile('token-request')])
  t.equal(podOf(manifests)['serviceAccountName'], 'portcullis-bootstrap')
  const held = manifests.filter(({ kind, subjects }) => kind.endsWith('Binding') && (subjects as Fields[]).some(({ name }) => name === 'portcullis-bootstrap'))
  t.strictSame(held.map(({ metadata: { name } }) => name), ['portcullis-mint'])
})

t.test('what portcullis rbac prints is taken as it is', async (t) => {
  const callers = 'callers: [{ name: ci, rules: [{ apiGroups: [""], resources: [pods], verbs: [list], namespaces: [team-a] }, { nonResourceURLs: [/metrics], verbs: [get] }] }]\n'
  const first = await render(['--set', 'callers.source=secret,callers.existingSecret=x'])
  const text = await printed(t, first.manifests, callers)
  const folder = t.testdir({ 'rbac.yaml': text })
  const { manifests } = await render(['--set', 'callers.source=secret,callers.existingSecret=x,rbac.discovery=false', '--set-file', `rbac.manifests=${join(folder, 'rbac.yaml')}`])
  const expected = parseAllDocuments(text).map(document => document.toJS() as Manifest)
  t.ok(expected.length >= 4)
  t.strictSame(manifests.filter(({ kind }) => /Role/.test(kind)).sort(byName), [...expected].sort(byName))
  t.strictSame(manifests.filter(isBuiltIn).flatMap(typeFaults), [])
})

function byName(a: Manifest, b: Manifest): number {
  return `${a.kind} ${a.metadata.name}` < `${b.kind} ${b.metadata.name}` ? -1 : 1
}

t.test('the CRDs of the Kubernetes store come with it', async (t) => {
  const crds = readManifests(await runHelm(['show', 'crds', chart]))
  t.strictSame(crds.map(({ kind, metadata: { name } }) => `${kind} ${name}`), ['CustomResourceDefinition callers.portcullis.dev', 'CustomResourceDefinition scopes.portcullis.dev'])
})

t.test('the notes name what has to be there first, and a config with which callers are made', async (t) => {
  const notes = await runHelm(['install', 'portcullis', chart, '--namespace', 'portcullis', '--dry-run=client'])
  t.match(notes, /create secret tls portcullis-tls/)
  t.match(notes, /portcullis rbac --service-account portcullis\/portcullis/)
  const [, config = ''] = /^ {3}# portcullis\.yaml\n((?: {3}.+\n)+)/m.exec(notes) ?? []
  const { config: read, faults } = readConfig('notes', config.replaceAll(/^ {3}/gm, ''))
  t.strictSame(faults, [])
  t.match(read?.callers, { kind: 'kubernetes', namespace: 'portcullis', cluster: 'in-cluster' })
})

t.test('a package of the chart holds all of it, and nothing of the tests', async (t) => {
  const folder = t.testdir({})
  await runHelm(['package', chart, '--destination', folder])
  const stdout = execFileSync('sh', ['-c', `tar tzf ${folder}/portcullis-*.tgz`], { encoding: 'utf8' })
  for (const file of ['Chart.yaml', 'values.yaml', 'values.schema.json', 'templates/deployment.yaml', 'crds/callers.yaml', 'dashboards/portcullis.json']) t.match(stdout, new RegExp(`^portcullis/${file}$`, 'm'))
  t.notMatch(stdout, /portcullis\/ci\//)
})
