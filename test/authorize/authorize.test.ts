import fc from 'fast-check'
import t from 'tap'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import { matchesGlob } from '../../src/glob.ts'
import { guardRoutes, type CallerDefinition, type Grant, type Rule } from '../../src/model/caller.ts'
import { callerWith, definition, rule } from '../support/builders.ts'
import { judge, question } from '../support/questions.ts'

const readPods = { verbs: ['get', 'list', 'watch'], resources: ['pods', 'pods/log'], namespaces: ['team-a', 'team-b-*'] }

t.test('namespaces are names or globs, and only ["*"] reaches beyond them', async (t) => {
  const rows: [string[], string, boolean][] = [
    [['team-a'], 'GET /api/v1/namespaces/team-a/pods', true],
    [['team-a'], 'GET /api/v1/namespaces/team-ab/pods', false],
    [['team-b-*'], 'GET /api/v1/namespaces/team-b-x/pods', true],
    [['team-b-*'], 'GET /api/v1/namespaces/team-b/pods', false],
    [['team-a'], 'GET /api/v1/pods', false],
    [['team-*'], 'GET /api/v1/pods', false],
    [['**'], 'GET /api/v1/pods', false],
    [['**'], 'GET /api/v1/namespaces/x/pods', true],
    [['*', 'x'], 'GET /api/v1/pods', false],
    [[''], 'GET /api/v1/pods', false],
    [[], 'GET /api/v1/namespaces/team-a/pods', false],
    [['*'], 'GET /api/v1/pods', true],
    [['*'], 'GET /api/v1/namespaces/team-a/pods', true],
    [['team-a'], 'GET /api/v1/watch/namespaces/team-a/pods', true],
    [['team-a'], 'GET /api/v1/watch/pods', false],
  ]
  for (const [namespaces, request, allowed] of rows) {
    t.equal(judge([{ ...readPods, namespaces }], request).allowed, allowed, `${JSON.stringify(namespaces)} ${request}`)
  }
})

t.test('a star stands for any run of characters', async (t) => {
  const rows: [string, string, boolean][] = [
    ['a*c', 'ac', true], ['a*c', 'abbc', true], ['a*c', 'acb', false], ['*a*', 'bab', true], ['a*a', 'a', false],
    ['*', '', true], ['a', 'a', true], ['a', 'b', false], ['a*b*c', 'a-b-b-c', true], ['a*b*c', 'a-c-b', false], ['a.c', 'abc', false],
  ]
  for (const [glob, text, expected] of rows) t.equal(matchesGlob(glob, text), expected, `${glob} ${text}`)
})

t.test('a narrowed grant must cover the request too', async (t) => {
  const everything = [rule({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }), rule({ verbs: ['get'], nonResourceURLs: ['/metrics'], namespaces: [] })]
  const narrowed = (namespaces: string[]) => definition({ grants: [{ scope: 'view', rules: everything, namespaces }] })
  const rows: [string[], string, boolean][] = [
    [['team-a'], 'GET /api/v1/namespaces/team-a/pods', true],
    [['team-a'], 'GET /api/v1/namespaces/team-b/pods', false],
    [['team-a'], 'GET /api/v1/pods', false],
    [['team-a'], 'GET /metrics', false],
    [['team-*'], 'GET /metrics', false],
    [['**'], 'GET /api/v1/pods', false],
    [['**'], 'GET /api/v1/namespaces/team-a/pods', true],
    [[''], 'GET /api/v1/pods', false],
    [[], 'GET /api/v1/namespaces/team-a/pods', false],
    [['*'], 'GET /api/v1/pods', true],
    [['*'], 'GET /metrics', true],
  ]
  const authorize = createAuthorize()
  for (const [namespaces, request, allowed] of rows) {
    const caller = { definition: narrowed(namespaces), credentialId: '', expiresAt: undefined }
    t.equal(authorize(caller, question(request)).allowed, allowed, `${JSON.stringify(namespaces)} ${request}`)
  }
})

