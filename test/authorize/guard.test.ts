import t from 'tap'
import { guardTable, routeReasons } from '../../src/authorize/guard-table.ts'
import { guardRoutes, type GuardRoute, type Rule } from '../../src/model/caller.ts'
import type { ClusterFacts, Question } from '../../src/model/verdict.ts'
import { resolveTarget } from '../../src/resolve/resolve.ts'
import { rule } from '../support/builders.ts'
import { facts, judge } from '../support/questions.ts'
import { accountNamespace, ownNamespace, readRequest, rows } from './guard-rows.ts'

/** Otherwise sufficient: everything, everywhere. */
const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*'] }
const rbac = '/apis/rbac.authorization.k8s.io/v1'

const cluster = facts({ openshift: true, account: { namespace: accountNamespace, name: 'proxy' }, ownNamespaces: [ownNamespace] })
const openshift = { cluster: facts({ openshift: true }) }

function rules(acknowledge: readonly GuardRoute[]): Partial<Rule>[] {
  return [{ ...everything, acknowledge }]
}

/** What the rows say of a request, for a caller with these rules. */
function judgeRow(held: readonly Partial<Rule>[], request: string, given: Partial<ClusterFacts> = {}) {
  const { method, target, contentType, upgrade } = readRequest(request)
  return judge(held, `${method} ${target}`, { contentType, upgrade: upgrade !== undefined, cluster: { ...cluster, ...given } })
}

/** Rules that are just sufficient, as a careful operator writes them; the second by wildcards for group and parent. */
function exactRules(request: string, acknowledge: readonly GuardRoute[]): Partial<Rule>[] {
  const { method, target } = readRequest(request)
  const { attributes: { isResourceRequest, path, apiGroup, resource, subresource, namespace, name, verb } } = resolveTarget(method, target)
  // `create` for upgrades and for what creates beside; a method without a verb is allowed by * alone.
  const verbs = verb === '' ? ['*'] : [verb, 'create']
  if (!isResourceRequest) return [{ verbs, nonResourceURLs: [path], acknowledge }]
  const common = { verbs, namespaces: [namespace === '' ? '*' : namespace], acknowledge }
  const isProject = resource === 'projects'
  return [
    {
      ...common, apiGroups: [apiGroup], resources: [subresource === '' ? resource : `${resource}/${subresource}`],
      namespaces: [isProject ? name : common.namespaces[0] ?? '*'], resourceNames: name === '' ? [] : [name],
    },
    { ...common, apiGroups: ['*'], resources: [subresource === '' ? '*' : `*/${subresource}`], namespaces: ['*'] },
  ]
}

for (const { route, about, refused, harmless, also = [] } of rows) {
  const others = guardRoutes.filter(other => other !== route)
  const name = `${[route, ...also].join(' and ')}: ${about}`
  t.test(`${name}: refused until it is acknowledged`, async (t) => {
    for (const request of refused) {
      t.match(judgeRow(rules([]), request), { allowed: false, code: 'EscalationDenied', rule: { verbs: ['*'] } }, request)
      t.match(judgeRow(rules(others), request), { code: 'EscalationDenied', reason: new RegExp(`: guarded by route ${route} `) }, `${request} with every other route`)
      t.equal(judgeRow(rules([route, ...also]), request).allowed, true, `${request} acknowledged`)
    }
  })
  t.test(`${name}: however narrow the rule that allows it`, async (t) => {
    for (const request of refused) {
      for (const held of exactRules(request, others)) t.match(judgeRow([held], request), { code: 'EscalationDenied' }, `${request} ${JSON.stringify(held)}`)
      for (const held of exactRules(request, [route, ...also])) t.match(judgeRow([held], request), { allowed: true }, `${request} ${JSON.stringify(held)}`)
    }
  })
  t.test(`${name}: its nearest harmless neighbours pass`, async (t) => {
    for (const request of harmless) t.equal(judgeRow(rules(others), request).allowed, true, request)
  })
}

