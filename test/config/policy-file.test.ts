import { readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readPolicyFile } from '../../src/config/policy-file.ts'
import { FaultsError, formatFault } from '../../src/files/fault.ts'
import { removeLater } from '../support/scope.ts'

async function policyFile(t: Test, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-policy-'))
  removeLater(t, folder)
  await writeFile(join(folder, 'policy.yaml'), text)
  return join(folder, 'policy.yaml')
}

async function faultsOf(t: Test, text: string): Promise<string[]> {
  const error = await readPolicyFile(await policyFile(t, text)).then(() => undefined, (thrown: unknown) => thrown)
  return error instanceof FaultsError ? error.faults.map(fault => formatFault(fault).replace(/^.*policy.yaml:/, '')) : []
}

const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n'

t.test('a Policy of an API server is taken as it is', async (t) => {
  const policy = await readPolicyFile(await policyFile(t, `${head}metadata: { name: cluster, creationTimestamp: null }
omitStages: [RequestReceived]
omitManagedFields: false
rules:
  - level: None
    users: ["system:kube-proxy", "system:anonymous"]
    verbs: [watch]
    resources: [{ group: "", resources: [endpoints, services/status] }]
  - level: None
    userGroups: ["system:authenticated"]
    nonResourceURLs: ["/api*", /version]
  - { level: RequestResponse, resources: [{ group: "", resources: [configmaps], resourceNames: [controller-leader] }], namespaces: [kube-system, ""], omitManagedFields: true }
  - level: Request
    omitStages: [ResponseStarted]
`))
  t.strictSame(policy, {
    omitStages: ['RequestReceived'],
    otherwise: 'None',
    rules: [
      { level: 'None', callers: ['system:kube-proxy', ''], verbs: ['watch'], resources: [{ group: '', resources: ['endpoints', 'services/status'], resourceNames: [] }], omitManagedFields: false },
      { level: 'None', groups: ['system:authenticated'], nonResourceURLs: ['/api*', '/version'], omitManagedFields: false },
      { level: 'RequestResponse', resources: [{ group: '', resources: ['configmaps'], resourceNames: ['controller-leader'] }], namespaces: ['kube-system', ''], omitManagedFields: true },
      { level: 'Request', omitStages: ['ResponseStarted'], omitManagedFields: false },
    ],
  })
})

for (const [what, text, expected] of [
  ['another version', 'apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{ level: None }]\n', ['1:13 apiVersion: must be one of: audit.k8s.io/v1']],
  ['no rule', `${head}rules: []\n`, ['3:8 rules: must not be empty']],
  ['several faults at once', `${head}rules:\n- level: All\n- level: None\n  nonResourceURLs: ["x*"]\n  namespaces: [a]\n- level: None\n  resources: [{ resourceNames: [a] }]\n`, [
    '4:10 rules[0].level: must be one of: None, Metadata, Request, RequestResponse',
  ]],
  ['rules that do not go together', `${head}rules:\n- level: None\n  nonResourceURLs: ["x*"]\n  namespaces: [a]\n- level: None\n  resources: [{ resourceNames: [a] }]\n`, [
    '5:20 rules[0].nonResourceURLs: cannot stand beside resources or namespaces: make it two rules',
    '5:21 rules[0].nonResourceURLs[0]: must begin with / and have * only at its end',
    '8:32 rules[1].resources[0].resourceNames: needs resources: of what are these the names?',
  ]],
  ['nothing', '', ['1:1 is empty; it needs a Policy of audit.k8s.io/v1']],
  ['two documents', `${head}rules: [{ level: None }]\n---\na: 1\n`, ['5:1 is a second document: a policy is one']],
  ['broken YAML', 'a: b: c', ['1:4 Nested mappings are not allowed in compact mappings']],
] as const) {
  t.test(`a Policy file is refused with all its faults: ${what}`, async t => t.strictSame(await faultsOf(t, text), expected))
}

t.test('a file that is not there is named', async t =>
  t.rejects(readPolicyFile('/nowhere/policy.yaml'), { message: '/nowhere/policy.yaml:1:1 does not exist' }))

t.test('the example of the docs is one', async (t) => {
  const [, example = ''] = /```yaml\n# policy.yaml\n(apiVersion: audit\.k8s\.io\/v1\n[^`]*)```/.exec(readFileSync('docs/reference/audit.md', 'utf8')) ?? []
  t.not(example, '')
  await t.resolves(readPolicyFile(await policyFile(t, example)))
})
