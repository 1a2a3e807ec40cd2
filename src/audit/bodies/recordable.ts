import { isProxied, type Attributes } from '../../model/attributes.ts'

/** Resources whose bodies hold credentials by their nature, with their group; those of OpenShift are under `/oapi` as well, in no group. */
const secretResources: ReadonlyMap<string, readonly string[]> = new Map([
  ['secrets', ['']],
  ['serviceaccounts/token', ['']],
  ['tokenreviews', ['authentication.k8s.io']],
  ['oauthaccesstokens', ['oauth.openshift.io', '']],
  ['oauthauthorizetokens', ['oauth.openshift.io', '']],
  ['useroauthaccesstokens', ['oauth.openshift.io', '']],
  ['oauthclients', ['oauth.openshift.io', '']],
  ['imagestreams/secrets', ['image.openshift.io', '']],
  ['buildconfigs/webhooks', ['build.openshift.io', '']],
])

/** Whether the bodies of such a request are API objects, and no secrets: else no level writes them. */
export function isRecordable(attributes: Attributes): boolean {
  const { isResourceRequest, resource, subresource, apiGroup } = attributes
  if (!isResourceRequest || isProxied(attributes)) return false
  const secret = (name: string) => secretResources.get(name)?.includes(apiGroup) === true
  // All that there may be below an object that is a secret, too.
  return !secret(resource) && !secret(`${resource}/${subresource}`)
}