t.test('every route has a row, a reason and a place in the guard', async (t) => {
  // No request has the verb impersonate: test/authorize/impersonation.test.ts.
  const tested = new Set([...rows.map(({ route }) => route), 'impersonate'])
  t.strictSame(guardRoutes.filter(route => !tested.has(route)), [])
  t.strictSame(Object.keys(routeReasons).sort(), [...guardRoutes].sort())
  t.ok(guardTable.every(({ groups }) => groups.length > 0))
})

t.test('every entry of the table is tried by a row', async (t) => {
  const tried = rows.flatMap(({ route, refused }) => refused.map((request) => {
    const { method, target } = readRequest(request)
    const { attributes: { apiGroup, resource, subresource } } = resolveTarget(method, target)
    return { route, apiGroup, resource, subresource }
  }))
  for (const { route, groups, resource, subresources } of guardTable) {
    const found = tried.filter(asked => asked.route === route && asked.resource === resource && groups.includes(asked.apiGroup))
    t.ok(found.length > 0, `${route} ${resource}`)
    for (const wanted of subresources ?? []) t.ok(found.some(({ subresource }) => subresource === wanted), `${route} ${resource}/${wanted}`)
  }
})

t.test('RBAC\'s virtual verbs have routes of their own, on whatever they stand', async (t) => {
  const verbs: [verb: string, resource: string, route: GuardRoute][] = [
    ['escalate', 'clusterroles', 'grant-role'], ['bind', 'roles', 'grant-role'], ['impersonate', 'users', 'impersonate'],
    ['impersonate:user-info', 'users', 'impersonate'], ['impersonate-on:user-info:list', 'pods', 'impersonate'],
    ['approve', 'signers', 'sign-certificate'], ['sign', 'signers', 'sign-certificate'],
  ]
  for (const [verb, resource, route] of verbs) {
    const { attributes } = resolveTarget('GET', `/api/v1/${resource}/x`)
    const given = { attributes: { ...attributes, verb } }
    t.match(judge(rules(guardRoutes.filter(other => other !== route)), 'GET /', given), { code: 'EscalationDenied' }, verb)
    t.equal(judge(rules([route]), 'GET /', given).allowed, true, verb)
  }
})

t.test('an update that creates needs the acknowledgement for both of its verbs', async (t) => {
  const request = `PUT ${rbac}/namespaces/a/rolebindings/x`
  const binding = { apiGroups: ['*'], resources: ['rolebindings'] }
  t.match(judge([{ ...binding, verbs: ['update'], acknowledge: ['grant-role'] }], request), { code: 'ScopeDenied' })
  t.match(judge([{ ...binding, verbs: ['update'], acknowledge: ['grant-role'] }, { ...binding, verbs: ['create'] }], request), { code: 'EscalationDenied' })
  t.equal(judge([{ ...binding, verbs: ['update', 'create'], acknowledge: ['grant-role'] }], request).allowed, true)
})

t.test('one rule has to acknowledge every route that its request opens', async (t) => {
  const request = 'POST /api/v1/namespaces/own/secrets'
  const [first, second] = [rules(['mint-token']), rules(['own-credential'])]
  t.match(judge([...first, ...second], request), { code: 'EscalationDenied' })
  t.equal(judge([...first, ...second, ...rules(['own-credential', 'mint-token'])], request).allowed, true)
})

t.test('a scope that acknowledges is found behind one that does not', async (t) => {
  const grants = ['a', 'b', 'c'].map(scope => ({
    scope, namespaces: undefined, rules: [rule({ verbs: ['get'], nonResourceURLs: ['/logs'], acknowledge: scope === 'b' ? ['server-internals'] : [] })],
  }))
  t.match(judge([], 'GET /logs', {}, { grants }), { allowed: true, rule: { scope: 'b' } })
})

t.test('the acknowledgement of a rule that does not match opens nothing', async (t) => {
  const request = `POST ${rbac}/namespaces/a/rolebindings`
  const acknowledge = ['grant-role' as const]
  for (const elsewhere of [
    { ...everything, namespaces: ['b'], acknowledge }, { ...everything, verbs: ['get'], acknowledge }, { ...everything, resources: ['roles'], acknowledge },
    { ...everything, apiGroups: [''], acknowledge }, { ...everything, resourceNames: ['x'], acknowledge },
  ]) {
    t.match(judge([elsewhere, everything], request), { code: 'EscalationDenied' })
    t.match(judge([everything, elsewhere], request), { code: 'EscalationDenied' })
  }
})

