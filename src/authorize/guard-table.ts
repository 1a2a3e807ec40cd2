import type { GuardRoute } from '../model/caller.ts'
import type { ClusterFacts } from '../model/verdict.ts'

/** `write`: every verb but get, list and watch. */
type Reach = 'any' | 'write' | 'create'

export interface GuardEntry {
  readonly route: GuardRoute
  readonly groups: readonly string[]
  readonly resource: string
  /** Undefined: the object itself and all its subresources. */
  readonly subresources?: readonly string[]
  readonly reach: Reach
  /** Falls away for a caller with `impersonate`: upstream judges that caller itself. */
  readonly judgedUpstream?: true
  /** Falls away where our account may use no security context constraints beyond the restricted ones. */
  readonly byConstraints?: true
}

/** OpenShift 3 served its kinds under `/oapi` as well, without a group. */
function openshift(group: string): readonly string[] {
  return [group, '']
}

const rbac = ['rbac.authorization.k8s.io', ...openshift('authorization.openshift.io')]
const build = { route: 'build-strategy', groups: openshift('build.openshift.io'), reach: 'write', judgedUpstream: true } as const
const runsPods = { route: 'run-as-us', groups: [''], resource: 'pods', judgedUpstream: true, byConstraints: true } as const

function each(resources: readonly string[], entry: Omit<GuardEntry, 'resource'>): GuardEntry[] {
  return resources.map(resource => ({ ...entry, resource }))
}

/** DESIGN.md, section 6: what a scope would yield through our identity. What depends on namespaces is in guard.ts. */
export const guardTable: readonly GuardEntry[] = [
  { route: 'mint-token', groups: [''], resource: 'serviceaccounts', subresources: ['token'], reach: 'write' },
  ...each(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'], { route: 'grant-role', groups: rbac, reach: 'write' }),
  { route: 'sign-certificate', groups: ['certificates.k8s.io'], resource: 'certificatesigningrequests', reach: 'write' },
  {
    route: 'sign-certificate', groups: ['certificates.k8s.io'], resource: 'podcertificaterequests',
    subresources: ['status'], reach: 'write',
  },
  { route: 'node-proxy', groups: [''], resource: 'nodes', subresources: ['proxy'], reach: 'any' },
  ...each([
    'validatingwebhookconfigurations', 'mutatingwebhookconfigurations',
    'validatingadmissionpolicies', 'validatingadmissionpolicybindings',
    'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings',
  ], { route: 'intercept', groups: ['admissionregistration.k8s.io'], reach: 'write' }),
  { route: 'intercept', groups: ['apiregistration.k8s.io'], resource: 'apiservices', reach: 'write' },
  { route: 'intercept', groups: ['apiextensions.k8s.io'], resource: 'customresourcedefinitions', reach: 'write' },
  { route: 'intercept', groups: ['certificates.k8s.io'], resource: 'clustertrustbundles', reach: 'write' },
  ...each(
    ['oauthclients', 'oauthaccesstokens', 'oauthauthorizetokens', 'useroauthaccesstokens', 'oauthclientauthorizations'],
    { route: 'openshift-identity', groups: openshift('oauth.openshift.io'), reach: 'any' },
  ),
  ...each(
    ['users', 'groups', 'identities', 'useridentitymappings'],
    { route: 'openshift-identity', groups: openshift('user.openshift.io'), reach: 'write' },
  ),
  {
    route: 'openshift-identity', groups: openshift('security.openshift.io'), resource: 'securitycontextconstraints',
    reach: 'write',
  },
  {
    route: 'own-project', groups: openshift('project.openshift.io'), resource: 'projectrequests', reach: 'create',
    judgedUpstream: true,
  },
  { ...runsPods, subresources: [''], reach: 'create' },
  { ...runsPods, subresources: ['ephemeralcontainers', 'exec', 'attach'], reach: 'write' },
  {
    route: 'template-instance', groups: openshift('template.openshift.io'), resource: 'templateinstances', reach: 'write',
    judgedUpstream: true,
  },
  { ...build, resource: 'builds', subresources: ['', 'clone'] },
  { ...build, resource: 'buildconfigs', subresources: ['', 'instantiate', 'instantiatebinary'] },
  {
    route: 'pull-secrets', groups: openshift('image.openshift.io'), resource: 'imagestreams', subresources: ['secrets'],
    reach: 'any',
  },
]

/** Why a route is closed, in words for the caller. */
export const routeReasons: Readonly<Record<GuardRoute, string>> = {
  'mint-token': 'it would mint a token of a service account',
  'own-credential': 'it would reach the credential of this proxy',
  'own-callers': 'it would change who may use this proxy',
  'grant-role': 'it would grant roles by the authority of this proxy',
  'impersonate': 'it would act as somebody else by the authority of this proxy',
  'sign-certificate': 'it would have client certificates signed by the authority of this proxy',
  'node-proxy': 'it would reach the kubelet past the API server',
  'intercept': 'it would put itself between the API server and everybody else',
  'server-internals': 'it would read what the API server keeps to itself',
  'openshift-identity': 'it would change or read identities and their tokens',
  'own-project': 'the project would belong to the account of this proxy',
  'run-as-us': 'the pod would be checked against the security context constraints of this proxy',
  'template-instance': 'the template would be instantiated by the authority of this proxy',
  'build-strategy': 'the build would be checked against the authority of this proxy',
  'pull-secrets': 'it would read image pull secrets',
}

/** The same for one cluster: a route may be closed because we do not know better yet. */
export function reasonFor(route: GuardRoute, { accountPending }: ClusterFacts): string {
  if (route === 'own-credential' && accountPending) {
    return 'it may reach the credential of this proxy: whose that is on this cluster is being asked, and not known yet'
  }
  return routeReasons[route]
}
