import t from 'tap'
import type { Identity } from '../../src/clusters/identity.ts'
import { RestrictedNamespaces } from '../../src/clusters/scc.ts'
import { ProxyError } from '../../src/errors.ts'
import { apiOf, manualSchedule, refused, type Api } from '../support/own-questions.ts'

const bot: Identity = {
  user: 'system:serviceaccount:bots:ci', groups: ['system:serviceaccounts', 'system:serviceaccounts:bots', 'system:authenticated'],
}

const list = 'GET /apis/security.openshift.io/v1/securitycontextconstraints'
const access = 'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
const rulesIn = 'POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
const projects = 'GET /apis/project.openshift.io/v1/projects'

const scc = (name: string, more: object = {}) => ({ metadata: { name }, users: [], groups: [], ...more })
const restricted = [
  scc('restricted', { groups: ['system:authenticated'] }), scc('restricted-v2', { groups: ['system:authenticated'] }),
  scc('restricted-v3', { users: [bot.user] }),
]
const beyond = [scc('anyuid', { groups: ['system:cluster-admins'] }), scc('privileged', { users: ['system:admin'], groups: null })]
const reading = { verbs: ['get'], apiGroups: ['*'], resources: ['*'] }
const rules = (resourceRules: readonly object[], more: object = {}) => ({ status: { resourceRules, nonResourceRules: [], incomplete: false, ...more } })
const granting = (more: object = {}) => ({ verbs: ['use'], apiGroups: ['security.openshift.io'], resources: ['securitycontextconstraints'], ...more })

/** An account that may use none beyond the restricted ones in `a` and in `b`. */
function modest(more: Api = {}): Api {
  return {
    [list]: { items: [...restricted, ...beyond] },
    [access]: { status: { allowed: false } },
    [projects]: { items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }] },
    [rulesIn]: rules([reading, granting({ resourceNames: ['restricted-v2'] })]),
    ...more,
  }
}

function start(answers: Api, { identity = bot as Identity | null, openshift = true } = {}) {
  const api = apiOf(answers)
  const schedule = manualSchedule()
  const clock = { now: 0 }
  const state = { identity: identity ?? undefined, openshift }
  const constraints = new RestrictedNamespaces({
    fetch: api.fetch, openshift: () => state.openshift, identity: () => state.identity, schedule: schedule.schedule, now: () => clock.now,
  })
  t.teardown(() => constraints.close())
  return { constraints, api, schedule, clock, state, found: () => [...constraints.current()].sort() }
}

t.test('an account without grants is restricted in every project that it sees', async (t) => {
  const { constraints, api, found } = start(modest())
  t.strictSame(found(), [], 'nothing is known yet')
  await constraints.tried
  t.strictSame(found(), ['a', 'b'])
  t.strictSame(api.asked, [list, access, access, projects, rulesIn, rulesIn])
  t.match(api.bodies, [
    { kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: { verb: 'use', group: 'security.openshift.io', resource: 'securitycontextconstraints', name: 'anyuid' } } },
    { spec: { resourceAttributes: { name: 'privileged' } } },
    { kind: 'SelfSubjectRulesReview', apiVersion: 'authorization.k8s.io/v1', spec: { namespace: 'a' } }, { spec: { namespace: 'b' } },
  ])
})

t.test('whoever may use one beyond them anywhere is restricted nowhere', async (t) => {
  const rows: [why: string, answers: Api, identity?: Identity][] = [
    ['named by user', { [list]: { items: [...restricted, scc('anyuid', { users: [bot.user] })] } }],
    ['named by group', { [list]: { items: [scc('nonroot', { groups: ['x', 'system:serviceaccounts:bots'] })] } }],
    ['named by the group of all', { [list]: { items: [scc('own', { groups: ['system:authenticated'] })] } }],
    ['by a cluster role', { [access]: { status: { allowed: true } } }],
    ['by a cluster role for the last of them', { [access]: (sent: unknown) => ({ status: { allowed: JSON.stringify(sent).includes('privileged') } }) }],
    ['by being above all roles', {}, { user: 'root', groups: ['system:masters'] }],
  ]
  for (const [why, answers, identity] of rows) {
    const { constraints, found } = start(modest(answers), identity === undefined ? {} : { identity })
    await constraints.tried
    t.strictSame(found(), [], why)
  }
})

t.test('a grant in one namespace counts there', async (t) => {
  const grants = [
    granting(), granting({ verbs: ['*'] }), granting({ apiGroups: ['*'] }), granting({ resources: ['*'] }), granting({ resourceNames: ['restricted', 'anyuid'] }),
    granting({ resourceNames: [] }), granting({ verbs: ['get', 'use'], resourceNames: null }), granting({ resourceNames: 'rubbish' }), granting({ verbs: 'rubbish' }),
  ]
  for (const grant of grants) {
    const answer = (sent: unknown) => rules(JSON.stringify(sent).includes('"a"') ? [reading, grant] : [reading])
    const { constraints, found } = start(modest({ [rulesIn]: answer }))
    await constraints.tried
    t.strictSame(found(), ['b'], JSON.stringify(grant))
  }
})

