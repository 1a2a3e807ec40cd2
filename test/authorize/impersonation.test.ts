import t from 'tap'
import type { Rule } from '../../src/model/caller.ts'
import type { Impersonation } from '../../src/model/verdict.ts'
import { judge } from '../support/questions.ts'

const readPods = { verbs: ['list'], resources: ['pods'] }
const acknowledged = { verbs: ['impersonate'], acknowledge: ['impersonate' as const] }

function asking(overrides: Partial<Impersonation>): { impersonation: Impersonation } {
  return { impersonation: { user: 'jane', groups: [], uid: undefined, extra: {}, ...overrides } }
}

t.test('what the headers ask for is judged piece by piece, as the API server does', async (t) => {
  const authentication = { apiGroups: ['authentication.k8s.io'] }
  const rows: [Partial<Impersonation>, Partial<Rule>[], boolean][] = [
    [{}, [{ resources: ['users'] }], true],
    [{}, [{ resources: ['users'], resourceNames: ['jane'] }], true],
    [{}, [{ resources: ['users'], resourceNames: ['joe'] }], false],
    [{}, [{ resources: ['groups'] }], false],
    [{ groups: ['devs'] }, [{ resources: ['users'] }], false],
    [{ groups: ['devs'] }, [{ resources: ['users', 'groups'] }], true],
    [{ groups: ['devs', 'system:masters'] }, [{ resources: ['users', 'groups'], resourceNames: ['jane', 'devs'] }], false],
    [{ user: 'system:serviceaccount:a:bot' }, [{ resources: ['users'] }], false],
    [{ user: 'system:serviceaccount:a:bot' }, [{ resources: ['serviceaccounts'], namespaces: ['a'], resourceNames: ['bot'] }], true],
    [{ user: 'system:serviceaccount:b:bot' }, [{ resources: ['serviceaccounts'], namespaces: ['a'] }], false],
    [{ uid: 'u' }, [{ resources: ['users'] }], false],
    [{ uid: 'u' }, [{ resources: ['users'] }, { ...authentication, resources: ['uids'] }], true],
    [{ extra: { scopes: ['view'] } }, [{ resources: ['users'] }], false],
    [{ extra: { scopes: ['view'] } }, [{ resources: ['users'] }, { ...authentication, resources: ['userextras/scopes'], resourceNames: ['view'] }], true],
    [{ extra: { scopes: ['view', 'all'] } }, [{ resources: ['users'] }, { ...authentication, resources: ['userextras/scopes'], resourceNames: ['view'] }], false],
  ]
  for (const [asked, rules, allowed] of rows) {
    const verdict = judge([readPods, ...rules.map(rule => ({ ...acknowledged, ...rule }))], 'GET /api/v1/pods', asking(asked))
    t.match(verdict, allowed ? { allowed: true } : { allowed: false, code: 'ImpersonationDenied' }, JSON.stringify([asked, rules]))
  }
})

t.test('a rule that allows it has to acknowledge it', async (t) => {
  const rules = [readPods, { verbs: ['impersonate'], resources: ['users'] }]
  t.match(judge(rules, 'GET /api/v1/pods', asking({})), { code: 'ImpersonationDenied', reason: /acknowledge: \[impersonate\]/ })
})

t.test('whoever is impersonated, the caller needs the scope for the request too, and the guard stands', async (t) => {
  const rules = [{ ...acknowledged, resources: ['users'] }, { verbs: ['create'], apiGroups: ['*'], resources: ['rolebindings'] }]
  t.match(judge(rules, 'GET /api/v1/pods', asking({})), { code: 'ScopeDenied' })
  t.match(judge(rules, 'POST /apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings', asking({})), { code: 'EscalationDenied' })
})

t.test('never beside a configured impersonate, and never without a user', async (t) => {
  const rules = [readPods, { ...acknowledged, resources: ['users', 'groups'] }]
  const impersonate = { user: 'tool:ci', groups: [] }
  t.match(judge(rules, 'GET /api/v1/pods', asking({}), { impersonate }), { code: 'ImpersonationDenied' })
  for (const user of [undefined, '']) {
    t.match(judge(rules, 'GET /api/v1/pods', asking({ user, groups: ['devs'] })), { code: 'ImpersonationDenied' })
  }
})

t.test('it is refused before the scope is asked', async (t) => {
  t.match(judge([], 'GET /api/v1/pods', asking({})), { code: 'ImpersonationDenied' })
  t.match(judge([], 'GET /api', asking({})), { code: 'ImpersonationDenied' }, 'also on discovery')
})

t.test('the verb itself, as can-i asks about it, opens its own route alone', async (t) => {
  const attributes = { isResourceRequest: true, path: '', verb: 'impersonate', apiPrefix: '', apiGroup: '', apiVersion: '', namespace: '', resource: 'users', subresource: '', name: 'jane' }
  const ask = (verb: string, acknowledge: Rule['acknowledge']) =>
    judge([{ verbs: ['*'], resources: ['users'], acknowledge }], 'GET /api', { attributes: { ...attributes, verb } })
  t.match(ask('impersonate', []), { code: 'EscalationDenied' })
  t.equal(ask('impersonate', ['impersonate']).allowed, true)
  t.match(ask('impersonate:user-info', []), { code: 'EscalationDenied', reason: /\[impersonate\]/ })
  t.match(ask('impersonate-on:user-info:list', []), { code: 'EscalationDenied', reason: /\[impersonate\]/ })
  t.match(ask('escalate', []), { code: 'EscalationDenied', reason: /\[grant-role\]/ })
  t.match(ask('approve', []), { code: 'EscalationDenied', reason: /\[sign-certificate\]/ })
})
