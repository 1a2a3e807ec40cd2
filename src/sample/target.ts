import type { ResourceType, ResourceTypes } from './resource-type.ts'

/** What a path below a group and version names. */
export interface Target {
  readonly type: ResourceType
  /** Empty for cluster-scoped resources and for requests that span all namespaces. */
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  /** By the old `/watch/` prefix. */
  readonly watch: boolean
}

/** Reads a path; undefined when nothing is served there. Throws URIError on a bad percent escape. */
export function readTarget(path: string, types: ResourceTypes): Target | undefined {
  const segments = path.replace(/^\//, '').replace(/\/$/, '').split('/').map(decodeURIComponent)
  const prefix = segments.shift() ?? ''
  const group = prefix === 'apis' ? segments.shift() ?? '' : ''
  const version = segments.shift() ?? ''
  const watch = segments[0] === 'watch'
  if (watch) segments.shift()
  const inNamespace = segments[0] === 'namespaces' && segments.length > 2
    && types.find(prefix, group, version, 'namespaces')?.subresources.every(({ name }) => name !== segments[2]) !== false
  const namespace = inNamespace ? segments[1] ?? '' : ''
  const [resource = '', name = '', subresource = '', ...rest] = inNamespace ? segments.slice(2) : segments
  const type = types.find(prefix, group, version, resource)
  if (type === undefined || rest.length > 0) return undefined
  if (type.namespaced ? name !== '' && namespace === '' : namespace !== '') return undefined
  if (subresource !== '' && !type.subresources.some((each) => each.name === subresource)) return undefined
  return { type, namespace, name, subresource, watch }
}
