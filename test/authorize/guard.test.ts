import t from 'tap'
import { guardTable, routeReasons } from '../../src/authorize/guard-table.ts'
import { guardRoutes, type GuardRoute, type Rule } from '../../src/model/caller.ts'
import type { Question } from '../../src/model/verdict.ts'
import { rule } from '../support/builders.ts'
import { facts, judge } from '../support/questions.ts'

/** Otherwise sufficient: everything, everywhere. */
const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*'] }

const rbac = '/apis/rbac.authorization.k8s.io/v1'
const openshift = { cluster: facts({ openshift: true }) }

interface Case {
  /** Requests that only this route covers; `also` names what they open besides. */
  readonly refused: readonly string[]
  readonly also?: readonly GuardRoute[]
  /** The nearest harmless neighbours. */
  readonly passed: readonly string[]
  readonly given?: Partial<Question>
}

const cases: readonly (Case & { readonly route: GuardRoute })[] = [
  {
    route: 'mint-token',
    refused: ['POST /api/v1/namespaces/a/serviceaccounts/x/token', 'PUT /api/v1/namespaces/a/serviceaccounts/x/token'],
    passed: ['GET /api/v1/namespaces/a/serviceaccounts/x/token', 'POST /api/v1/namespaces/a/serviceaccounts', 'POST /api/v1/namespaces/a/secrets'],
  },
  {
    route: 'mint-token',
    also: ['own-credential'],
    refused: [
      'POST /api/v1/namespaces/own/secrets', 'PUT /api/v1/namespaces/own/secrets/x', 'PATCH /api/v1/namespaces/own/secrets/x',
      'DELETE /api/v1/namespaces/own/secrets/x', 'DELETE /api/v1/namespaces/own/secrets?dryRun=All', 'DELETE /api/v1/secrets',
    ],
    passed: ['PUT /api/v1/namespaces/owner/secrets/x'],
  },
  {
    route: 'own-credential',
    refused: [
      'GET /api/v1/namespaces/own/secrets', 'GET /api/v1/namespaces/own/secrets/x', 'GET /api/v1/namespaces/own/secrets?watch=1',
      'GET /api/v1/watch/namespaces/own/secrets', 'GET /api/v1/secrets', 'GET /api/v1/secrets?watch=1', 'GET /api/v1/watch/secrets',
      'GET /api/v1/namespaces/own/pods/x/proxy/y', 'GET /api/v1/namespaces/own/services/x/proxy', 'GET /api/v1/namespaces/own/pods/x/exec',
      'GET /api/v1/namespaces/own/pods/x/attach', 'GET /api/v1/namespaces/own/pods/x/portforward',
      'GET /api/v1/proxy/namespaces/own/pods/x', 'POST /api/v1/namespaces/own/pods', 'POST /apis/apps/v1/namespaces/own/deployments',
      'PATCH /api/v1/namespaces/own/configmaps/x', 'DELETE /api/v1/namespaces/own', 'PATCH /api/v1/namespaces/own',
      'DELETE /apis/project.openshift.io/v1/projects/own', 'OPTIONS /api/v1/namespaces/own/pods',
      'POST /apis/x.example/v1/namespaces/own/widgets',
    ],
    passed: [
      'GET /api/v1/namespaces/a/secrets', 'GET /api/v1/namespaces/own/pods', 'GET /api/v1/namespaces/own/pods/x/log',
      'GET /api/v1/namespaces/own/configmaps/x', 'POST /api/v1/namespaces/a/pods', 'GET /apis/x.example/v1/namespaces/own/secrets',
      'GET /api/v1/namespaces/own', 'GET /api/v1/configmaps', 'GET /api/v1/namespaces/a/pods/x/proxy',
    ],
  },
  {
    route: 'own-credential',
    also: ['pull-secrets'],
    refused: [
      'GET /apis/image.openshift.io/v1/namespaces/own/imagestreams/x/secrets', 'GET /oapi/v1/namespaces/own/imagestreams/x/secrets',
      'GET /apis/image.openshift.io/v1/imagestreams/x/secrets',
    ],
    passed: ['GET /apis/image.openshift.io/v1/namespaces/own/imagestreams/x'],
  },
  {
    route: 'own-callers',
    refused: [
      'POST /apis/portcullis.dev/v1alpha1/namespaces/a/callers', 'PATCH /apis/portcullis.dev/v1alpha1/namespaces/a/scopes/x',
      'DELETE /apis/store.portcullis.dev/v1/namespaces/a/callers/x', 'POST /api/v1/namespaces/portcullis/pods',
      'PUT /api/v1/namespaces/portcullis/configmaps/x', 'DELETE /api/v1/namespaces/portcullis', 'POST /api/v1/namespaces/portcullis/pods/x/exec',
    ],
    passed: [
      'GET /apis/portcullis.dev/v1alpha1/callers', 'POST /apis/notportcullis.dev/v1/namespaces/a/callers', 'GET /api/v1/namespaces/portcullis/pods',
      'POST /api/v1/namespaces/portcullis2/pods',
    ],
  },
  {
    route: 'grant-role',
    refused: [
      `POST ${rbac}/namespaces/a/rolebindings`, `POST ${rbac}/clusterrolebindings`, `PATCH ${rbac}/clusterroles/x`,
      `PUT ${rbac}/namespaces/a/roles/x`, `DELETE ${rbac}/namespaces/a/roles`, 'POST /oapi/v1/namespaces/a/rolebindings',
      'POST /apis/authorization.openshift.io/v1/clusterrolebindings', 'POST /apis/rbac.authorization.k8s.io/v1beta1/namespaces/a/rolebindings',
    ],
    passed: [`GET ${rbac}/clusterrolebindings`, `GET ${rbac}/roles?watch=1`, 'POST /apis/x.example/v1/namespaces/a/roles'],
  },
  {
    route: 'sign-certificate',
    refused: [
      'POST /apis/certificates.k8s.io/v1/certificatesigningrequests', 'PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval',
      'PATCH /apis/certificates.k8s.io/v1/certificatesigningrequests/x/status',
      'PATCH /apis/certificates.k8s.io/v1beta1/namespaces/a/podcertificaterequests/x/status',
    ],
    passed: [
      'GET /apis/certificates.k8s.io/v1/certificatesigningrequests', 'POST /apis/certificates.k8s.io/v1beta1/namespaces/a/podcertificaterequests',
      'GET /apis/certificates.k8s.io/v1beta1/namespaces/a/podcertificaterequests/x/status',
    ],
  },
  {
    route: 'node-proxy',
    refused: [
      'GET /api/v1/nodes/n/proxy', 'POST /api/v1/nodes/n/proxy/run/a/b/c', 'GET /api/v1/nodes/n:10250/proxy/pods', 'GET /api/v1/proxy/nodes/n/pods',
    ],
    passed: ['GET /api/v1/nodes/n', 'PATCH /api/v1/nodes/n', 'GET /api/v1/nodes/n/status', 'GET /api/v1/namespaces/a/services/s/proxy'],
  },
  {
    route: 'intercept',
    refused: [
      'POST /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', 'PATCH /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/x',
      'PUT /apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/x', 'POST /apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
      'POST /apis/admissionregistration.k8s.io/v1alpha1/mutatingadmissionpolicies', 'DELETE /apis/admissionregistration.k8s.io/v1alpha1/mutatingadmissionpolicybindings/x',
      'POST /apis/apiregistration.k8s.io/v1/apiservices', 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      'PATCH /apis/certificates.k8s.io/v1beta1/clustertrustbundles/x',
    ],
    passed: [
      'GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions', 'GET /apis/apiregistration.k8s.io/v1/apiservices?watch=1',
      'GET /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/x', 'POST /apis/x.example/v1/namespaces/a/apiservices',
    ],
  },
  {
    route: 'server-internals',
    refused: ['GET /logs', 'GET /logs/kube-apiserver.log', 'GET /debug/pprof/heap', 'PUT /debug/flags/v', 'GET /debug', 'GET /logs*'],
    passed: ['GET /metrics', 'GET /debugger', 'GET /healthz', 'GET /log', 'GET /api/v1/namespaces/a/pods/x/log'],
  },
  {
    route: 'openshift-identity',
    refused: [
      'GET /apis/oauth.openshift.io/v1/oauthclients', 'GET /apis/oauth.openshift.io/v1/oauthaccesstokens/x', 'POST /oapi/v1/oauthauthorizetokens',
      'GET /apis/oauth.openshift.io/v1/useroauthaccesstokens', 'GET /apis/oauth.openshift.io/v1/oauthclientauthorizations?watch=1',
      'POST /apis/user.openshift.io/v1/users', 'PATCH /apis/user.openshift.io/v1/groups/x', 'POST /apis/user.openshift.io/v1/identities',
      'POST /oapi/v1/useridentitymappings', 'PATCH /apis/security.openshift.io/v1/securitycontextconstraints/x',
      'PATCH /api/v1/securitycontextconstraints/x',
    ],
    passed: [
      'GET /apis/user.openshift.io/v1/users/~', 'GET /apis/user.openshift.io/v1/groups', 'GET /apis/security.openshift.io/v1/securitycontextconstraints',
      'POST /apis/x.example/v1/groups', 'GET /apis/user.openshift.io/v1/useridentitymappings/x',
    ],
  },
  {
    route: 'own-project',
    refused: ['POST /apis/project.openshift.io/v1/projectrequests', 'POST /oapi/v1/projectrequests'],
    passed: ['GET /apis/project.openshift.io/v1/projectrequests', 'POST /apis/project.openshift.io/v1/projects'],
  },
  {
    route: 'run-as-us',
    given: openshift,
    refused: [
      'POST /api/v1/namespaces/a/pods', 'PATCH /api/v1/namespaces/a/pods/x/ephemeralcontainers', 'POST /api/v1/namespaces/a/pods/x/exec',
      'POST /api/v1/namespaces/a/pods/x/attach',
    ],
    passed: [
      'GET /api/v1/namespaces/a/pods', 'DELETE /api/v1/namespaces/a/pods/x', 'PATCH /api/v1/namespaces/a/pods/x', 'POST /api/v1/namespaces/a/pods/x/portforward',
      'POST /apis/apps/v1/namespaces/a/deployments', 'GET /api/v1/namespaces/a/pods/x/exec',
    ],
  },
  {
    route: 'template-instance',
    refused: ['POST /apis/template.openshift.io/v1/namespaces/a/templateinstances', 'PUT /apis/template.openshift.io/v1/namespaces/a/templateinstances/x'],
    passed: ['GET /apis/template.openshift.io/v1/templateinstances', 'POST /apis/template.openshift.io/v1/namespaces/a/templates'],
  },
  {
    route: 'build-strategy',
    refused: [
      'POST /apis/build.openshift.io/v1/namespaces/a/builds', 'PATCH /apis/build.openshift.io/v1/namespaces/a/buildconfigs/x', 'POST /oapi/v1/namespaces/a/buildconfigs',
      'POST /apis/build.openshift.io/v1/namespaces/a/builds/x/clone', 'POST /apis/build.openshift.io/v1/namespaces/a/buildconfigs/x/instantiate',
      'POST /apis/build.openshift.io/v1/namespaces/a/buildconfigs/x/instantiatebinary',
    ],
    passed: ['GET /apis/build.openshift.io/v1/namespaces/a/builds/x/log', 'GET /apis/build.openshift.io/v1/namespaces/a/buildconfigs'],
  },
  {
    route: 'pull-secrets',
    refused: ['GET /apis/image.openshift.io/v1/namespaces/a/imagestreams/x/secrets', 'GET /oapi/v1/namespaces/a/imagestreams/x/secrets'],
    passed: ['GET /apis/image.openshift.io/v1/namespaces/a/imagestreams/x', 'GET /apis/image.openshift.io/v1/namespaces/a/imagestreams/x/layers'],
  },
]

