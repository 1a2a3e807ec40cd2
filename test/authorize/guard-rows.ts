import type { GuardRoute } from '../../src/model/caller.ts'

/**
 * A request as `METHOD target`. `APPLY` is a server-side apply; `WS` an upgrade by WebSocket,
 * a GET, and `SPDY` one by SPDY, a POST.
 */
export type Row = {
  readonly route: GuardRoute
  /** Routes that all of `refused` open besides. */
  readonly also?: readonly GuardRoute[]
  readonly about: string
  readonly refused: readonly string[]
  /** The nearest neighbours that need no acknowledgement of this route. */
  readonly harmless: readonly string[]
}

/** DESIGN.md, section 6, row by row: our account lives in `portcullis`, Portcullis runs in `home`; an OpenShift cluster. */
export const accountNamespace = 'portcullis'
export const ownNamespace = 'home'

const core = '/api/v1/namespaces'
const rbac = '/apis/rbac.authorization.k8s.io/v1'
const certificates = '/apis/certificates.k8s.io'
const admission = '/apis/admissionregistration.k8s.io'
const image = '/apis/image.openshift.io/v1/namespaces'
const build = '/apis/build.openshift.io/v1/namespaces/a'
const oauth = '/apis/oauth.openshift.io/v1'
const user = '/apis/user.openshift.io/v1'

/** Every way to write one object. */
function writes(object: string): string[] {
  return ['PUT', 'PATCH', 'APPLY', 'DELETE'].map(method => `${method} ${object}`)
}

/** Every way to write a collection and its objects. */
function allWrites(collection: string): string[] {
  return [`POST ${collection}`, ...writes(`${collection}/x`), `DELETE ${collection}`, `DELETE ${collection}?dryRun=All`]
}

/** Every way to read a collection and its objects; the old prefix names the namespace after it. */
function allReads(prefix: string, collection: string): string[] {
  return [
    `GET ${prefix}/${collection}`, `GET ${prefix}/${collection}?watch=1`, `GET ${prefix}/${collection}?watch=true&fieldSelector=metadata.name%3Dx`,
    `GET ${prefix}/${collection}/x`, `HEAD ${prefix}/${collection}/x`, `GET ${prefix}/watch/${collection}`, `GET ${prefix}/watch/${collection}/x`,
  ]
}

