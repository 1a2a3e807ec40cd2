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
  const secrets = echoes(response.authorization)
  const kept = ['Audit-Id', response.auditId]
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    const lowerName = name.toLowerCase()
    if (lowerName === 'audit-id' || hopByHop.has(lowerName) || connectionOnly.has(lowerName)) continue
    if (secrets.some(secret => value.includes(secret) || name.includes(secret))) continue
    kept.push(name, lowerName === 'location' ? relocated(value, response.prefix) : value)
  }
  return kept
}

/** The token itself, percent-encoded, and in base64 (as a Basic password would be, at any offset). */
function echoes(authorization: string | undefined): string[] {
  const token = authorization?.replace(/^\S+\s+/, '')
  if (token === undefined || token === '') return []
  return [token, encodeURIComponent(token), ...base64Forms(token)]
}

const mostCached = 100
const base64Cache = new Map<string, string[]>()

/** Base64 of `token` behind 0, 1 or 2 other bytes, less the characters that its neighbours touch. */
function base64Forms(token: string): string[] {
  const known = base64Cache.get(token)
  if (known !== undefined) return known
  const forms = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(token)]).toString('base64').replace(/=+$/, '')
    return encoded.slice(offset === 0 ? 0 : offset + 1, -2)
  }).filter(form => form.length >= 16)
  // One entry a cluster and renewal; cleared before renewals of years add up.
  if (base64Cache.size >= mostCached) base64Cache.clear()
  base64Cache.set(token, forms)
  return forms
}

/** `/x` becomes `/clusters/b/x`; `//host/x` and absolute URLs stay as they are, and are not followed by us. */
function relocated(location: string, prefix: string | undefined): string {
  if (prefix === undefined || !location.startsWith('/') || location.startsWith('//')) return location
  return prefix + location
}