function rules(acknowledge: readonly GuardRoute[]): Partial<Rule>[] {
  return [{ ...everything, acknowledge }]
}

for (const { route, refused, passed, also = [], given = {} } of cases) {
  const others = guardRoutes.filter(other => other !== route)
  t.test(`${[route, ...also].join(' and ')}: refused until it is acknowledged`, async (t) => {
    for (const request of refused) {
      t.match(judge(rules([]), request, given), { allowed: false, code: 'EscalationDenied', rule: { verbs: ['*'] } }, request)
      t.match(judge(rules(others), request, given), { code: 'EscalationDenied', reason: `lacks acknowledge: [${route}]` }, `${request} with every other route`)
      t.equal(judge(rules([route, ...also]), request, given).allowed, true, `${request} acknowledged`)
    }
  })
  t.test(`${[route, ...also].join(' and ')}: its nearest harmless neighbours pass`, async (t) => {
    for (const request of passed) t.equal(judge(rules(others), request, given).allowed, true, request)
  })
}

t.test('every route has a case, a reason and a place in the guard', async (t) => {
  const tested = new Set([...cases.map(({ route }) => route), 'impersonate'])
  t.strictSame(guardRoutes.filter(route => !tested.has(route)), [])
  t.strictSame(Object.keys(routeReasons).sort(), [...guardRoutes].sort())
  t.ok(guardTable.every(({ groups }) => groups.length > 0))
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
  const elsewhere = { ...everything, namespaces: ['b'], acknowledge: ['grant-role' as const] }
  t.match(judge([elsewhere, everything], request), { code: 'EscalationDenied' })
  t.match(judge([everything, elsewhere], request), { code: 'EscalationDenied' })
})

