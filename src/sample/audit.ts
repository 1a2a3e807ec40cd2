import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'

/** An event of the sample's own audit log, at level Metadata: `audit.k8s.io/v1`, as an API server fills it. */
export interface SampleAuditEvent {
  readonly kind: 'Event'
  readonly apiVersion: 'audit.k8s.io/v1'
  readonly level: 'Metadata'
  /** As whoever forwarded the request numbered it. */
  readonly auditID: string
  readonly stage: 'ResponseComplete'
  readonly requestURI: string
  readonly verb: string
  readonly user: { readonly username?: string }
  readonly sourceIPs: readonly string[]
  readonly userAgent?: string
  readonly objectRef?: Readonly<Record<string, string>>
  readonly responseStatus: { readonly metadata: Record<string, never>, readonly code: number }
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

export interface Audited {
  readonly auditId: string
  readonly request: IncomingMessage | Http2ServerRequest
  /** Undefined: nobody's. */
  readonly user: string | undefined
  readonly code: number
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  readonly endedAt: number
}

export function toSampleEvent({ auditId, request, user, code, receivedAt, endedAt }: Audited): SampleAuditEvent {
  const { method = '', url = '/' } = request
  const [path = '', query = ''] = url.split(/\?(.*)/s)
  const object = objectOf(path)
  const agent = request.headers['user-agent']
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: auditId,
    stage: 'ResponseComplete',
    requestURI: url,
    verb: object === undefined ? method.toLowerCase() : verbOf(method, object, new URLSearchParams(query)),
    user: user === undefined ? {} : { username: user },
    sourceIPs: [request.socket.remoteAddress ?? ''],
    ...agent === undefined ? {} : { userAgent: agent },
    ...object === undefined ? {} : { objectRef: object },
    responseStatus: { metadata: {}, code },
    requestReceivedTimestamp: microTime(receivedAt),
    stageTimestamp: microTime(endedAt),
  }
}

/** What a path names, served or not. */
function objectOf(path: string): Record<string, string> | undefined {
  const [prefix, ...segments] = path.replace(/^\//, '').split('/').map(decodeURIComponent)
  if (prefix !== 'api' && prefix !== 'apis') return undefined
  const apiGroup = prefix === 'apis' ? segments.shift() ?? '' : ''
  const apiVersion = segments.shift() ?? ''
  if (segments.length === 0 || segments[0] === '') return undefined
  const inNamespace = segments[0] === 'namespaces' && segments.length > 2 && !['status', 'finalize'].includes(segments[2] ?? '')
  // A namespace is in itself.
  const namespace = segments[0] === 'namespaces' ? segments[1] ?? '' : ''
  const [resource = '', name = '', subresource = ''] = inNamespace ? segments.slice(2) : segments
  return Object.fromEntries(Object.entries({ resource, namespace, name, apiGroup, apiVersion, subresource }).filter(([, value]) => value !== ''))
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete', GET: 'get', HEAD: 'get' }

function verbOf(method: string, { name }: Record<string, string>, query: URLSearchParams): string {
  const verb = verbs[method] ?? ''
  if (name !== undefined || (verb !== 'get' && verb !== 'delete')) return verb
  if (verb === 'delete') return 'deletecollection'
  return ['true', '1'].includes(query.get('watch') ?? '') ? 'watch' : 'list'
}

function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z')
}
