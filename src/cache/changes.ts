import type { Attributes } from '../model/attributes.ts'

const sources: ReadonlySet<string> = new Set([
  'apiextensions.k8s.io/customresourcedefinitions', 'apiregistration.k8s.io/apiservices',
])

const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch'])

/** Whether a request that got this answer changed what the API server serves: a successful write of CRDs or APIServices. */
export function changesDiscovery({ isResourceRequest, apiGroup, resource, verb }: Attributes, status: number): boolean {
  return isResourceRequest && status >= 200 && status < 300 && !reads.has(verb) && sources.has(`${apiGroup}/${resource}`)
}
