import type { Attributes } from '../../model/attributes.ts'
import { groupOf, isClusterScoped, pluralOf } from '../known-groups.ts'

export interface AskedFor {
  readonly verb: string
  /** `RESOURCE[.GROUP][/NAME]`, or a path that begins with a slash. */
  readonly resource: string
  /** Undefined: cluster-scoped, or all namespaces. */
  readonly namespace: string | undefined
  readonly subresource: string | undefined
}

export interface Asked {
  readonly attributes: Attributes
  /** What the question may not have meant, as kubectl warns. */
  readonly warnings: readonly string[]
}

const none = {
  path: '', apiPrefix: '', apiGroup: '', apiVersion: '', namespace: '', resource: '', subresource: '', name: '',
} as const

/** What is asked, in kubectl's words: short names, singulars and kinds of what everyday clusters serve are known. */
export function readAsked({ verb, resource, namespace = '', subresource = '' }: AskedFor): Asked {
  if (resource.startsWith('/')) {
    if (subresource !== '') throw new Error('--subresource says nothing of a path')
    return { attributes: { ...none, isResourceRequest: false, verb, path: resource }, warnings: [] }
  }
  const [type = '', name = ''] = splitOnce(resource, '/')
  const [word, named] = splitOnce(type, '.')
  const plural = pluralOf(word)
  // `events.events.k8s.io` is another's; `Deployment.apps` and `deploy.apps` are not.
  const apiGroup = named ?? groupOf(plural)
  const scoped = isClusterScoped(plural, apiGroup)
  const attributes = {
    ...none, isResourceRequest: true, verb, apiPrefix: apiGroup === '' ? 'api' : 'apis', apiGroup,
    namespace: scoped ? namespaceOf(plural, name) : namespace, resource: plural, subresource, name,
  }
  return { attributes, warnings: warningsOn(attributes, scoped && namespace !== '') }
}

/** The API server reads a namespace as lying in itself. */
function namespaceOf(plural: string, name: string): string {
  return plural === 'namespaces' ? name : ''
}

const subresources = new Set(['log', 'exec', 'attach', 'portforward', 'proxy', 'scale', 'status', 'eviction', 'ephemeralcontainers', 'token', 'finalize', 'approval'])
const intoPods = new Set(['exec', 'attach', 'portforward'])

function warningsOn({ verb, apiGroup, resource, subresource, name }: Attributes, outOfNamespace: boolean): string[] {
  const warnings: string[] = []
  if (outOfNamespace) warnings.push(`resource '${resource}' is not namespace scoped${apiGroup === '' ? '' : ` in group '${apiGroup}'`}`)
  if (subresource === '' && subresources.has(name)) warnings.push(`${resource}/${name} is the object of that name; for the subresource: ${resource} --subresource ${name}`)
  if (resource === 'pods' && intoPods.has(subresource) && verb !== 'create') warnings.push(`kubectl ${subresource === 'portforward' ? 'port-forward' : subresource} needs create on pods/${subresource}, by whichever protocol`)
  return warnings
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
