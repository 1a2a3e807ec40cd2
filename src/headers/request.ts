import { ProxyError } from '../errors.ts'
import type { Admitted } from '../model/admitted.ts'
import type { Impersonate } from '../model/caller.ts'
import { byName, lowerCase } from './by-name.ts'
import { hopByHop, nominated } from './names.ts'
import { withoutBearerProtocol } from './subprotocol.ts'

export interface UpstreamRequest {
  readonly rawHeaders: readonly string[]
  /** The API server's host and port. */
  readonly host: string
  /** Our `Authorization`; undefined under a client certificate. */
  readonly authorization: string | undefined
  readonly auditId: string
  readonly sourceIPs: readonly string[]
  readonly impersonate?: Impersonate | undefined
  /** True where the guard let the caller's own `Impersonate-*` pass. */
  readonly keepImpersonation?: boolean
  /** The value of `Upgrade`, as the caller sent it, for a tunnel. */
  readonly upgrade?: string
}

/**
 * Never sent on: credentials of the caller, and what other proxies are trusted to
 * say about identity, origin, method and path. `host`, `audit-id` and
 * `x-forwarded-for` are set anew; `expect` is answered here (RFC 9110 §10.1.1).
 */
const dropped: ReadonlySet<string> = new Set([
  'authorization', 'x-api-key', 'cookie', 'cookie2', 'host', 'audit-id', 'expect', 'forwarded',
  'x-http-method-override', 'x-http-method', 'x-method-override', 'x-rewrite-url',
])
const droppedPrefixes = ['x-remote-', 'x-forwarded-', 'x-original-', 'impersonate-']

/** By the name in lower case. `identity`: the caller's own `Impersonate-*`, which goes on only where the guard let it pass. */
const fateOf = byName<'kept' | 'dropped' | 'identity'>((lowerName) => {
  // CGI and WSGI servers read `X_Remote_User` and `X-Remote-User` alike.
  const name = lowerName.replaceAll('_', '-')
  if (hopByHop.has(name) || dropped.has(name)) return 'dropped'
  if (lowerName.startsWith('impersonate-')) return 'identity'
  return droppedPrefixes.some(prefix => name.startsWith(prefix)) ? 'dropped' : 'kept'
})

/**
 * The headers of a request to the API server: the caller's, in order and case, less
 * what must not pass, then ours. Throws ProxyError MalformedHeader where stripping
 * the bearer subprotocol leaves none.
 */
export function upstreamHeaders(request: UpstreamRequest): string[] {
  const { rawHeaders, keepImpersonation = false } = request
  const connectionOnly = nominated(rawHeaders)
  const protocol = withoutBearerProtocol(rawHeaders)
  const headers = ['Host', request.host]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const lowerName = lowerCase(name)
    const fate = fateOf(lowerName)
    if (fate === 'dropped' || (fate === 'identity' && !keepImpersonation)) continue
    // Whom to be was judged, and without it we would act as ourselves: no Connection takes that away.
    if (fate === 'kept' && connectionOnly.has(lowerName)) continue
    if (lowerName === 'sec-websocket-protocol' && protocol !== undefined) continue
    headers.push(name, rawHeaders[i + 1] ?? '')
  }
  if (protocol !== undefined) headers.push('Sec-WebSocket-Protocol', protocol)
  if (request.upgrade !== undefined) headers.push('Connection', 'Upgrade', 'Upgrade', request.upgrade)
  headers.push(...ours(request))
  assertUpstream(headers, request)
  return headers
}

/** `upstreamHeaders` of an admitted request, for the cluster at `origin`: requests and tunnels take theirs here. */
export function admittedHeaders(
  { arrival, caller, question }: Admitted, { origin, ...sent }: Pick<UpstreamRequest, 'authorization' | 'upgrade'> & { readonly origin: string },
): string[] {
  return upstreamHeaders({
    ...sent,
    rawHeaders: arrival.rawHeaders,
    host: hostOf(origin),
    auditId: arrival.auditId,
    sourceIPs: arrival.sourceIPs,
    impersonate: caller.definition.impersonate,
    keepImpersonation: question.impersonation !== undefined,
  })
}

/** An origin is scheme and host: `https://host:port`, as URL writes it. */
function hostOf(origin: string): string {
  return origin.slice(origin.indexOf('//') + 2)
}

function ours({ authorization, auditId, sourceIPs, impersonate }: UpstreamRequest): string[] {
  const headers = ['Audit-ID', auditId, 'X-Forwarded-For', sourceIPs.join(', ')]
  if (authorization !== undefined) headers.push('Authorization', authorization)
  if (impersonate !== undefined) {
    headers.push('Impersonate-User', impersonate.user)
    for (const group of impersonate.groups) headers.push('Impersonate-Group', group)
  }
  return headers
}

/**
 * As `assertUpstream`, for requests of our own (discovery, reviews of ourselves): the rest of their headers names nobody.
 * Throws ProxyError Internal.
 */
export function assertOwnRequest(headers: readonly string[], authorization: string | undefined): void {
  const names = headers.filter((_, index) => index % 2 === 0).map(name => name.toLowerCase())
  const expected = authorization === undefined ? 0 : 1
  if (names.filter(name => name === 'authorization').length !== expected) throw broken('not exactly our Authorization')
  if (expected === 1 && headers[2 * names.indexOf('authorization') + 1] !== authorization) throw broken('a foreign Authorization')
  if (names.some(name => name.startsWith('impersonate-') || name.startsWith('x-remote-'))) throw broken('an identity')
}

/**
 * The last look before sending: one `Authorization` and it is ours, one `Audit-ID`,
 * no identity but ours, nothing that could begin another line. Throws ProxyError
 * Internal, or MalformedHeader for a value that a caller could have sent.
 */
export function assertUpstream(headers: readonly string[], request: UpstreamRequest): void {
  let [authorizations, auditIds, hosts, users] = [0, 0, 0, 0]
  for (let i = 0; i < headers.length; i += 2) {
    const name = lowerCase(headers[i] ?? '')
    const value = headers[i + 1] ?? ''
    if (/[\r\n\0]/.test(value)) throw new ProxyError('MalformedHeader', 'a header value holds a line break or NUL')
    switch (name) {
      case 'authorization':
        authorizations += 1
        if (value !== request.authorization) throw broken('a foreign Authorization')
        break
      case 'audit-id': auditIds += 1; break
      case 'host': hosts += 1; break
      case 'impersonate-user': users += 1
    }
    if (name.startsWith('impersonate-') && !mayImpersonate(request)) throw broken('an Impersonate header')
  }
  if (authorizations !== (request.authorization === undefined ? 0 : 1)) throw broken('not exactly our Authorization')
  if (auditIds !== 1 || hosts !== 1) throw broken('not exactly one Audit-ID and Host')
  if (users > 1) throw broken('two Impersonate-User')
}

function mayImpersonate({ impersonate, keepImpersonation }: UpstreamRequest): boolean {
  return impersonate !== undefined || keepImpersonation === true
}

function broken(what: string): ProxyError {
  return new ProxyError('Internal', 'an internal error occurred; nothing was sent', {
    cause: new Error(`headers for upstream held ${what}`),
  })
}