t.test('both the rule and the narrowing have to cover a namespace', async (t) => {
  const grants: Grant[] = [{ scope: 's', rules: [rule({ ...readPods, namespaces: ['team-a'] })], namespaces: ['team-*'] }]
  t.equal(judge([], 'GET /api/v1/namespaces/team-a/pods', {}, { grants }).allowed, true)
  t.equal(judge([], 'GET /api/v1/namespaces/team-b/pods', {}, { grants }).allowed, false)
})

t.test('discovery is allowed to every caller, and nothing beside it', async (t) => {
  const allowed = [
    '/api', '/api/', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1', '/apis/apps/v1/', '/oapi', '/oapi/v1', '/openapi', '/openapi/v2',
    '/openapi/v3', '/openapi/v3/apis/apps/v1?hash=x', '/version', '/version/', '/api?timeout=32s',
  ]
  const refused = [
    '/', '/metrics', '/healthz', '/versions', '/version/x', '/openapi/v1', '/openapis', '/apisx', '/swagger.json', '/logs',
    '/.well-known/openid-configuration', '/api/v1/pods',
  ]
  for (const path of allowed) {
    t.match(judge([], `GET ${path}`), { allowed: true, rule: null }, path)
    t.equal(judge([], `HEAD ${path}`).allowed, true, path)
    t.match(judge([], `POST ${path}`), { allowed: false, code: 'ScopeDenied' }, path)
    t.equal(judge([], `GET ${path}`, {}, { discovery: false }).allowed, false, path)
  }
  for (const path of refused) t.match(judge([], `GET ${path}`), { allowed: false, code: 'ScopeDenied', rule: null }, path)
})

t.test('a rule that allows discovery is named, and stands without the allowance', async (t) => {
  const rules = [{ verbs: ['get'], nonResourceURLs: ['/api*'] }]
  t.match(judge(rules, 'GET /apis/apps'), { allowed: true, rule: { nonResourceURLs: ['/api*'], scope: null } })
  t.equal(judge(rules, 'GET /apis/apps', {}, { discovery: false }).allowed, true)
})

t.test('an upgrade is judged as create alone, though it arrives as a GET', async (t) => {
  for (const sub of ['pods/x/exec', 'pods/x/attach', 'pods/x/portforward']) {
    const [, , name] = sub.split('/')
    const request = `GET /api/v1/namespaces/team-a/${sub}`
    const only = (verb: string) => [{ verbs: [verb], resources: [`pods/${name}`] }]
    t.match(judge(only('get'), request, { upgrade: true }), { allowed: false, code: 'ScopeDenied' }, sub)
    t.equal(judge(only('create'), request, { upgrade: true }).allowed, true, sub)
    t.equal(judge(only('get'), request).allowed, true, `${sub} without an upgrade`)
    t.equal(judge(only('create'), request.replace('GET', 'POST'), { upgrade: true }).allowed, true, `${sub} by SPDY`)
  }
  const nodes = { resources: ['nodes/proxy'], acknowledge: ['node-proxy' as const] }
  t.equal(judge([{ ...nodes, verbs: ['get'] }], 'GET /api/v1/nodes/n/proxy/x', { upgrade: true }).allowed, false)
  t.equal(judge([{ ...nodes, verbs: ['create'] }], 'GET /api/v1/nodes/n/proxy/x', { upgrade: true }).allowed, true)
  const services = [{ verbs: ['get'], resources: ['services/proxy'] }]
  t.equal(judge(services, 'GET /api/v1/namespaces/a/services/s/proxy/ws', { upgrade: true }).allowed, true, 'any other upgrade keeps its verb')
})

t.test('both refusals of an exec, by WebSocket and by SPDY, are the same', async (t) => {
  const rules = [{ verbs: ['get'], resources: ['pods/exec'] }]
  const path = '/api/v1/namespaces/team-a/pods/x/exec?command=sh'
  t.strictSame(judge(rules, `GET ${path}`, { upgrade: true }), judge(rules, `POST ${path}`, { upgrade: true }))
})