t.test('a narrowed scope that acknowledges opens nothing outside of what it is narrowed to', async (t) => {
  const narrowed = { scope: 'all', namespaces: ['b'], rules: [rule({ ...everything, acknowledge: ['grant-role'] })] }
  const plain = { scope: 'all', namespaces: undefined, rules: [rule(everything)] }
  t.match(judge([], `POST ${rbac}/namespaces/a/rolebindings`, {}, { grants: [narrowed, plain] }), { code: 'EscalationDenied' })
  t.equal(judge([], `POST ${rbac}/namespaces/b/rolebindings`, {}, { grants: [narrowed, plain] }).allowed, true)
})

t.test('the create behind an apply or an update has to pass the guard as well', async (t) => {
  const apply = { contentType: 'application/apply-patch+yaml', ...openshift }
  const request = 'PATCH /api/v1/namespaces/a/pods/x'
  t.match(judge([everything], request, apply), { code: 'EscalationDenied', reason: /may not create pods "x".*run-as-us/ })
  t.equal(judge([{ ...everything, acknowledge: ['run-as-us'] }], request, apply).allowed, true)
  t.equal(judge([everything], request, { ...apply, contentType: 'application/merge-patch+json' }).allowed, true)
  t.match(judge([{ ...everything, verbs: ['patch'] }], request, apply), { code: 'ScopeDenied' }, 'the scope speaks before the guard')
})

t.test('for a caller with impersonate the routes that upstream judges itself fall away, and no others', async (t) => {
  const impersonate = { user: 'tool:ci', groups: [] }
  const upstream = ['own-project', 'run-as-us', 'template-instance', 'build-strategy']
  for (const { route, also = [], refused } of rows) {
    for (const request of refused) {
      const { method, target, contentType, upgrade } = readRequest(request)
      const verdict = judge([everything], `${method} ${target}`, { contentType, upgrade: upgrade !== undefined, cluster }, { impersonate })
      t.equal(verdict.allowed, [route, ...also].every(route => upstream.includes(route)), `${route} ${request}`)
    }
  }
})

t.test('routes of OpenShift fall away where constraints cannot reach further', async (t) => {
  const constrained = rows.find(({ route }) => route === 'run-as-us')?.refused ?? []
  for (const request of constrained) {
    t.equal(judgeRow([everything], request, { openshift: false }).allowed, true, `${request} on Kubernetes`)
    t.equal(judgeRow([everything], request, { restrictedIn: new Set(['a', 'b']) }).allowed, true, `${request} where only restricted constraints are ours`)
    t.match(judgeRow([everything], request, { restrictedIn: new Set(['b', '']) }), { code: 'EscalationDenied' }, `${request} in a namespace that is not known to be such`)
  }
  for (const { route, refused } of rows.filter(({ route }) => route !== 'run-as-us')) {
    t.match(judgeRow([everything], refused[0] ?? '', { restrictedIn: new Set(['a', accountNamespace, '']) }), { code: 'EscalationDenied' }, `${route} stays`)
  }
})

t.test('where our account is not known, a request for the secrets of every namespace still counts as one for ours', async (t) => {
  const given = { cluster: facts({ account: undefined, ownNamespaces: [] }) }
  t.match(judge([everything], 'GET /api/v1/secrets', given), { code: 'EscalationDenied' })
  t.equal(judge([everything], 'GET /api/v1/namespaces/own/secrets', given).allowed, true)
})

t.test('a user that is no service account has no namespace; requests without one are not in it', async (t) => {
  const given = { cluster: facts({ account: { namespace: '', name: 'alice' }, ownNamespaces: [] }) }
  t.match(judge([everything], 'GET /api/v1/secrets', given), { code: 'EscalationDenied' })
  for (const request of ['PATCH /api/v1/nodes/n', 'POST /api/v1/namespaces', 'GET /api/v1/namespaces/own/secrets']) {
    t.equal(judge([everything], request, given).allowed, true, request)
  }
})

