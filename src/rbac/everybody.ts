import { permissionsOf } from './permission.ts'
import type { Permission, PolicyRule } from './permission.ts'

const reads = ['get', 'list', 'watch']
const openshift = (group: string) => [group, '']

/**
 * What every authenticated user, or every service account, may do on an ordinary cluster, by the
 * roles that Kubernetes (plugin/pkg/auth/authorizer/rbac/bootstrappolicy) and OpenShift come with.
 */
const rules: readonly PolicyRule[] = [
  // system:basic-user
  { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] },
  { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  // system:discovery, system:public-info-viewer, system:service-account-issuer-discovery, and OpenShift's
  {
    verbs: ['get', 'head'],
    nonResourceURLs: [
      '/', '/api', '/api/*', '/apis', '/apis/*', '/oapi', '/oapi/*', '/openapi', '/openapi/*', '/version', '/version/*',
      '/healthz', '/healthz/*', '/livez', '/livez/*', '/readyz', '/readyz/*', '/swagger*', '/swaggerapi/*', '/osapi', '/osapi/*',
      '/.well-known', '/.well-known/*', '/openid/v1/jwks', '/openid/v1/jwks/',
    ],
  },
  // system:cluster-trust-bundle-discovery
  { verbs: reads, apiGroups: ['certificates.k8s.io'], resources: ['clustertrustbundles'] },
  // OpenShift: basic-user, self-access-reviewer, self-provisioner
  { verbs: ['get'], apiGroups: openshift('user.openshift.io'), resources: ['users'], resourceNames: ['~'] },
  { verbs: ['list', 'watch'], apiGroups: openshift('project.openshift.io'), resources: ['projects'] },
  { verbs: ['list', 'create'], apiGroups: openshift('project.openshift.io'), resources: ['projectrequests'] },
  { verbs: reads, apiGroups: [...openshift('authorization.openshift.io'), 'rbac.authorization.k8s.io'], resources: ['clusterroles'] },
  { verbs: reads, apiGroups: ['storage.k8s.io'], resources: ['storageclasses'] },
  { verbs: reads, apiGroups: ['snapshot.storage.k8s.io'], resources: ['volumesnapshotclasses'] },
  { verbs: ['create'], apiGroups: openshift('authorization.openshift.io'), resources: ['selfsubjectrulesreviews', 'subjectaccessreviews', 'localsubjectaccessreviews'] },
  // OpenShift: what builds, logins, the console and admission let everybody do
  {
    verbs: ['create'], apiGroups: openshift('build.openshift.io'),
    resources: ['builds/docker', 'builds/optimizeddocker', 'builds/source', 'builds/jenkinspipeline'],
  },
  { verbs: ['get', 'create'], apiGroups: openshift('build.openshift.io'), resources: ['buildconfigs/webhooks'] },
  { verbs: ['delete'], apiGroups: openshift('oauth.openshift.io'), resources: ['oauthaccesstokens', 'oauthauthorizetokens'] },
  { verbs: [...reads, 'delete'], apiGroups: ['oauth.openshift.io'], resources: ['useroauthaccesstokens'] },
  { verbs: ['impersonate'], apiGroups: ['authentication.k8s.io'], resources: ['userextras/scopes.authorization.openshift.io'] },
  { verbs: ['get', 'list'], apiGroups: ['helm.openshift.io'], resources: ['helmchartrepositories', 'projecthelmchartrepositories'] },
  {
    verbs: reads, apiGroups: ['console.openshift.io'],
    resources: [
      'consoleclidownloads', 'consoleexternalloglinks', 'consolelinks', 'consolenotifications', 'consoleplugins', 'consolequickstarts',
      'consolesamples', 'consoleyamlsamples',
    ],
  },
  { verbs: ['use'], apiGroups: ['security.openshift.io'], resources: ['securitycontextconstraints'], resourceNames: ['restricted', 'restricted-v2', 'restricted-v3'] },
]

export const everybodys: readonly Permission[] = rules.flatMap(permissionsOf)