export const rows: readonly Row[] = [
  {
    route: 'mint-token',
    about: 'tokens of service accounts',
    refused: [`POST ${core}/a/serviceaccounts/x/token`, ...writes(`${core}/a/serviceaccounts/x/token`), `POST ${core}/a/serviceaccounts/x/token/`],
    harmless: [
      `GET ${core}/a/serviceaccounts/x/token`, `POST ${core}/a/serviceaccounts`, `PATCH ${core}/a/serviceaccounts/x`, `POST ${core}/a/secrets`,
      'POST /apis/authentication.k8s.io/v1/tokenreviews', 'POST /apis/x.example/v1/namespaces/a/serviceaccounts/x/token',
    ],
  },
  {
    route: 'mint-token',
    also: ['own-credential'],
    about: 'Secrets of our account\'s namespace, which mint too',
    refused: [
      ...allWrites(`${core}/portcullis/secrets`), 'DELETE /api/v1/secrets', 'DELETE /api/v1/secrets?dryRun=All', `POST ${core}/portcullis/%73ecrets`,
      'POST /oapi/v1/namespaces/portcullis/secrets', `POST ${core}/portcullis/serviceaccounts/x/token`, `POST ${core}/%70ortcullis/secrets`,
    ],
    harmless: [`PUT ${core}/portcullis2/secrets/x`, `APPLY ${core}/a/secrets/x`, `DELETE ${core}/a/secrets?dryRun=All`],
  },
  {
    route: 'own-credential',
    about: 'Secrets of our account\'s namespace, also among those of all',
    refused: [
      ...allReads('/api/v1', 'secrets'), ...allReads('/api/v1', 'namespaces/portcullis/secrets'), `GET ${core}/portcullis/secrets/x/status`,
      'GET /api/v1/secrets?fieldSelector=metadata.namespace%3Da', 'GET /oapi/v1/namespaces/portcullis/secrets/x', `GET ${core}/portcullis/%73%65crets/x`,
      'GET /oapi/v1/secrets',
    ],
    harmless: [
      `GET ${core}/a/secrets`, `GET ${core}/a/secrets?watch=1`, `GET ${core}/portculli/secrets`, 'GET /apis/x.example/v1/namespaces/portcullis/secrets',
      'GET /apis/x.example/v1/secrets', `GET ${core}/Portcullis/secrets`, 'GET /api/v1/configmaps',
    ],
  },
  {
    route: 'own-credential',
    about: 'writes in our account\'s namespace',
    refused: [
      'POST /apis/apps/v1/namespaces/portcullis/deployments', ...writes('/apis/apps/v1/namespaces/portcullis/deployments/x'),
      'PATCH /apis/apps/v1/namespaces/portcullis/deployments/x/scale', 'DELETE /apis/apps/v1/namespaces/portcullis/deployments',
      `POST ${core}/portcullis/serviceaccounts`, `POST ${core}/portcullis/bindings`, `POST ${core}/portcullis/pods/x/eviction`, `PATCH ${core}/portcullis/pods/x/resize`,
      `PATCH ${core}/portcullis/pods/x/status`, `PUT ${core}/portcullis/endpoints/x`, `DELETE ${core}/portcullis`, `PATCH ${core}/portcullis`,
      `PUT ${core}/portcullis/finalize`, `PUT ${core}/portcullis/status`, 'PATCH /apis/project.openshift.io/v1/projects/portcullis',
      'DELETE /oapi/v1/projects/portcullis', 'POST /apis/apps.openshift.io/v1/namespaces/portcullis/deploymentconfigs/x/instantiate',
      'POST /apis/authorization.k8s.io/v1/namespaces/portcullis/localsubjectaccessreviews', 'POST /apis/x.example/v1/namespaces/portcullis/widgets',
      `POST ${certificates}/v1beta1/namespaces/portcullis/podcertificaterequests`, 'OPTIONS /api/v1/namespaces/portcullis/pods',
    ],
    harmless: [
      'POST /apis/apps/v1/namespaces/a/deployments', `GET ${core}/portcullis/pods`, `GET ${core}/portcullis/configmaps/x`, `GET ${core}/portcullis`,
      `DELETE ${core}/a`, 'POST /api/v1/namespaces', 'GET /apis/project.openshift.io/v1/projects/portcullis', 'PATCH /apis/project.openshift.io/v1/projects/a',
    ],
  },
  {
    route: 'own-credential',
    about: 'ways into the pods of our account\'s namespace and of our own',
    refused: ['portcullis', 'home'].flatMap(namespace => [
      `GET ${core}/${namespace}/pods/x/exec`, `GET ${core}/${namespace}/pods/x/attach`, `GET ${core}/${namespace}/pods/x/portforward`,
      `GET ${core}/${namespace}/pods/x/proxy`, `GET ${core}/${namespace}/pods/x:9443/proxy/metrics`, `GET ${core}/${namespace}/services/x/proxy/y`,
      `HEAD ${core}/${namespace}/services/https:x:443/proxy`,
      `GET /apis/subresources.kubevirt.io/v1/namespaces/${namespace}/virtualmachineinstances/x/portforward/22`,
    ]),
    harmless: [
      `GET ${core}/portcullis/pods/x/log`, `GET ${core}/home/pods/x/log`, `GET ${core}/home/services/x`, `GET ${core}/a/pods/x/proxy`,
      `WS ${core}/a/pods/x/portforward`, `GET ${core}/a/services/x/proxy`,
    ],
  },
  {
    route: 'own-credential',
    also: ['own-callers'],
    about: 'the same by methods that write, where Portcullis runs',
    refused: [
      `WS ${core}/home/pods/x/portforward`, `SPDY ${core}/home/pods/x/portforward`, `POST ${core}/home/services/x/proxy`, 'GET /api/v1/proxy/namespaces/home/pods/x',
      'GET /api/v1/proxy/namespaces/home/services/x/metrics', ...allWrites(`${core}/home/secrets`),
    ],
    harmless: [`PUT ${core}/home/configmaps/x`, 'POST /apis/apps/v1/namespaces/home/deployments', 'GET /api/v1/proxy/namespaces/a/pods/x'],
  },
  {
    route: 'own-credential',
    about: 'Secrets where Portcullis runs',
    refused: allReads('/api/v1', 'namespaces/home/secrets'),
    harmless: [`GET ${core}/home/configmaps`, `GET ${core}/home2/secrets`],
  },
  {
    route: 'own-credential',
    also: ['run-as-us'],
    about: 'into pods of our account\'s namespace by upgrades',
    refused: [
      `WS ${core}/portcullis/pods/x/exec?command=sh`, `SPDY ${core}/portcullis/pods/x/attach`, `POST ${core}/portcullis/pods`,
      `PATCH ${core}/portcullis/pods/x/ephemeralcontainers`,
    ],
    harmless: [`WS ${core}/a/pods/x/portforward`],
  },
  {
    route: 'own-credential',
    also: ['pull-secrets'],
    about: 'pull secrets of our account\'s namespace, of our own, and of all',
    refused: [
      `GET ${image}/portcullis/imagestreams/x/secrets`, `GET ${image}/home/imagestreams/x/secrets`, 'GET /oapi/v1/namespaces/portcullis/imagestreams/x/secrets',
      'GET /apis/image.openshift.io/v1/imagestreams/x/secrets',
    ],
    harmless: [`GET ${image}/portcullis/imagestreams/x`, `GET ${image}/a/imagestreams/x/secrets`],
  },
  {
    route: 'own-callers',
    about: 'our own kinds, and writes where Portcullis runs',
    refused: [
      ...allWrites('/apis/portcullis.dev/v1alpha1/namespaces/a/callers'), 'PATCH /apis/portcullis.dev/v1alpha1/namespaces/a/scopes/x/status',
      'DELETE /apis/store.portcullis.dev/v1/callers/x', 'POST /apis/apps/v1/namespaces/home/deployments', `PUT ${core}/home/configmaps/x`,
      `APPLY ${core}/home/configmaps/x`, `DELETE ${core}/home`, `PATCH ${core}/home/pods/x`, `POST ${core}/home/pods/x/eviction`, 'DELETE /oapi/v1/projects/home',
      'OPTIONS /api/v1/namespaces/home/pods',
    ],
    harmless: [
      'GET /apis/portcullis.dev/v1alpha1/callers', 'GET /apis/portcullis.dev/v1alpha1/callers?watch=1', 'POST /apis/notportcullis.dev/v1/namespaces/a/callers',
      'POST /apis/portcullis.dev.example/v1/namespaces/a/callers', `GET ${core}/home/pods`, 'POST /apis/apps/v1/namespaces/home2/deployments',
    ],
  },
  {
    route: 'grant-role',
    about: 'roles and bindings, in every group that served them',
    refused: [
      ...allWrites(`${rbac}/namespaces/a/rolebindings`), ...allWrites(`${rbac}/clusterrolebindings`), ...allWrites(`${rbac}/namespaces/a/roles`),
      ...allWrites(`${rbac}/clusterroles`), 'POST /apis/rbac.authorization.k8s.io/v1beta1/namespaces/a/rolebindings',
      ...allWrites('/apis/authorization.openshift.io/v1/namespaces/a/rolebindings'), 'POST /apis/authorization.openshift.io/v1/clusterrolebindings',
      'POST /oapi/v1/namespaces/a/rolebindings', 'PUT /oapi/v1/clusterroles/x', 'PATCH /apis/authorization.openshift.io/v1/namespaces/a/roles/x',
    ],
    harmless: [
      `GET ${rbac}/clusterrolebindings`, `GET ${rbac}/roles?watch=1`, `GET ${rbac}/watch/clusterroles`, 'POST /apis/x.example/v1/namespaces/a/roles',
      'POST /apis/authorization.k8s.io/v1/subjectaccessreviews', `POST ${core}/a/serviceaccounts`,
    ],
  },
  {
    route: 'sign-certificate',
    about: 'certificates',
    refused: [
      ...allWrites(`${certificates}/v1/certificatesigningrequests`), ...writes(`${certificates}/v1/certificatesigningrequests/x/approval`),
      ...writes(`${certificates}/v1/certificatesigningrequests/x/status`), `POST ${certificates}/v1beta1/certificatesigningrequests`,
      ...writes(`${certificates}/v1alpha1/namespaces/a/podcertificaterequests/x/status`),
    ],
    harmless: [
      `GET ${certificates}/v1/certificatesigningrequests`, `GET ${certificates}/v1/certificatesigningrequests/x/approval`,
      `POST ${certificates}/v1beta1/namespaces/a/podcertificaterequests`, `GET ${certificates}/v1beta1/namespaces/a/podcertificaterequests/x/status`,
      'POST /apis/cert-manager.io/v1/namespaces/a/certificaterequests',
    ],
  },
  {
    route: 'node-proxy',
    about: 'kubelets',
    refused: [
      'GET /api/v1/nodes/n/proxy', 'GET /api/v1/nodes/n/proxy/runningpods/', 'HEAD /api/v1/nodes/n/proxy', 'POST /api/v1/nodes/n/proxy/run/a/b/c', 'GET /api/v1/nodes/n:10250/proxy/pods',
      'GET /api/v1/nodes/https:n:10250/proxy/pods', 'GET /api/v1/nodes/n/%70roxy/pods', 'GET /api/v1/proxy/nodes/n/pods', 'POST /api/v1/proxy/nodes/n/run/a/b/c',
      'WS /api/v1/nodes/n/proxy/exec/a/b/c', 'SPDY /api/v1/nodes/n/proxy/exec/a/b/c',
    ],
    harmless: ['GET /api/v1/nodes/n', 'PATCH /api/v1/nodes/n', 'GET /api/v1/nodes/n/status', 'GET /api/v1/nodes?watch=1', `GET ${core}/a/services/s/proxy`],
  },
  {
    route: 'intercept',
    about: 'whoever stands between the API server and everybody else',
    refused: [
      ...allWrites(`${admission}/v1/validatingwebhookconfigurations`), ...allWrites(`${admission}/v1/mutatingwebhookconfigurations`),
      ...writes(`${admission}/v1/validatingadmissionpolicies/x`), `POST ${admission}/v1beta1/validatingadmissionpolicybindings`,
      `POST ${admission}/v1alpha1/mutatingadmissionpolicies`, `DELETE ${admission}/v1beta1/mutatingadmissionpolicybindings/x`,
      `PUT ${admission}/v1/validatingadmissionpolicies/x/status`, ...allWrites('/apis/apiregistration.k8s.io/v1/apiservices'),
      'PATCH /apis/apiregistration.k8s.io/v1/apiservices/x/status', ...allWrites('/apis/apiextensions.k8s.io/v1/customresourcedefinitions'),
      'PUT /apis/apiextensions.k8s.io/v1/customresourcedefinitions/x/status', ...allWrites(`${certificates}/v1beta1/clustertrustbundles`),
    ],
    harmless: [
      'GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions', 'GET /apis/apiregistration.k8s.io/v1/watch/apiservices',
      `GET ${admission}/v1/validatingwebhookconfigurations/x`, 'POST /apis/x.example/v1/namespaces/a/apiservices', `GET ${certificates}/v1beta1/clustertrustbundles/x`,
      'POST /apis/flowcontrol.apiserver.k8s.io/v1/flowschemas',
    ],
  },
  {
    route: 'server-internals',
    about: 'what the API server keeps to itself',
    refused: [
      'GET /logs', 'GET /logs/', 'GET /logs/kube-apiserver.log', 'HEAD /logs/x', 'GET /%6cogs/x', 'GET /debug/pprof/heap', 'GET /debug/pprof/profile?seconds=1',
      'PUT /debug/flags/v', 'GET /debug/api_priority_and_fairness/dump_requests', 'GET /debug',
    ],
    harmless: ['GET /metrics', 'GET /debugger', 'GET /healthz', 'GET /log', 'GET /livez/log', 'GET /openid/v1/jwks', `GET ${core}/a/pods/x/log`],
  },
  {
    route: 'openshift-identity',
    about: 'OAuth objects, by any verb',
    refused: [
      ...['oauthclients', 'oauthaccesstokens', 'oauthauthorizetokens', 'useroauthaccesstokens', 'oauthclientauthorizations']
        .flatMap(resource => [`GET ${oauth}/${resource}`, `GET ${oauth}/${resource}?watch=1`, `GET ${oauth}/watch/${resource}`, `POST ${oauth}/${resource}`, `DELETE ${oauth}/${resource}/x`]),
      'GET /oapi/v1/oauthclients', 'POST /oapi/v1/oauthauthorizetokens', 'PUT /oapi/v1/oauthclientauthorizations/x',
    ],
    harmless: ['GET /.well-known/oauth-authorization-server', 'GET /apis/x.example/v1/oauthclients'],
  },
  {
    route: 'openshift-identity',
    about: 'writes of who there is, and of what pods may do',
    refused: [
      ...['users', 'groups', 'identities', 'useridentitymappings'].flatMap(resource => allWrites(`${user}/${resource}`)),
      'POST /oapi/v1/useridentitymappings', 'PUT /oapi/v1/groups/x', ...allWrites('/apis/security.openshift.io/v1/securitycontextconstraints'),
      'PATCH /api/v1/securitycontextconstraints/x', 'PATCH /oapi/v1/securitycontextconstraints/x',
    ],
    harmless: [
      `GET ${user}/users/~`, `GET ${user}/groups`, `GET ${user}/users?watch=1`, 'GET /apis/security.openshift.io/v1/securitycontextconstraints?limit=1',
      'POST /apis/x.example/v1/groups', `GET ${user}/useridentitymappings/x`, 'POST /apis/quota.openshift.io/v1/clusterresourcequotas',
      'POST /apis/security.openshift.io/v1/namespaces/a/podsecuritypolicyselfsubjectreviews',
    ],
  },
  {
    route: 'own-project',
    about: 'projects that would be ours',
    refused: ['POST /apis/project.openshift.io/v1/projectrequests', 'POST /oapi/v1/projectrequests', 'POST /apis/project.openshift.io/v1/projectrequests?dryRun=All'],
    harmless: ['GET /apis/project.openshift.io/v1/projectrequests', 'POST /apis/project.openshift.io/v1/projects', 'POST /api/v1/namespaces'],
  },
  {
    route: 'run-as-us',
    about: 'pods that run under our constraints',
    refused: [
      `POST ${core}/a/pods`, `APPLY ${core}/a/pods/x`, `POST ${core}/a/pods?dryRun=All`, 'POST /oapi/v1/namespaces/a/pods',
      ...writes(`${core}/a/pods/x/ephemeralcontainers`), `POST ${core}/a/pods/x/exec`, `POST ${core}/a/pods/x/attach`, `WS ${core}/a/pods/x/exec?command=sh`,
      `SPDY ${core}/a/pods/x/exec?command=sh`, `WS ${core}/a/pods/x/attach`, `SPDY ${core}/a/pods/x/attach`,
    ],
    harmless: [
      `GET ${core}/a/pods`, `DELETE ${core}/a/pods/x`, `DELETE ${core}/a/pods`, `PATCH ${core}/a/pods/x`, `PUT ${core}/a/pods/x`, `PATCH ${core}/a/pods/x/resize`,
      `POST ${core}/a/pods/x/eviction`, `POST ${core}/a/pods/x/portforward`, `WS ${core}/a/pods/x/portforward`, 'POST /apis/apps/v1/namespaces/a/deployments',
      `GET ${core}/a/pods/x/exec`, 'POST /apis/metrics.k8s.io/v1/namespaces/a/pods',
    ],
  },
  {
    route: 'template-instance',
    about: 'templates that act as their requester',
    refused: [
      ...allWrites('/apis/template.openshift.io/v1/namespaces/a/templateinstances'), 'PUT /apis/template.openshift.io/v1/namespaces/a/templateinstances/x/status',
      'POST /oapi/v1/namespaces/a/templateinstances',
    ],
    harmless: [
      'GET /apis/template.openshift.io/v1/templateinstances', 'POST /apis/template.openshift.io/v1/namespaces/a/templates',
      'POST /apis/template.openshift.io/v1/namespaces/a/processedtemplates',
    ],
  },
  {
    route: 'build-strategy',
    about: 'builds, whose strategies are checked against us',
    refused: [
      ...allWrites(`${build}/builds`), ...allWrites(`${build}/buildconfigs`), `POST ${build}/builds/x/clone`, `POST ${build}/buildconfigs/x/instantiate`,
      `POST ${build}/buildconfigs/x/instantiatebinary`, 'POST /oapi/v1/namespaces/a/buildconfigs', 'PUT /oapi/v1/namespaces/a/builds/x',
      'POST /oapi/v1/namespaces/a/buildconfigs/x/instantiate',
    ],
    harmless: [
      `GET ${build}/builds/x/log`, `GET ${build}/buildconfigs`, 'POST /apis/build.example/v1/namespaces/a/builds',
      'POST /apis/apps.openshift.io/v1/namespaces/a/deploymentconfigs/x/instantiate',
    ],
  },
  {
    route: 'pull-secrets',
    about: 'what images are pulled with',
    refused: [`GET ${image}/a/imagestreams/x/secrets`, 'GET /oapi/v1/namespaces/a/imagestreams/x/secrets', `GET ${image}/a/imagestreams/x/%73ecrets`],
    harmless: [`GET ${image}/a/imagestreams/x`, `GET ${image}/a/imagestreams/x/layers`, `POST ${image}/a/imagestreamimports`, `GET ${core}/a/secrets`],
  },
]

export interface ReadRow {
  readonly method: string
  readonly target: string
  readonly contentType: string | undefined
  readonly upgrade: 'websocket' | 'spdy' | undefined
}

export function readRequest(text: string): ReadRow {
  const [word = '', target = ''] = text.split(' ')
  switch (word) {
    case 'APPLY': return { method: 'PATCH', target, contentType: 'application/apply-patch+yaml', upgrade: undefined }
    case 'WS': return { method: 'GET', target, contentType: undefined, upgrade: 'websocket' }
    case 'SPDY': return { method: 'POST', target, contentType: undefined, upgrade: 'spdy' }
    default: return { method: word, target, contentType: undefined, upgrade: undefined }
  }
}
