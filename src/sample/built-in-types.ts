import { ageColumn, columnsOf, nameColumn } from './columns.ts'
import type { ResourceType, Subresource, Verb } from './resource-type.ts'
import { everyVerb } from './resource-type.ts'

type Given = Pick<ResourceType, 'resource' | 'kind'> & Partial<ResourceType>

function define(given: Given): ResourceType {
  const { group = '', resource, kind } = given
  const storage = given.storage ?? (group === '' ? resource : `${resource}.${group}`)
  return {
    prefix: group === '' ? 'api' : 'apis',
    group,
    version: 'v1',
    singular: kind.toLowerCase(),
    namespaced: true,
    verbs: everyVerb,
    shortNames: [],
    categories: [],
    subresources: [],
    storage,
    custom: false,
    createOnUpdate: false,
    schema: undefined,
    columns: columnsOf[storage] ?? [nameColumn, ageColumn],
    ...given,
  }
}

const rw = ['get', 'patch', 'update']
const status = (kind: string): Subresource => ({ name: 'status', kind, verbs: rw })
const scale: Subresource = { name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: rw }
const noCollection: readonly Verb[] = everyVerb.filter((verb) => verb !== 'deletecollection')
const createOnly: readonly Verb[] = ['create']

const core: readonly Given[] = [
  { resource: 'configmaps', kind: 'ConfigMap', shortNames: ['cm'] },
  { resource: 'events', kind: 'Event', shortNames: ['ev'], createOnUpdate: true },
  { resource: 'namespaces', kind: 'Namespace', namespaced: false, shortNames: ['ns'], verbs: noCollection, subresources: [status('Namespace')] },
  { resource: 'nodes', kind: 'Node', namespaced: false, shortNames: ['no'], subresources: [status('Node')] },
  {
    resource: 'pods', kind: 'Pod', shortNames: ['po'], categories: ['all'],
    subresources: [
      { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
      { name: 'log', kind: 'Pod', verbs: ['get'] },
      status('Pod'),
    ],
  },
  { resource: 'secrets', kind: 'Secret' },
  {
    resource: 'serviceaccounts', kind: 'ServiceAccount', shortNames: ['sa'],
    subresources: [{ name: 'token', kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: createOnly }],
  },
  { resource: 'services', kind: 'Service', shortNames: ['svc'], categories: ['all'], subresources: [status('Service')], createOnUpdate: true },
]

const grouped: readonly Given[] = [
  { group: 'apps', resource: 'deployments', kind: 'Deployment', shortNames: ['deploy'], categories: ['all'], subresources: [scale, status('Deployment')] },
  { group: 'authentication.k8s.io', resource: 'selfsubjectreviews', kind: 'SelfSubjectReview', namespaced: false, verbs: createOnly },
  { group: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview', namespaced: false, verbs: createOnly },
  { group: 'authorization.k8s.io', resource: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview', namespaced: false, verbs: createOnly },
  {
    group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions', kind: 'CustomResourceDefinition', namespaced: false,
    shortNames: ['crd', 'crds'], categories: ['api-extensions'], subresources: [status('CustomResourceDefinition')],
  },
]

const projectRequests: Given = { resource: 'projectrequests', kind: 'ProjectRequest', namespaced: false, verbs: createOnly, storage: 'namespaces' }
const projects: Given = { resource: 'projects', kind: 'Project', namespaced: false, verbs: noCollection, storage: 'namespaces', columns: columnsOf.projects ?? [] }
const routes: Given = { resource: 'routes', kind: 'Route', categories: ['all'], subresources: [status('Route')], storage: 'routes.route.openshift.io' }

const openshift: readonly Given[] = [
  { ...projectRequests, group: 'project.openshift.io' },
  { ...projects, group: 'project.openshift.io' },
  { ...routes, group: 'route.openshift.io' },
  // OpenShift 3's own prefix: the same objects, with the bare version v1.
  { ...projectRequests, prefix: 'oapi' },
  { ...projects, prefix: 'oapi' },
  { ...routes, prefix: 'oapi' },
]

/** What the sample serves before any CustomResourceDefinition. */
export const builtInTypes: readonly ResourceType[] = [...core, ...grouped, ...openshift].map(define)