t.test('the create behind an apply or an update has to pass the guard as well', async (t) => {
  const apply = { contentType: 'application/apply-patch+yaml', cluster: facts({ openshift: true }) }
  const request = 'PATCH /api/v1/namespaces/a/pods/x'
  t.match(judge([everything], request, apply), { code: 'EscalationDenied', reason: /may not create pods "x".*run-as-us/ })
  t.equal(judge([{ ...everything, acknowledge: ['run-as-us'] }], request, apply).allowed, true)
  t.equal(judge([everything], request, { ...apply, contentType: 'application/merge-patch+json' }).allowed, true)
  t.match(judge([{ ...everything, verbs: ['patch'] }], request, apply), { code: 'ScopeDenied' }, 'the scope speaks before the guard')
})

t.test('on OpenShift an exec by WebSocket runs as us too', async (t) => {
  const given = { cluster: facts({ openshift: true }), upgrade: true }
  t.match(judge([everything], 'GET /api/v1/namespaces/a/pods/x/exec', given), { code: 'EscalationDenied' })
  t.equal(judge([everything], 'GET /api/v1/namespaces/a/pods/x/exec', { upgrade: true }).allowed, true)
})

t.test('for a caller with impersonate the routes that upstream judges itself fall away, and no others', async (t) => {
  const impersonate = { user: 'tool:ci', groups: [] }
  const upstream = ['own-project', 'run-as-us', 'template-instance', 'build-strategy']
  for (const { route, refused, given } of cases) {
    const verdict = judge([everything], refused[0] ?? '', given, { impersonate })
    t.equal(verdict.allowed, upstream.includes(route), route)
  }
})

t.test('where our account is not known, a request for the secrets of every namespace still counts as one for ours', async (t) => {
  const given = { cluster: facts({ account: undefined, ownNamespaces: [] }) }
  t.match(judge([everything], 'GET /api/v1/secrets', given), { code: 'EscalationDenied' })
  t.equal(judge([everything], 'GET /api/v1/namespaces/own/secrets', given).allowed, true)
})

t.test('a refusal says the route, why, and the words that would open it', async (t) => {
  t.equal(
    judge([{ ...everything, resources: ['rolebindings'], namespaces: ['a'] }], `POST ${rbac}/namespaces/a/rolebindings`).reason,
    'caller "ci" may not create rolebindings.rbac.authorization.k8s.io in namespace "a": it would grant roles by the authority of this proxy; '
    + 'the rule that allows it (own rule: * rolebindings of * in a *) lacks acknowledge: [grant-role]',
  )
})
