import t from 'tap'
import { canICommand, type CanIArgs } from '../../src/cli/can-i.ts'
import { definition, rule } from '../support/builders.ts'
import { ear, knowing } from '../support/command.ts'

const rules = [
  rule({ verbs: ['get', 'list'], apiGroups: ['', 'apps'], resources: ['pods', 'pods/log', 'deployments'], namespaces: ['team-a'] }),
  rule({ verbs: ['get'], apiGroups: ['route.openshift.io'], resources: ['routes'], resourceNames: ['r'] }),
  rule({ verbs: ['get'], nonResourceURLs: ['/metrics'] }),
  rule({ verbs: ['create'], apiGroups: ['*'], resources: ['rolebindings'] }),
]
const ci = definition({ grants: [{ scope: 'read', rules, namespaces: undefined }], clusters: ['prod'] })

async function run(args: CanIArgs) {
  const [stdout, stderr] = [ear(), ear()]
  const code = await canICommand(args, { load: () => knowing([ci]), stdout, stderr })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

t.test('yes and no, with the rule, and with an exit code', async (t) => {
  const rows: [Omit<CanIArgs, 'caller'>, boolean][] = [
    [{ verb: 'list', resource: 'pods', namespace: 'team-a' }, true],
    [{ verb: 'list', resource: 'pods', namespace: 'team-b' }, false],
    [{ verb: 'list', resource: 'pods' }, false],
    [{ verb: 'get', resource: 'pods/x', namespace: 'team-a' }, true],
    [{ verb: 'get', resource: 'pods/x', subresource: 'log', namespace: 'team-a' }, true],
    [{ verb: 'create', resource: 'pods', subresource: 'exec', namespace: 'team-a' }, false],
    [{ verb: 'get', resource: 'deployments', namespace: 'team-a' }, true],
    [{ verb: 'get', resource: 'deployments.apps/x', namespace: 'team-a' }, true],
    [{ verb: 'get', resource: 'deployments.extensions', namespace: 'team-a' }, false],
    [{ verb: 'get', resource: 'routes/r', namespace: 'a' }, true],
    [{ verb: 'get', resource: 'routes.route.openshift.io/r', namespace: 'a' }, true],
    [{ verb: 'get', resource: 'routes/s', namespace: 'a' }, false],
    [{ verb: 'get', resource: '/metrics' }, true],
    [{ verb: 'get', resource: '/healthz' }, false],
    [{ verb: 'create', resource: 'rolebindings', namespace: 'a' }, false],
    [{ verb: 'list', resource: 'pods', namespace: 'team-a', cluster: 'test' }, false],
  ]
  for (const [args, allowed] of rows) {
    const { code, stdout } = await run({ caller: 'ci', ...args })
    t.equal(code, allowed ? 0 : 1, JSON.stringify(args))
    t.match(stdout, allowed ? /^yes - allowed by scope read: .*\n$/ : /^no - .*\n$/, JSON.stringify(args))
  }
})

t.test('a no says why', async (t) => {
  t.match(await run({ caller: 'ci', verb: 'delete', resource: 'pods/x', namespace: 'team-a' }), { stdout: /lacks verb delete/ })
  t.match(await run({ caller: 'ci', verb: 'create', resource: 'rolebindings', namespace: 'a' }), { stdout: /acknowledge: \[grant-role\]/ })
})

t.test('an unknown caller and wrong usage are told on stderr', async (t) => {
  t.match(await run({ caller: 'joe', verb: 'get', resource: 'pods' }), { code: 1, stdout: '', stderr: /no caller "joe"/ })
  for (const args of [{}, { caller: 'ci', verb: 'get' }, { verb: 'get', resource: 'pods' }]) {
    t.match(await run(args), { code: 2, stdout: '', stderr: /--caller, VERB and RESOURCE/ })
  }
})

t.test('in kubectl\'s words: short names, -A, -q, warnings, JSON', async (t) => {
  t.match(await run({ caller: 'ci', verb: 'list', resource: 'po', namespace: 'team-a' }), { code: 0, stdout: /^yes/ })
  t.match(await run({ caller: 'ci', verb: 'get', resource: 'Deployment/x', namespace: 'team-a' }), { code: 0, stdout: /^yes/ })
  t.match(await run({ caller: 'ci', verb: 'list', resource: 'pods', namespace: 'team-a', allNamespaces: true }), { code: 1, stdout: /^no/ })
  t.strictSame(await run({ caller: 'ci', verb: 'list', resource: 'pods', namespace: 'team-a', quiet: true }), { code: 0, stdout: '', stderr: '' })
  t.strictSame(await run({ caller: 'ci', verb: 'list', resource: 'nodes', namespace: 'team-a', quiet: true }), { code: 1, stdout: '', stderr: '' })
  t.match(await run({ caller: 'ci', verb: 'list', resource: 'nodes', namespace: 'team-a' }), { code: 1, stderr: 'Warning: resource \'nodes\' is not namespace scoped\n' })
  const { stdout } = await run({ caller: 'ci', verb: 'delete', resource: 'po/x', namespace: 'team-a', json: true })
  t.match(JSON.parse(stdout), { allowed: false, code: 'ScopeDenied', rule: null, reason: /lacks verb delete; to allow it: - \{ apiGroups: \[""\], resources: \[pods\], resourceNames: \[x\], verbs: \[delete\], namespaces: \[team-a\] \}$/ })
})