t.test('the account whose credential asks for ours is guarded as ours', async (t) => {
  const given = { cluster: facts({ bootstrapAccount: { namespace: 'boot', name: 'minter' }, ownNamespaces: [] }) }
  for (const namespace of ['own', 'boot']) {
    const at = `/api/v1/namespaces/${namespace}`
    for (const request of [`GET ${at}/secrets/minter-token`, `POST ${at}/secrets`, `POST ${at}/pods`, `GET ${at}/pods/x/exec`, `GET ${at}/services/x/proxy`]) {
      t.match(judge(rules(['mint-token', 'run-as-us']), request, given), { code: 'EscalationDenied' }, request)
    }
    t.match(judge(rules(['own-credential']), `POST ${at}/secrets`, given), { code: 'EscalationDenied' }, 'a Secret mints a token')
  }
  t.equal(judge([everything], 'GET /api/v1/namespaces/a/secrets/x', given).allowed, true)
  t.equal(judge([everything], 'GET /api/v1/namespaces/boot/pods', given).allowed, true)
})

t.test('while our account is being asked for, any namespace may be its own', async (t) => {
  const asking = { account: undefined, accountPending: true }
  const own = rows.filter(({ route, also = [] }) => route === 'own-credential' || also.includes('own-credential'))
  for (const { route, also = [], refused } of own) {
    for (const request of refused.map(text => text.replace(`/${accountNamespace}`, '/elsewhere'))) {
      t.match(judgeRow(rules(guardRoutes.filter(other => other !== 'own-credential')), request, asking), { code: 'EscalationDenied' }, request)
      t.equal(judgeRow(rules([route, ...also, 'mint-token']), request, asking).allowed, true, `${request} acknowledged`)
    }
  }
  for (const request of ['GET /api/v1/namespaces/a/pods', 'GET /api/v1/namespaces/a/pods/x/log', 'PATCH /api/v1/nodes/n', 'GET /api/v1/configmaps', 'GET /metrics']) {
    t.equal(judgeRow([everything], request, asking).allowed, true, request)
  }
  const question: Partial<Question> = { cluster: facts(asking) }
  t.match(judge([everything], 'GET /api/v1/namespaces/a/secrets', question).reason, /route own-credential \(it may reach .* is being asked, and not known yet\)/)
})

t.test('a refusal names the route, why, and the line that would open it', async (t) => {
  t.equal(
    judge([{ ...everything, resources: ['rolebindings'], namespaces: ['a'] }], `POST ${rbac}/namespaces/a/rolebindings`).reason,
    'caller "ci" may not create rolebindings.rbac.authorization.k8s.io in namespace "a": '
    + 'guarded by route grant-role (it would grant roles by the authority of this proxy), '
    + 'which the rule that allows it (own rule: * rolebindings of * in a *) does not acknowledge; to allow it, if it is meant: '
    + '- { apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create], namespaces: [a], acknowledge: [grant-role] }',
  )
})

t.test('the line that it names does open it, also where the rule acknowledges something already', async (t) => {
  for (const { refused } of rows) {
    for (const request of refused) {
      const { reason } = judgeRow(rules(['server-internals', 'mint-token']), request)
      const [, line = ''] = /, acknowledge: \[(.*)\] \}$/.exec(reason) ?? []
      const opened = judgeRow([{ ...everything, acknowledge: line.split(', ') as GuardRoute[] }], request)
      t.equal(line === '' || opened.allowed, true, `${request} ${line}`)
      t.equal(line === '', judgeRow(rules(['server-internals', 'mint-token']), request).allowed, request)
    }
  }
})

t.test('a refusal does not tell which namespace is ours beyond the one that was asked for', async (t) => {
  const { reason } = judgeRow(rules([]), 'GET /api/v1/secrets')
  t.notMatch(reason, /portcullis|home/)
})
