import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { listFor } from '../../../src/cli/can-i/list.ts'
import { canICommand, type CanIArgs } from '../../../src/cli/can-i.ts'
import { judgeIn } from '../../../src/cli/judge.ts'
import type { CallerDefinition, Grant } from '../../../src/model/caller.ts'
import { definition, rule } from '../../support/builders.ts'
import { ear, knowing } from '../../support/command.ts'
import { facts } from '../../support/questions.ts'

const grants: Grant[] = [
  {
    scope: null, namespaces: undefined, rules: [
      rule({ verbs: ['get', 'list'], apiGroups: ['', 'apps'], resources: ['pods', 'deployments'], namespaces: ['team-a', 'team-b-*'] }),
      rule({ verbs: ['create'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], namespaces: ['team-a'] }),
      rule({ verbs: ['update'], resources: ['services'], resourceNames: ['web'], namespaces: ['team-a'] }),
      rule({ verbs: ['get'], nonResourceURLs: ['/metrics', '/logs/x'] }),
    ],
  },
  { scope: 'view', namespaces: ['team-c'], rules: [rule({ verbs: ['*'], resources: ['configmaps'] }), rule({ verbs: ['get'], nonResourceURLs: ['/healthz'] })] },
  { scope: 'nodes', namespaces: undefined, rules: [rule({ verbs: ['list'], resources: ['nodes', 'nodes/proxy'] }), rule({ verbs: ['create'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['rolebindings'], acknowledge: ['grant-role'], namespaces: ['team-b-x'] })] },
]
const ci = definition({ grants, discovery: false })

async function run(args: Partial<CanIArgs>, caller: CallerDefinition = ci) {
  const [stdout, stderr] = [ear(), ear()]
  const code = await canICommand({ caller: 'ci', list: true, ...args }, { load: () => knowing([caller]), stdout, stderr })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

t.test('what a caller may do in a namespace, and apart from it what its rules say and the guard refuses', async (t) => {
  const { code, stdout, stderr } = await run({ namespace: 'team-a' })
  t.match({ code, stderr }, { code: 0, stderr: /^$/ })
  t.equal(stdout, `Resources          Non-Resource URLs   Resource Names   Verbs
deployments        []                  []               [get list]
pods               []                  []               [get list]
deployments.apps   []                  []               [get list]
pods.apps          []                  []               [get list]
                   [/metrics]          []               [get]
nodes              []                  []               [list]

Rules say it, and it is refused all the same:
Resource or URL                          Resource Name   Verb     Needs
rolebindings.rbac.authorization.k8s.io                   create   acknowledge: [grant-role]
services                                 web             update   create beside it
/logs/x                                                  get      acknowledge: [server-internals]
nodes/proxy                                              list     acknowledge: [node-proxy]
`)
})

t.test('without a namespace, what holds over all of them, and where else to ask', async (t) => {
  for (const args of [{}, { namespace: 'team-a', allNamespaces: true }]) {
    const { stdout, stderr } = await run(args)
    t.notMatch(stdout, /pods/)
    t.match(stdout, /^nodes +\[\] +\[\] +\[list\]$/m)
    t.equal(stderr, 'At the cluster scope and over all namespaces; other rules hold in (-n): team-a, team-b-*, team-b-x, team-c\n')
  }
})

t.test('a narrowed scope lists nothing elsewhere, and of a wildcard it says what the guard keeps', async (t) => {
  const { stdout, stderr } = await run({ namespace: 'team-c' })
  t.match(stdout, /^configmaps +\[\] +\[\] +\[\*\]$/m)
  t.notMatch(stdout, /healthz/, 'a path has no namespace to be narrowed to')
  t.match(stderr, /^Of what \* stands for, the guard keeps closed: mint-token, own-credential/)
  t.notMatch((await run({ namespace: 'team-x' })).stdout, /configmaps/)
})

t.test('discovery is listed where it is allowed, and what is listed is allowed', async (t) => {
  const { allowed } = listFor(definition(), facts(), '')
  t.ok(allowed.some(permission => permission.kind === 'url' && permission.url === '/apis/*'))
  for (const permission of allowed) {
    const path = permission.kind === 'url' ? permission.url.replace('*', 'x') : ''
    const attributes = { isResourceRequest: false, path, verb: permission.verb, apiPrefix: '', apiGroup: '', apiVersion: '', namespace: '', resource: '', subresource: '', name: '' }
    t.equal(judgeIn(definition(), facts(), { attributes, upgrade: false, contentType: undefined }).allowed, true, path)
  }
})

t.test('as JSON', async (t) => {
  t.match(JSON.parse((await run({ namespace: 'team-a', json: true })).stdout), {
    allowed: [{ resource: 'deployments', apiGroup: '', resourceNames: [], nonResourceURLs: [], verbs: ['get', 'list'] }],
    closed: [{ resource: 'rolebindings', verbs: ['create'], routes: ['grant-role'] }, { resource: 'services', routes: [] }],
    closedWithin: [], elsewhere: ['team-b-*', 'team-b-x', 'team-c'],
  })
})

t.test('a cluster that the caller may not use lists nothing', async (t) => {
  t.match(await run({ cluster: 'test' }, { ...ci, clusters: ['prod'] }), { code: 1, stdout: '', stderr: /may not use this cluster; .*clusters: \[prod, test\]/ })
  t.match(await run({ cluster: 'nowhere' }), { code: 1, stdout: '', stderr: /may not use this cluster/ })
})

t.test('every permission without a star is listed exactly where the question about it is answered yes', async () => {
  const words = (...values: string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
  const some = fc.record({
    verbs: words('get', 'create', 'update', 'delete'), apiGroups: words('', 'rbac.authorization.k8s.io'), resources: words('pods', 'secrets', 'services', 'rolebindings', 'pods/exec'),
    resourceNames: fc.subarray(['x'], { maxLength: 1 }), namespaces: fc.constantFrom(['a'], ['*'], ['own', 'a*']), acknowledge: fc.subarray(['grant-role' as const, 'own-credential' as const, 'mint-token' as const]),
  })
  const seen = new Set<boolean>()
  fc.assert(fc.property(fc.array(some.map(rule), { maxLength: 4 }), fc.option(fc.constantFrom(['a'], ['*']), { nil: undefined }), fc.constantFrom('', 'a', 'own'), (rules, namespaces, namespace) => {
    const caller = definition({ grants: [{ scope: 's', rules, namespaces }], discovery: false })
    const { allowed, closed } = listFor(caller, facts(), namespace)
    for (const verb of ['get', 'create', 'update', 'delete']) for (const group of ['', 'rbac.authorization.k8s.io']) for (const resource of ['pods', 'secrets', 'services', 'rolebindings', 'pods/exec']) for (const name of [null, 'x']) {
      const [type = '', subresource = ''] = resource.split('/')
      const attributes = { isResourceRequest: true, path: '', verb, apiPrefix: '', apiGroup: group, apiVersion: '', namespace, resource: type, subresource, name: name ?? '' }
      const yes = judgeIn(caller, facts(), { attributes, upgrade: false, contentType: undefined }).allowed
      const covers = (list: typeof allowed) => list.some(one => one.kind === 'resource' && one.verb === verb && one.group === group && one.resource === resource && (one.name === null || one.name === name))
      assert.equal(covers(allowed), yes, JSON.stringify(attributes))
      if (yes) assert.ok(!closed.some(({ permission: one }) => one.kind === 'resource' && one.verb === verb && one.group === group && one.resource === resource && one.name === name))
      seen.add(yes)
    }
  }), { numRuns: 200 })
  assert.deepEqual([...seen].sort(), [false, true])
})
