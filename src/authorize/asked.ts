import { isApply, opensSession, type Attributes } from '../model/attributes.ts'
import type { Question } from '../model/verdict.ts'

const rbac = ['rbac.authorization.k8s.io', 'authorization.openshift.io', '']
const projectGroups = new Set(['project.openshift.io', ''])

/**
 * Kinds that the API server creates on update (`AllowCreateOnUpdate` of their strategies):
 * its own second check would run against our account, not against the caller.
 */
const createdByUpdate = new Map<string, readonly string[]>([
  ['services', ['']],
  ['endpoints', ['']],
  ['events', ['', 'events.k8s.io']],
  ['limitranges', ['']],
  ['leases', ['coordination.k8s.io']],
  ['leasecandidates', ['coordination.k8s.io']],
  ['runtimeclasses', ['node.k8s.io']],
  ['roles', rbac],
  ['clusterroles', rbac],
  ['rolebindings', rbac],
  ['clusterrolebindings', rbac],
  ['useridentitymappings', ['user.openshift.io', '']],
  ['oauthclientauthorizations', ['oauth.openshift.io', '']],
])

/** What a request asks for, as it is judged: where that differs from the API server's attributes, and why. */
export function askedBy({ attributes, upgrade }: Question): Attributes {
  if (upgrade && opensSession(attributes)) return { ...attributes, verb: 'create' }
  if (attributes.resource === 'projects' && projectGroups.has(attributes.apiGroup)) {
    return { ...attributes, namespace: projectNamespace(attributes) }
  }
  return attributes
}

/** OpenShift's authorizer judges a project in its own namespace; a list shows all that our account sees. */
function projectNamespace({ verb, name }: Attributes): string {
  return verb === 'list' || verb === 'watch' ? '' : name
}

/** Why a request that creates what is not there needs `create` beside its own verb; undefined where it does not. */
export function createsToo({ verb, resource, subresource, apiGroup }: Attributes, contentType: string | undefined): string | undefined {
  if (verb === 'patch' && contentType !== undefined && isApply(contentType)) {
    return 'server-side apply creates what is not there'
  }
  if (verb === 'update' && subresource === '' && createdByUpdate.get(resource)?.includes(apiGroup) === true) {
    return `an update of ${resource} creates what is not there`
  }
  return undefined
}