t.test('what grants something else, or restricted ones, grants nothing here', async (t) => {
  for (const grant of [
    reading, granting({ verbs: ['get', 'list'] }), granting({ apiGroups: [''] }), granting({ resources: ['securitycontextconstraints/status'] }),
    granting({ resourceNames: ['restricted', 'restricted-v3'] }), { verbs: [] },
  ]) {
    const { constraints, found } = start(modest({ [rulesIn]: rules([grant]) }))
    await constraints.tried
    t.strictSame(found(), ['a', 'b'], JSON.stringify(grant))
  }
})

t.test('whatever is not told for sure leaves the guard where it is', async (t) => {
  const rows: [why: string, answers: Api][] = [
    ['constraints may not be listed', { [list]: refused(403) }],
    ['there are none to be listed', { [list]: refused(404) }],
    ['no list', { [list]: {} }],
    ['no JSON', { [list]: 'rubbish' }],
    ['not all of them', { [list]: { items: [], metadata: { continue: 'x' } } }],
    ['one without a name', { [list]: { items: [{}] } }],
    ['users that are no list', { [list]: { items: [scc('anyuid', { users: 'x' })] } }],
    ['access reviews are forbidden', { [access]: refused(403) }],
    ['access reviews say nothing', { [access]: { status: {} } }],
    ['an authorizer failed', { [access]: { status: { allowed: false, evaluationError: 'webhook down' } } }],
    ['projects may not be listed', { [projects]: refused(403) }],
    ['projects are rubbish', { [projects]: { items: 'x' } }],
    ['rules reviews are forbidden', { [rulesIn]: refused(403) }],
    ['rules are incomplete', { [rulesIn]: rules([reading], { incomplete: true }) }],
    ['rules do not say whether they are', { [rulesIn]: { status: { resourceRules: [] } } }],
    ['rules could not all be evaluated', { [rulesIn]: rules([reading], { evaluationError: 'x' }) }],
    ['rules are rubbish', { [rulesIn]: { status: { resourceRules: 'x', incomplete: false } } }],
  ]
  for (const [why, answers] of rows) {
    const { constraints, schedule, found } = start(modest(answers))
    await constraints.tried
    t.strictSame(found(), [], why)
    t.strictSame(schedule.waits, [600_000], `${why}: asked again later`)
  }
})

t.test('grants change: asked again every ten minutes', async (t) => {
  const answers = modest()
  const { constraints, schedule, api, found } = start(answers)
  await constraints.tried
  answers[access] = { status: { allowed: true } }
  await schedule.next(() => api.asked.length === 8)
  t.strictSame(found(), [])
  t.strictSame(schedule.waits, [600_000, 600_000])
})

t.test('while an API server cannot answer the last answer stands, but not for ever', async (t) => {
  const answers = modest()
  const { constraints, schedule, clock, api, found } = start(answers)
  await constraints.tried
  for (const [at, trouble] of [refused(503), refused(429), new ProxyError('UpstreamUnreachable', 'down')].entries()) {
    answers[list] = trouble
    await schedule.next(() => api.asked.length === 7 + at)
  }
  t.strictSame(schedule.waits, [600_000, 1000, 2000, 4000])
  clock.now = 20 * 60_000
  t.strictSame(found(), ['a', 'b'])
  clock.now += 1
  t.strictSame(found(), [])
})

t.test('a trouble in the middle is a trouble of all of it', async (t) => {
  const { constraints, schedule, found } = start(modest({ [rulesIn]: (sent: unknown) => JSON.stringify(sent).includes('"b"') ? refused(500) : rules([reading]) }))
  await constraints.tried
  t.strictSame(found(), [])
  t.strictSame(schedule.waits, [1000])
})

t.test('the answer belongs to the account that it was asked for', async (t) => {
  const { constraints, state, api, found } = start(modest())
  await constraints.tried
  state.identity = { user: 'alice', groups: [] }
  t.strictSame(found(), [], 'another account')
  for (let turn = 0; turn < 50 && api.asked.length < 12; turn++) await new Promise((resolve) => { setImmediate(resolve) })
  await new Promise((resolve) => { setImmediate(resolve) })
  t.strictSame(found(), ['a', 'b'], 'asked anew at once')
  t.equal(api.asked.length, 12)
  state.identity = undefined
  t.strictSame(found(), [], 'an account that is not known')
})

t.test('nothing is asked where it is not OpenShift, nor before we know who we are', async (t) => {
  for (const [given, waits] of [[{ openshift: false }, [600_000]], [{ identity: null }, [1000]]] as const) {
    const { constraints, api, schedule } = start(modest(), given)
    await constraints.tried
    t.strictSame(api.asked, [])
    t.strictSame(schedule.waits, waits)
  }
})

t.test('however many projects there are, five hundred are asked about', async (t) => {
  const items = Array.from({ length: 700 }, (_, at) => ({ metadata: { name: `p${at}` } }))
  const { constraints, api, found } = start(modest({ [projects]: { items } }))
  await constraints.tried
  t.equal(found().length, 500)
  t.equal(api.asked.length, 504)
})
