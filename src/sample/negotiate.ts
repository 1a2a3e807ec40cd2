import { ApiError } from './status.ts'

interface Clause {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
  readonly quality: number
}

/** How an object is to be written: its syntax, and as what it is shown. */
export interface Representation {
  readonly syntax: 'json' | 'yaml'
  readonly as: 'object' | 'table' | 'metadata'
}

function clauses(accept: string): Clause[] {
  return accept.split(',').filter((part) => part.trim() !== '').map((part) => {
    const [type = '', ...rest] = part.split(';').map((each) => each.trim())
    const parameters = Object.fromEntries(rest.map((each): [string, string] => {
      const [name = '', value = ''] = each.split('=')
      return [name.toLowerCase(), value.replaceAll('"', '')]
    }))
    return { type: type.toLowerCase(), parameters, quality: Number(parameters.q ?? 1) }
  }).sort((a, b) => b.quality - a.quality)
}

function syntaxOf(type: string): Representation['syntax'] | undefined {
  switch (type) {
    case 'application/json':
    case 'application/*':
    case '*/*':
      return 'json'
    case 'application/yaml':
      return 'yaml'
    default:
      return undefined
  }
}

function shownAs({ as, g, v }: Clause['parameters']): Representation['as'] | undefined {
  if (as === undefined) return 'object'
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined
  if (as === 'Table') return 'table'
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList' ? 'metadata' : undefined
}

/** The first representation of the Accept header that the sample has; 406 when it has none. */
export function negotiate(accept: string | undefined): Representation {
  for (const clause of clauses(accept ?? '*/*')) {
    const syntax = syntaxOf(clause.type)
    const as = shownAs(clause.parameters)
    if (syntax !== undefined && as !== undefined) return { syntax, as }
  }
  throw new ApiError(406, 'NotAcceptable',
    '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/json;stream=watch', {})
}

/**
 * Discovery has two forms. A current API server no longer knows v2beta1 of
 * the aggregated one, and answers 406 to whoever asks for that alone.
 */
export function negotiateDiscovery(accept: string | undefined): 'legacy' | 'aggregated' {
  for (const { type, parameters: { as, g, v } } of clauses(accept ?? '*/*')) {
    if (syntaxOf(type) !== 'json') continue
    if (as === undefined) return 'legacy'
    if (as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && v === 'v2') return 'aggregated'
  }
  throw new ApiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json')
}
