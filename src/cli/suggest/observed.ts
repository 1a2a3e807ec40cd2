import type { LoggedEvent } from '../../audit-log/event.ts'
import type { Attributes } from '../../model/attributes.ts'
import { guardRoutes, type GuardRoute } from '../../model/caller.ts'
import type { Impersonation } from '../../model/verdict.ts'
import { resolveTarget } from '../../resolve/resolve.ts'

/** One request, as far as an event of it tells what was judged. */
export interface Observed {
  readonly caller: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Undefined: the event does not say. */
  readonly cluster: string | undefined
  readonly attributes: Attributes
  readonly upgrade: boolean
  /** Only where it decides something. */
  readonly contentType: string | undefined
  /** As whom it was made: by its own headers, or as the caller's entry says, which the event does not tell apart. */
  readonly impersonation: Impersonation | undefined
  /** Guarded routes that it opened, as far as the event says. */
  readonly routes: readonly GuardRoute[]
  readonly allowed: boolean
  /** HTTP; undefined: the event has none. */
  readonly status: number | undefined
  /** Of a refusal of ours. */
  readonly code: string | undefined
  /** Where it came from; empty where the event does not say. */
  readonly source: string
}

const none = { path: '', apiPrefix: '', apiGroup: '', apiVersion: '', namespace: '', resource: '', subresource: '', name: '' } as const
const applyPatch = 'application/apply-patch+yaml'

/** Undefined for what was never judged (nobody's, malformed, over a limit), and for a path that cannot be read. */
export function observe(event: LoggedEvent): Observed | undefined {
  const { annotations = {}, user } = event
  const decision = annotations['authorization.k8s.io/decision']
  if (user.username === undefined || user.username === '' || decision === undefined) return undefined
  const attributes = attributesOf(event)
  if (attributes === undefined) return undefined
  const form = listed(annotations['portcullis.dev/request-form'])
  const routes = listed(annotations['portcullis.dev/guard-routes'])
  return {
    caller: user.username,
    at: Date.parse(event.stageTimestamp),
    cluster: annotations['portcullis.dev/cluster'],
    attributes,
    // A log without that annotation: what was upgraded, and what only an apply may send.
    upgrade: form.includes('upgrade') || event.responseStatus?.code === 101,
    contentType: form.includes('apply') || mayHaveApplied(event, attributes) ? applyPatch : undefined,
    impersonation: impersonationOf(event['impersonatedUser']),
    routes: routes.length === 0 ? noRoutes : guardRoutes.filter(route => routes.includes(route)),
    allowed: decision === 'allow',
    status: event.responseStatus?.code,
    code: annotations['portcullis.dev/code'],
    source: sourceOf(event['sourceIPs']),
  }
}

const nothing: readonly string[] = []
const noRoutes: readonly GuardRoute[] = []

/** Only where another wrote the log, which has no word for it; and only what went well, for `force` may stand in any patch that the API server then refuses. */
function mayHaveApplied({ annotations = {}, requestURI, responseStatus }: LoggedEvent, { verb }: Attributes): boolean {
  const status = responseStatus?.code ?? 0
  return verb === 'patch' && status >= 200 && status < 300 && /[?&]force=/.test(requestURI)
    && !Object.keys(annotations).some(key => key.startsWith('portcullis.dev/'))
}

function listed(text: string | undefined): readonly string[] {
  return text === undefined ? nothing : text.split(',')
}

function attributesOf({ objectRef, verb, requestURI }: LoggedEvent): Attributes | undefined {
  if (objectRef?.resource !== undefined) {
    const { resource, namespace = '', apiGroup = '', apiVersion = '', subresource = '' } = objectRef
    const name = judgedName(objectRef.name ?? '', { verb, resource, subresource, requestURI })
    // Field by field: spread into one, it takes ten times as long.
    return { isResourceRequest: true, path: '', verb, apiPrefix: '', apiGroup, apiVersion, namespace, resource, subresource, name }
  }
  try {
    return { ...none, isResourceRequest: false, verb, path: resolveTarget('GET', requestURI).attributes.path }
  } catch {
    return undefined
  }
}

/** A create names its object in the body, where an event has it from (as the API server's own); what was judged is the target. */
function judgedName(name: string, { verb, resource, subresource, requestURI }: { readonly verb: string, readonly resource: string, readonly subresource: string, readonly requestURI: string }): string {
  if (verb !== 'create' || subresource !== '') return name
  const [path = ''] = requestURI.split('?', 1)
  return path.endsWith(`/${resource}/${name}`) ? name : ''
}

function impersonationOf(user: unknown): Impersonation | undefined {
  if (typeof user !== 'object' || user === null) return undefined
  const { username, uid, groups, extra } = user as Readonly<Record<string, unknown>>
  return {
    user: typeof username === 'string' ? username : undefined,
    uid: typeof uid === 'string' ? uid : undefined,
    groups: textsOf(groups),
    extra: typeof extra === 'object' && extra !== null ? Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, textsOf(values)])) : {},
  }
}

function textsOf(values: unknown): string[] {
  return Array.isArray(values) ? values.filter(value => typeof value === 'string') : []
}

function sourceOf(addresses: unknown): string {
  return textsOf(addresses)[0] ?? ''
}
