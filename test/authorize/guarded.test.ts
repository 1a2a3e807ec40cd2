import fc from 'fast-check'
import t from 'tap'
import { askedBy, createsToo } from '../../src/authorize/asked.ts'
import { createAuthorize } from '../../src/authorize/authorize.ts'
import { guardedRoutes } from '../../src/authorize/guarded.ts'
import { routesOf } from '../../src/authorize/guard.ts'
import { guardRoutes, type Rule } from '../../src/model/caller.ts'
import type { Question } from '../../src/model/verdict.ts'
import { callerWith } from '../support/builders.ts'
import { facts, question } from '../support/questions.ts'

const authorize = createAuthorize()
const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }

function told(rules: readonly Partial<Rule>[], request: string, more: Partial<Question> = {}) {
  const [caller, asked] = [callerWith(rules), question(request, more)]
  return [...guardedRoutes(caller, asked, authorize(caller, asked))]
}

const knowing = [{ ...all, acknowledge: [...guardRoutes] }]

t.test('the routes that a request opens, whichever its rule acknowledges', async (t) => {
  t.strictSame(told(knowing, 'GET /api/v1/namespaces/a/pods'), [])
  t.strictSame(told(knowing, 'POST /api/v1/namespaces/a/serviceaccounts/x/token'), ['mint-token'])
  t.strictSame(told(knowing, 'GET /api/v1/namespaces/own/secrets'), ['own-credential'])
  t.strictSame(told(knowing, 'POST /api/v1/namespaces/a/pods', { cluster: facts({ openshift: true }) }), ['run-as-us'])
  t.strictSame(told(knowing, 'GET /api/v1/namespaces/a/pods', { impersonation: { user: 'jane', groups: [], uid: undefined, extra: {} } }), ['impersonate'])
  t.strictSame(told([{ nonResourceURLs: ['*'], verbs: ['*'], acknowledge: ['server-internals'] }], 'GET /logs/x'), ['server-internals'])
})

t.test('of what the guard refused, those that it would have; of what no rule allows none', async (t) => {
  t.strictSame(told([all], 'POST /api/v1/namespaces/a/serviceaccounts/x/token'), ['mint-token'])
  t.strictSame(told([], 'POST /api/v1/namespaces/a/serviceaccounts/x/token'), [])
  t.strictSame(told([], 'GET /api'), [])
})

t.test('what is not looked at has none: the same as looking each time', async () => {
  const rule = fc.record({
    verbs: fc.subarray(['get', 'patch', 'create', 'update', 'delete', '*'], { minLength: 1 }), apiGroups: fc.constant(['*']), resources: fc.subarray(['*', 'secrets', 'roles', 'pods/exec', 'serviceaccounts/token'], { minLength: 1 }),
    namespaces: fc.constantFrom(['*'], ['a', 'own']), acknowledge: fc.oneof(fc.constant([]), fc.subarray([...guardRoutes])),
  })
  const path = fc.constantFrom('/api/v1/namespaces/own/secrets/x', '/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/x', '/api/v1/namespaces/a/pods/x/exec', '/api/v1/namespaces/portcullis/pods/x', '/api/v1/namespaces/a/serviceaccounts/x/token')
  fc.assert(fc.property(fc.array(rule, { maxLength: 3 }), fc.constantFrom('GET', 'PUT', 'PATCH', 'POST', 'DELETE'), path, fc.boolean(), fc.constantFrom(undefined, 'application/apply-patch+yaml'), (rules, method, target, upgrade, contentType) => {
    const caller = callerWith(rules)
    const asked = question(`${method} ${target}`, { upgrade, contentType })
    const verdict = authorize(caller, asked)
    if (!verdict.allowed) return true
    const judged = askedBy(asked)
    const verbs = [judged.verb, ...createsToo(judged, contentType) === undefined ? [] : ['create']]
    const looked = new Set(verbs.flatMap(verb => [...routesOf({ ...judged, verb }, asked.cluster, false)]))
    return JSON.stringify([...guardedRoutes(caller, asked, verdict)].sort()) === JSON.stringify([...looked].sort())
  }), { numRuns: 1000 })
})
