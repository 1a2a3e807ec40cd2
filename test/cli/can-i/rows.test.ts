// Held against the real thing: kubectl is given the same rules by an API server, and prints them.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { columns, rowsOf } from '../../../src/cli/can-i/rows.ts'
import { formatTable } from '../../../src/cli/table.ts'
import { permissionsOf, type PolicyRule } from '../../../src/rbac/permission.ts'
import { runKubectl } from '../../support/kubectl.ts'

let rules: readonly PolicyRule[] = []
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const status = {
      resourceRules: rules.filter(({ resources }) => resources !== undefined),
      nonResourceRules: rules.filter(({ resources }) => resources === undefined),
      incomplete: false,
    }
    response.writeHead(201, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'SelfSubjectRulesReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec: {}, status }))
  })
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
t.teardown(() => server.close())
const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** In the order in which kubectl is told: resources, then paths. */
async function both(t: { testdirName: string }, told: readonly PolicyRule[]): Promise<[string, string]> {
  rules = told
  const { stdout, stderr, code } = await runKubectl(['--server', address, '--cache-dir', join(t.testdirName, 'cache'), 'auth', 'can-i', '--list'])
  if (code !== 0) throw new Error(stderr)
  const inOrder = [...rules.filter(({ resources }) => resources !== undefined), ...rules.filter(({ resources }) => resources === undefined)]
  return [formatTable(columns, rowsOf(inOrder.flatMap(permissionsOf))), stdout]
}

t.test('the table is kubectl\'s, to the letter', async (t) => {
  const [ours, theirs] = await both(t, [
    { verbs: ['get', 'list', 'watch'], apiGroups: ['', 'apps'], resources: ['pods', 'pods/log', 'deployments', 'deployments/scale'] },
    { verbs: ['watch', 'create'], apiGroups: ['apps'], resources: ['deployments'] },
    { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['a', 'b'] },
    { verbs: ['update', 'get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['b'] },
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['patch'], apiGroups: ['apps'], resources: ['*/scale'] },
    { verbs: ['get', 'head'], nonResourceURLs: ['/healthz', '/api/*'] },
  ])
  t.equal(ours, theirs)
  t.match(ours, /^Resources +Non-Resource URLs +Resource Names +Verbs\n/)
  t.match(ours, /^secrets +\[\] +\[b\] +\[get update\]$/m)
})

t.test('whatever the rules', async (t) => {
  const words = (...values: string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
  const verbs = words('get', 'list', 'create', 'delete', '*')
  const resource = fc.record({ verbs, apiGroups: words('', 'apps', 'a.example', '*'), resources: words('pods', 'pods/log', 'widgets', '*', '*/scale') })
  const named = fc.record({ verbs, apiGroups: words('', 'apps'), resources: words('pods', 'secrets'), resourceNames: words('x', 'y') })
  const path = fc.record({ verbs, nonResourceURLs: words('/metrics', '/api/*', '*') })
  // A path that two rules allow kubectl prints twice, we do not.
  const some = fc.tuple(fc.array(fc.oneof(resource, named), { maxLength: 6 }), fc.option(path)).map(([rules, path]) => path === null ? rules : [...rules, path])
  await fc.assert(fc.asyncProperty(some, async (told) => {
    const [ours, theirs] = await both(t, told)
    if (ours !== theirs) throw new Error(`${ours}\n${theirs}`)
  }), { numRuns: 12 })
})
