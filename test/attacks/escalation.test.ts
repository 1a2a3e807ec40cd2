// RBAC's own `escalate` and `bind` checks would run against our privileged account: each route needs its acknowledgement.
import t from 'tap'
import { callerEntry, startTarget } from '../support/attack-target.ts'
import { keyFor } from '../support/keys.ts'

const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }
const urls = { nonResourceURLs: ['*'], verbs: ['*'] }

/** Our account is system:serviceaccount:portcullis:portcullis; Portcullis runs in namespace `own`; the cluster is OpenShift. */
const attempts: Readonly<Record<string, readonly (readonly [method: string, path: string])[]>> = {
  'mint-token': [['POST', '/api/v1/namespaces/a/serviceaccounts/x/token'], ['POST', '/api/v1/namespaces/portcullis/serviceaccounts/x/token']],
  'own-credential': [
    ['GET', '/api/v1/namespaces/portcullis/secrets/x'], ['GET', '/api/v1/secrets'], ['GET', '/api/v1/secrets?watch=1'], ['DELETE', '/api/v1/namespaces/portcullis/secrets?dryRun=All'],
    ['POST', '/api/v1/namespaces/portcullis/pods/x/exec'], ['GET', '/api/v1/namespaces/portcullis/pods/x/proxy'], ['PATCH', '/apis/apps/v1/namespaces/portcullis/deployments/x'],
  ],
  'own-callers': [['POST', '/apis/portcullis.dev/v1/namespaces/a/callers'], ['PUT', '/api/v1/namespaces/own/configmaps/x'], ['DELETE', '/apis/apps/v1/namespaces/own/deployments/x']],
  'grant-role': [
    ['POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings'], ['POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings'],
    ['PATCH', '/apis/rbac.authorization.k8s.io/v1/clusterroles/x'], ['PUT', '/apis/authorization.openshift.io/v1/namespaces/a/roles/x'], ['POST', '/oapi/v1/namespaces/a/rolebindings'],
  ],
  'sign-certificate': [['POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests'], ['PUT', '/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval']],
  'node-proxy': [['GET', '/api/v1/nodes/n/proxy/runningpods/'], ['POST', '/api/v1/nodes/n/proxy/run/a/x/c'], ['GET', '/api/v1/proxy/nodes/n/x']],
  'intercept': [
    ['POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'], ['PATCH', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/x'],
    ['POST', '/apis/apiregistration.k8s.io/v1/apiservices'], ['PUT', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x'],
  ],
  'server-internals': [['GET', '/logs/kube-apiserver.log'], ['GET', '/logs'], ['GET', '/debug/pprof/heap']],
  'openshift-identity': [
    ['GET', '/apis/oauth.openshift.io/v1/oauthaccesstokens'], ['GET', '/oapi/v1/oauthclients'], ['POST', '/apis/user.openshift.io/v1/groups'],
    ['PATCH', '/apis/security.openshift.io/v1/securitycontextconstraints/x'], ['DELETE', '/apis/user.openshift.io/v1/users/x'],
  ],
  'own-project': [['POST', '/apis/project.openshift.io/v1/projectrequests']],
  'run-as-us': [['POST', '/api/v1/namespaces/a/pods'], ['POST', '/api/v1/namespaces/a/pods/x/exec'], ['POST', '/api/v1/namespaces/a/pods/x/attach'], ['PATCH', '/api/v1/namespaces/a/pods/x/ephemeralcontainers']],
  'template-instance': [['POST', '/apis/template.openshift.io/v1/namespaces/a/templateinstances']],
  'build-strategy': [['POST', '/apis/build.openshift.io/v1/namespaces/a/builds'], ['POST', '/apis/build.openshift.io/v1/namespaces/a/buildconfigs/x/instantiate'], ['PUT', '/oapi/v1/namespaces/a/buildconfigs/x']],
  'pull-secrets': [['GET', '/apis/image.openshift.io/v1/namespaces/a/imagestreams/x/secrets']],
}

const routes = Object.keys(attempts)
const also = ['impersonate']
const keys = Object.fromEntries(routes.map((route, at) => [route, { without: keyFor(`without${at.toString(36)}`), first: keyFor(`ordfrst${at.toString(36)}`), last: keyFor(`ordlast${at.toString(36)}`) }]))
const target = await startTarget(t, {
  openshift: true,
  config: { self: { cluster: 'prod', namespace: 'own' } },
  callers: routes.flatMap((route) => {
    const { without, first, last } = keys[route]!
    const others = [...routes, ...also].filter((other) => other !== route)
    const acknowledged = { ...everything, acknowledge: [...routes, ...also] }
    const acknowledgedUrls = { ...urls, acknowledge: routes }
    return [
      callerEntry(`${route}-without`, without, [{ ...everything, acknowledge: others }, { ...urls, acknowledge: others }]),
      callerEntry(`${route}-first`, first, [acknowledged, acknowledgedUrls, everything, urls]),
      callerEntry(`${route}-last`, last, [everything, urls, acknowledgedUrls, acknowledged]),
    ]
  }),
})

for (const [route, requests] of Object.entries(attempts)) {
  t.test(`${route}: refused without its acknowledgement, by all others of the table; allowed with it, whatever the order`, async (t) => {
    for (const [method, path] of requests) {
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }
      for (const way of ['plain', 'http2'] as const) {
        await target.refused(t, way, { method, target: path, key: keys[route]!.without.key, ...body }, { status: 403, code: 'EscalationDenied' }, `${method} ${path}`)
      }
      for (const { key } of [keys[route]!.first, keys[route]!.last]) {
        const { status, body: answered } = await target.send('tls', { method, target: path, key, ...body })
        t.equal(status, 200, `${method} ${path} ${answered}`)
      }
    }
  })
}

t.test('exec by WebSocket goes the same way', async (t) => {
  const path = '/api/v1/namespaces/a/pods/x/exec?command=sh'
  await target.refused(t, 'upgrade', { target: path, key: keys['run-as-us']!.without.key }, { status: 403, code: 'EscalationDenied' })
  t.equal((await target.send('upgrade', { target: path, key: keys['run-as-us']!.first.key })).status, 101)
})

t.test('no sink holds a secret', (t) => target.silentSinks(t, Object.values(keys).flatMap(({ without, first, last }) => [without.key, first.key, last.key])))
