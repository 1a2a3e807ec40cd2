/** Which document a target names; it says what a good answer looks like. */
export type DocumentKind =
  | 'groups' | 'group' | 'resources' | 'version' | 'openapi-v2' | 'openapi-v3-index' | 'openapi-v3'

export interface DiscoveryTarget {
  readonly kind: DocumentKind
  /** What upstream is asked, and what tells documents apart: the raw path and, of the query, an OpenAPI hash alone. */
  readonly target: string
}

// Without percent-encoding: what has it names no group, and need not be understood here.
const segment = '[A-Za-z0-9._~-]+'

/** One trailing slash is another raw path to us, and the same document to the API server. */
const documents: readonly (readonly [DocumentKind, RegExp])[] = [
  ['groups', /^\/(?:api|apis|oapi)\/?$/],
  ['group', new RegExp(`^/apis/${segment}/?$`)],
  ['resources', new RegExp(`^/(?:(?:api|oapi)/${segment}|apis/${segment}/${segment})/?$`)],
  ['version', /^\/version\/?$/],
  ['openapi-v2', /^\/openapi\/v2\/?$/],
  ['openapi-v3-index', /^\/openapi\/v3\/?$/],
  ['openapi-v3', new RegExp(`^/openapi/v3(?:/${segment})+/?$`)],
]

/** Undefined: no discovery document, or one asked for in a way that is not to be shared. */
export function readTarget(target: string): DiscoveryTarget | undefined {
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const kind = documents.find(([, pattern]) => pattern.test(path))?.[0]
  if (kind === undefined) return undefined
  const hash = mark === -1 ? '' : readHash(target.slice(mark + 1), kind)
  if (hash === undefined) return undefined
  return { kind, target: path + hash }
}

/** `?hash=…` or nothing; undefined where the query holds more than is understood. `timeout` changes no document. */
function readHash(query: string, kind: DocumentKind): string | undefined {
  const parts = query.split('&').filter((part) => part !== '' && !part.startsWith('timeout='))
  const [only, second] = parts
  if (only === undefined) return ''
  if (second !== undefined || kind !== 'openapi-v3') return undefined
  return /^hash=[A-Za-z0-9_-]+$/.test(only) ? `?${only}` : undefined
}
