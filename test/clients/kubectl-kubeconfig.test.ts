// Real kubectl with the kubeconfig that `portcullis kubeconfig` prints, through the real proxy over TLS; and the line of a refusal, as kubectl shows it.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { createSampleCluster } from '../../src/sample/cluster.ts'
import { callerEntry } from '../support/attack-target.ts'
import { makeAuthority, selfSigned } from '../support/certificates.ts'
import { keyFor } from '../support/keys.ts'
import { runKubectl } from '../support/kubectl.ts'
import { startProxy } from '../support/proxy.ts'
import { runCommand } from '../support/run-command.ts'
import { removeLater } from '../support/scope.ts'

const inner = makeAuthority('sample authority')
const token = 'sample-token-0123456789abcdef'
const sample = await createSampleCluster({ token, certificate: inner.issue() })
t.teardown(() => sample.close())

const outer = makeAuthority('proxy authority')
const middle = outer.subordinate('proxy intermediate')
const chained = (pieces: readonly string[], { cert, key } = middle.issue()) => ({ ...outer, issue: () => ({ cert: [cert, ...pieces].join(''), key }) })
const key = keyFor('worker00')
const rules = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'], namespaces: ['team-a'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'], namespaces: ['team-a'], acknowledge: ['run-as-us'] },
]

for (const [name, tls] of [
  ['a chain with its root', chained([middle.ca, outer.ca])],
  ['a chain up to an intermediate CA', chained([middle.ca])],
  ['a self-signed certificate', (({ cert, key }) => ({ ...outer, ca: cert, issue: () => ({ cert, key }) }))(selfSigned())],
] as const) {
  t.test(`kubectl with the generated kubeconfig, behind ${name}`, async (t) => {
    const upstreams = { prod: { url: sample.url, ca: inner.ca }, again: { url: sample.url, ca: inner.ca } }
    const proxy = await startProxy(t, { upstreams, token, tls: { ...tls, ca: tls.ca }, callers: { callers: [callerEntry('worker', key, rules)] } })
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-kubeconfig-'))
    removeLater(t, folder)
    for (const [cluster, where] of [[[], 'the default cluster'], [['--cluster', 'again'], 'a named cluster']] as const) {
      const args = ['kubeconfig', 'worker', '--server', `https://localhost:${proxy.port}`, '--key-file', '-', ...cluster, '--config', join(proxy.folder, 'portcullis.yaml')]
      const { code, stdout, stderr } = await runCommand(args, { stdin: key.key })
      t.equal(code, 0, stderr)
      const kubeconfig = join(folder, `kubeconfig-${cluster.length}`)
      await writeFile(kubeconfig, stdout, { mode: 0o600 })
      const kubectl = (args: readonly string[]) => runKubectl(['--cache-dir', join(folder, 'cache'), ...args], { kubeconfig })
      const pods = await kubectl(['get', 'pods'])
      t.match(pods.stdout, /web-0/, `${where}: ${pods.stderr}`)
      t.match(await kubectl(['exec', 'web-0', '--', 'sh', '-c', 'echo hello']), { code: 0, stdout: 'hello\n' }, where)
      t.match((await kubectl(['config', 'current-context'])).stdout, cluster.length === 0 ? /^worker$/m : /^worker@again$/m)
    }
  })
}

t.test('a refusal ends in a line that is pasted into the callers file, and then kubectl may', async (t) => {
  const tls = chained([middle.ca, outer.ca])
  const worker = (more: readonly object[]) => ({ callers: [callerEntry('worker', key, [...rules.slice(0, 1), ...more])] })
  const proxy = await startProxy(t, { upstreams: { prod: { url: sample.url, ca: inner.ca } }, token, tls, openshift: true, callers: worker([]) })
  const { stdout: kubeconfigText } = await runCommand(['kubeconfig', 'worker', '--server', `https://localhost:${proxy.port}`, '--key-file', '-', '--config', join(proxy.folder, 'portcullis.yaml')], { stdin: key.key })
  const kubeconfig = join(proxy.folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigText, { mode: 0o600 })
  const kubectl = (args: readonly string[], stdin = '') => runKubectl(['--cache-dir', join(proxy.folder, 'cache'), ...args], { kubeconfig, stdin })
  const pasted: object[] = []
  for (const [args, acknowledged] of [
    [['get', 'configmaps', '-n', 'team-b'], false],
    [['create', 'deployment', 'cured', '--image=x'], false],
    [['create', 'serviceaccount', 'cured'], false],
    [['exec', 'web-0', '--', 'true'], true],
  ] as const) {
    const refused = await kubectl(args)
    const [, line = ''] = /; to allow it(?:, if it is meant)?: (- \{.*\})$/m.exec(refused.stderr) ?? []
    t.match(refused, { code: 1, stderr: /portcullis: caller "worker" may not / }, args.join(' '))
    t.equal(line.includes('acknowledge: ['), acknowledged, refused.stderr)
    pasted.push(...parse(line) as object[])
    await proxy.rewriteCallers(worker(pasted))
    t.match(await kubectl(args), { code: 0 }, args.join(' '))
  }
})
