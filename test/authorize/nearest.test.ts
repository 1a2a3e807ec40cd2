import t from 'tap'
import type { Grant, Rule } from '../../src/model/caller.ts'
import { rule } from '../support/builders.ts'
import { judge } from '../support/questions.ts'

function scope(name: string | null, rules: Partial<Rule>[], namespaces?: string[]): Grant {
  return { scope: name, rules: rules.map(rule), namespaces }
}

/** What stands before the line that would allow it; that is tried in cure.test.ts. */
const withoutCure = (reason: string) => reason.replace(/; to allow it: - \{.*\}$/, '')

const readWorkloads = scope('read-workloads', [{ verbs: ['get', 'list', 'watch'], resources: ['pods', 'pods/log'], namespaces: ['team-a'] }])

t.test('a refusal names the nearest rule and what it lacks', async (t) => {
  const rows: [Grant[], string, string][] = [
    [[readWorkloads], 'DELETE /api/v1/namespaces/team-a/pods/x',
      'caller "ci" may not delete pods "x" in namespace "team-a": nearest rule (scope read-workloads: get,list,watch pods,pods/log in team-a) lacks verb delete'],
    [[readWorkloads], 'DELETE /api/v1/namespaces/team-b/pods/x',
      'caller "ci" may not delete pods "x" in namespace "team-b": nearest rule (scope read-workloads: get,list,watch pods,pods/log in team-a) lacks verb delete and namespace "team-b"'],
    [[readWorkloads], 'GET /api/v1/pods',
      'caller "ci" may not list pods at the cluster scope: nearest rule (scope read-workloads: get,list,watch pods,pods/log in team-a) lacks namespaces ["*"]'],
    [[readWorkloads], 'GET /apis/apps/v1/namespaces/team-a/deployments',
      'caller "ci" may not list deployments.apps in namespace "team-a": nearest rule (scope read-workloads: get,list,watch pods,pods/log in team-a) lacks apiGroup "apps" and resource deployments'],
    [[readWorkloads], 'GET /metrics', 'caller "ci" may not get /metrics: it has no rule for paths'],
    [[], 'GET /api/v1/pods', 'caller "ci" may not list pods at the cluster scope: it has no rule for resources'],
    [[scope(null, [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez*'] }])], 'GET /metrics',
      'caller "ci" may not get /metrics: nearest rule (own rule: get /healthz,/livez*) lacks nonResourceURL /metrics'],
    [[scope('view', [{ verbs: ['get'], resources: ['*'] }], ['team-a'])], 'GET /api/v1/namespaces/team-b/pods/x',
      'caller "ci" may not get pods "x" in namespace "team-b": nearest rule (scope view narrowed to team-a: get * in *) lacks namespace "team-b" in what it is narrowed to'],
    [[scope('one', [{ verbs: ['get'], resources: ['configmaps'], resourceNames: ['a', 'b'], namespaces: ['n'] }])], 'GET /api/v1/namespaces/n/configmaps/c',
      'caller "ci" may not get configmaps "c" in namespace "n": nearest rule (scope one: get configmaps named a,b in n) lacks resourceName "c"'],
    [[scope('one', [{ verbs: ['list'], resources: ['configmaps'], resourceNames: ['a'], namespaces: ['n'] }])], 'GET /api/v1/namespaces/n/configmaps',
      'caller "ci" may not list configmaps in namespace "n": nearest rule (scope one: list configmaps named a in n) lacks requests without a name'],
  ]
  for (const [grants, request, message] of rows) {
    const { reason, ...verdict } = judge([], request, {}, { grants, discovery: false })
    t.strictSame(verdict, { allowed: false, code: 'ScopeDenied', rule: null })
    t.equal(withoutCure(reason), message)
  }
})

t.test('of several rules the one that lacks least is the nearest, wherever it stands', async (t) => {
  const rules = [
    { verbs: ['delete'], resources: ['secrets'], namespaces: ['team-b'] },
    { verbs: ['get'], resources: ['pods'], namespaces: ['team-a'] },
    { verbs: ['get'], resources: ['pods'], namespaces: ['team-b'] },
  ]
  const request = 'DELETE /api/v1/namespaces/team-b/pods/x'
  for (const order of [rules, rules.toReversed()]) t.match(judge(order, request), { reason: /\(own rule: get pods in team-b\) lacks verb delete; to allow it/ })
})

t.test('the nearest is the one that a person would change', async (t) => {
  const rule = {
    pods: { verbs: ['get'], resources: ['pods'], namespaces: ['team-a'] },
    exec: { verbs: ['create'], resources: ['pods/exec'], namespaces: ['team-b'] },
    deployments: { verbs: ['get', 'delete'], apiGroups: ['apps'], resources: ['deployments'], namespaces: ['team-a'] },
    extensions: { verbs: ['get'], apiGroups: ['extensions'], resources: ['deployments'], namespaces: ['team-c'] },
    secret: { verbs: ['get'], resources: ['secrets'], resourceNames: ['a'], namespaces: ['team-a'] },
    secrets: { verbs: ['get'], resources: ['secrets'], namespaces: ['team-b', 'team-c'] },
    everywhere: { verbs: ['list'], apiGroups: ['*'], resources: ['*'] },
    metrics: { verbs: ['get'], nonResourceURLs: ['/metrics'] },
    health: { verbs: ['post'], nonResourceURLs: ['/healthz/*'] },
  }
  const rows: [string, (keyof typeof rule)[], keyof typeof rule][] = [
    ['POST /api/v1/namespaces/team-a/pods/x/exec', ['pods', 'exec'], 'exec'],
    ['DELETE /api/v1/namespaces/team-a/pods/x', ['pods', 'deployments'], 'pods'],
    ['GET /api/v1/namespaces/team-a/deployments/x', ['deployments', 'pods'], 'deployments'],
    ['GET /apis/apps/v1/namespaces/team-b/deployments/x', ['deployments', 'extensions', 'pods'], 'deployments'],
    ['GET /apis/example.com/v1/namespaces/team-c/deployments/x', ['deployments', 'extensions', 'pods'], 'extensions'],
    ['GET /api/v1/namespaces/team-a/secrets/b', ['secret', 'secrets', 'pods'], 'secrets'],
    ['DELETE /api/v1/namespaces/team-a/secrets/a', ['secret', 'secrets', 'pods'], 'secret'],
    ['DELETE /api/v1/namespaces/team-a/widgets/a', ['everywhere', 'deployments', 'pods'], 'everywhere'],
    ['GET /healthz/x', ['metrics', 'health', 'everywhere'], 'health'],
  ]
  for (const [request, names, nearest] of rows) {
    const alone = withoutCure(judge([rule[nearest]], request, {}, { discovery: false }).reason)
    t.equal(withoutCure(judge(names.map(name => rule[name]), request, {}, { discovery: false }).reason), alone, request)
  }
})

t.test('what a subresource lacks is told apart from another resource', async (t) => {
  const rules = [{ verbs: ['create'], resources: ['secrets'] }, { verbs: ['get'], resources: ['pods'] }]
  t.match(judge(rules, 'POST /api/v1/namespaces/a/pods/x/exec'), { reason: /\(own rule: get pods in \*\) lacks verb create and resource pods\/exec; to allow it/ })
})

t.test('a long rule stays on one line, and names are quoted', async (t) => {
  const resources = Array.from({ length: 300 }, (_, index) => `r${index}`)
  const { reason } = judge([{ verbs: ['get'], resources }], 'GET /api/v1/namespaces/a/pods/x%22y%C3%A9')
  t.ok(reason.length < 400, reason)
  t.match(reason, 'r7,… (292 more)')
  t.match(reason, '"x\\"y\u00e9"')
  t.notMatch(reason, /[\r\n]/)
})

t.test('nothing of other callers shows', async (t) => {
  judge([{ verbs: ['get'], resources: ['widgets'] }], 'GET /api/v1/widgets', {}, { name: 'other' })
  t.notMatch(judge([], 'GET /api/v1/widgets').reason, /other/)
})