t.test('server-side apply needs patch and create', async (t) => {
  const request = 'PATCH /api/v1/namespaces/a/configmaps/x'
  const rules = (...verbs: string[]) => [{ verbs, resources: ['configmaps'] }]
  for (const contentType of [
    'application/apply-patch+yaml', 'application/apply-patch+cbor', 'Application/Apply-Patch+YAML; charset=utf-8',
    'application/json, application/apply-patch+yaml',
  ]) {
    t.match(judge(rules('patch'), request, { contentType }), {
      allowed: false, code: 'ScopeDenied', rule: { verbs: ['patch'] }, reason: /may not create configmaps "x".*lacks verb create.*apply/,
    }, contentType)
    t.match(judge(rules('create'), request, { contentType }), { allowed: false, code: 'ScopeDenied', rule: null }, contentType)
    t.equal(judge([...rules('patch'), ...rules('create')], request, { contentType }).allowed, true, contentType)
  }
  for (const contentType of [undefined, 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/json-patch+json']) {
    t.equal(judge(rules('patch'), request, { contentType }).allowed, true, contentType ?? 'none')
  }
  t.equal(judge(rules('update'), request.replace('PATCH', 'PUT'), { contentType: 'application/apply-patch+yaml' }).allowed, true)
})

t.test('an update of what the API server creates on update needs create', async (t) => {
  const kinds = [
    '/api/v1/namespaces/a/services/x', '/api/v1/namespaces/a/endpoints/x', '/api/v1/namespaces/a/events/x',
    '/apis/events.k8s.io/v1/namespaces/a/events/x', '/api/v1/namespaces/a/limitranges/x',
    '/apis/coordination.k8s.io/v1/namespaces/a/leases/x', '/apis/coordination.k8s.io/v1alpha2/namespaces/a/leasecandidates/x',
    '/apis/node.k8s.io/v1/runtimeclasses/x', '/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/x',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/x', '/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/x',
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/x', '/apis/user.openshift.io/v1/useridentitymappings/x',
    '/oapi/v1/useridentitymappings/x', '/apis/oauth.openshift.io/v1/oauthclientauthorizations/x',
  ]
  const all = { apiGroups: ['*'], resources: ['*'], acknowledge: [...guardRoutes] }
  for (const path of kinds) {
    t.match(judge([{ ...all, verbs: ['update'] }], `PUT ${path}`), { allowed: false, code: 'ScopeDenied' }, path)
    t.equal(judge([{ ...all, verbs: ['update', 'create'] }], `PUT ${path}`).allowed, true, path)
  }
  for (const path of [
    '/api/v1/namespaces/a/configmaps/x', '/apis/apps/v1/namespaces/a/deployments/x', '/api/v1/namespaces/a/services/x/status',
    '/apis/serving.knative.dev/v1/namespaces/a/services/x', '/apis/x.example/v1/constructor/x',
  ]) t.equal(judge([{ ...all, verbs: ['update'] }], `PUT ${path}`).allowed, true, path)
})

t.test('a second verb is asked for the same name', async (t) => {
  const rules = [{ verbs: ['update', 'create'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['mine'] }]
  t.equal(judge(rules, 'PUT /apis/coordination.k8s.io/v1/namespaces/a/leases/mine').allowed, true)
  t.equal(judge(rules, 'PUT /apis/coordination.k8s.io/v1/namespaces/a/leases/other').allowed, false)
})

t.test('a project is judged in the namespace of its name, and lists of them need ["*"]', async (t) => {
  const rules = (namespaces: string[]) => [{ verbs: ['*'], apiGroups: ['project.openshift.io', ''], resources: ['projects'], namespaces }]
  for (const root of ['/apis/project.openshift.io/v1', '/oapi/v1']) {
    t.equal(judge(rules(['team-a']), `GET ${root}/projects/team-a`).allowed, true)
    t.equal(judge(rules(['team-a']), `GET ${root}/projects/team-b`).allowed, false)
    t.equal(judge(rules(['team-a']), `GET ${root}/namespaces/team-a/projects/team-b`).allowed, false)
    for (const list of ['projects', 'projects?watch=1', 'projects?fieldSelector=metadata.name%3Dteam-a', 'namespaces/team-a/projects', 'watch/projects/team-a']) {
      t.equal(judge(rules(['team-a']), `GET ${root}/${list}`).allowed, false, list)
      t.equal(judge(rules(['*']), `GET ${root}/${list}`).allowed, true, list)
    }
  }
  t.equal(judge([{ verbs: ['get'], apiGroups: ['x.example'], resources: ['projects'], namespaces: ['a'] }], 'GET /apis/x.example/v1/namespaces/a/projects/b').allowed, true)
})

t.test('resourceNames holds for a list by its field selector alone', async (t) => {
  const rules = [{ verbs: ['get', 'list', 'watch', 'delete', 'deletecollection'], resources: ['configmaps'], resourceNames: ['x'] }]
  const path = '/api/v1/namespaces/a/configmaps'
  for (const [request, allowed] of [
    [`GET ${path}/x`, true], [`GET ${path}/y`, false], [`GET ${path}`, false], [`GET ${path}?fieldSelector=metadata.name%3Dx`, true],
    [`GET ${path}?fieldSelector=metadata.name%3Dx&limit=x`, false], [`DELETE ${path}`, false],
  ] as const) t.equal(judge(rules, request).allowed, allowed, request)
})

t.test('a verdict is made once and handed out again', async (t) => {
  const caller = callerWith([readPods])
  const authorize = createAuthorize()
  const ask = () => authorize(caller, question('GET /api/v1/namespaces/team-a/pods'))
  t.equal(ask(), ask())
  t.match(ask(), { allowed: true, code: null, rule: { scope: null }, reason: 'allowed by own rule: get,list,watch pods,pods/log in team-a,team-b-*' })
})

const words = {
  verbs: fc.subarray(['get', 'list', 'create', 'update', '*']),
  apiGroups: fc.subarray(['', 'apps', 'rbac.authorization.k8s.io', '*']),
  resources: fc.subarray(['pods', 'pods/exec', 'secrets', 'rolebindings', 'services', '*', '*/exec']),
  resourceNames: fc.subarray(['x', 'y'], { maxLength: 1 }),
  nonResourceURLs: fc.subarray(['/metrics', '/logs*', '*'], { maxLength: 1 }),
  namespaces: fc.constantFrom(['*'], ['a'], ['b', 'own'], ['o*'], []),
  acknowledge: fc.subarray(['own-credential', 'mint-token', 'grant-role', 'run-as-us', 'server-internals'] as const),
}
const anyRule: fc.Arbitrary<Rule> = fc.record({ ...words, acknowledge: words.acknowledge })
const anyGrant: fc.Arbitrary<Grant> = fc.record({
  scope: fc.constantFrom(null, 's1', 's2'),
  rules: fc.array(anyRule, { maxLength: 6 }),
  namespaces: fc.constantFrom(undefined, undefined, ['*'], ['a'], ['o*']),
})
const requests = [
  'GET /api/v1/namespaces/own/secrets/x', 'POST /api/v1/namespaces/own/secrets', 'GET /api/v1/pods', 'POST /api/v1/namespaces/a/pods',
  'PUT /api/v1/namespaces/b/services/x', 'POST /apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings',
  'PUT /apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/x', 'POST /api/v1/namespaces/a/pods/x/exec', 'GET /metrics', 'GET /logs/x', 'GET /api',
]

t.test('the order of rules and of grants never changes a verdict', async () => {
  const shuffled = fc.array(anyGrant, { maxLength: 4 }).chain(grants => fc.tuple(
    fc.constant(grants),
    fc.shuffledSubarray(grants, { minLength: grants.length }),
    fc.infiniteStream(fc.nat()),
  ))
  const authorize = createAuthorize()
  const ask = (grants: Grant[], request: string) => {
    const caller: CallerDefinition = definition({ grants })
    return authorize({ definition: caller, credentialId: '', expiresAt: undefined }, question(request))
  }
  fc.assert(fc.property(shuffled, fc.constantFrom(...requests), ([grants, others, keys], request) => {
    const reordered = others.map(grant => ({ ...grant, rules: shuffle(grant.rules, keys) }))
    const [first, second] = [ask(grants, request), ask(reordered, request)]
    if (JSON.stringify(first) !== JSON.stringify(second)) throw new Error(`${JSON.stringify(first)}\n${JSON.stringify(second)}`)
  }), { numRuns: 3_000 })
})

function shuffle<T>(items: readonly T[], keys: fc.Stream<number>): T[] {
  return items.map(item => ({ item, key: keys.next().value ?? 0 })).sort((a, b) => a.key - b.key).map(({ item }) => item)
}
