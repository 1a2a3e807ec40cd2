import { lowerCase } from './by-name.ts'
import { formsOf } from './credential-forms.ts'
import { hopByHop, nominated } from './names.ts'

export interface CallerResponse {
  readonly auditId: string
  /** `/clusters/<name>` where the caller came that way, to be put back in front of a path-absolute `Location`. */
  readonly prefix: string | undefined
  /** Our `Authorization`, which must not come back. */
  readonly authorization: string | undefined
}

/**
 * The headers of an answer to the caller: upstream's, in order and case, less
 * hop-by-hop ones and any that echoes our credential; exactly one `Audit-Id`, ours.
 */
export function callerHeaders(headers: readonly string[], response: CallerResponse): string[] {
  const connectionOnly = nominated(headers)
  const secrets = formsOfToken(response.authorization)
  const kept = ['Audit-Id', response.auditId]
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    const lowerName = lowerCase(name)
    if (lowerName === 'audit-id' || hopByHop.has(lowerName) || connectionOnly.has(lowerName)) continue
    if (holds(value, secrets) || holds(name, secrets)) continue
    kept.push(name, lowerName === 'location' ? relocated(value, response.prefix) : value)
  }
  return kept
}

/**
 * The reason phrase of an answer to the caller. It says nothing that the status does not (RFC 9112 §4):
 * where it cannot be written as it came, or echoes our credential, there is none.
 */
export function callerReason(message: string, authorization: string | undefined): string {
  return /^[\t\x20-\x7e]*$/.test(message) && !holds(message, formsOfToken(authorization)) ? message : ''
}

function holds(text: string, secrets: readonly string[]): boolean {
  return secrets.some(secret => text.length >= secret.length && text.includes(secret))
}

const mostCached = 100
const formsCache = new Map<string, readonly string[]>()

/** Of the token behind the scheme; none where there is none. */
function formsOfToken(authorization = ''): readonly string[] {
  const known = formsCache.get(authorization)
  if (known !== undefined) return known
  const forms = formsOf(authorization.replace(/^\S+\s+/, ''))
  // One entry a cluster and renewal; cleared before renewals of years add up.
  if (formsCache.size >= mostCached) formsCache.clear()
  formsCache.set(authorization, forms)
  return forms
}

/** `/x` becomes `/clusters/b/x`; `//host/x` and absolute URLs stay as they are, and are not followed by us. */
function relocated(location: string, prefix: string | undefined): string {
  if (prefix === undefined || !location.startsWith('/') || location.startsWith('//')) return location
  return prefix + location
}
