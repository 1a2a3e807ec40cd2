import type { Attributes } from '../model/attributes.ts'

const subresources = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

/**
 * What ends when somebody ends it: the API server's own list (kube-apiserver's
 * BasicLongRunningRequestCheck), with OpenShift's uploads and image imports.
 */
export function isLongRunning({ isResourceRequest, verb, resource, subresource, path }: Attributes): boolean {
  if (!isResourceRequest) return path.startsWith('/debug/pprof/')
  if (verb === 'watch' || verb === 'proxy' || subresources.has(subresource)) return true
  return (resource === 'buildconfigs' && subresource === 'instantiatebinary') || resource === 'imagestreamimports'
}
