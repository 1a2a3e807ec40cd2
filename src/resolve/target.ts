import { ProxyError } from '../errors.ts'
import { holdsKey } from '../keys/redact.ts'
import { unescapeQuery } from '../queries/query.ts'
import { inspectPath } from './segments.ts'

/** Go drops the whole query beyond 10,000 parts: what is read here would be ignored there. */
const maxQueryParts = 1_000

export interface Target {
  /** Raw, from the first slash to the question mark. */
  readonly path: string
  /** Raw, without the question mark; undefined without one. */
  readonly query: string | undefined
}

/**
 * Takes a raw request-target apart. Throws MalformedTarget for every target that could
 * be read in a second way by whatever reads it after us (ATTACKS.md, Target).
 */
export function splitTarget(target: string): Target {
  if (!target.startsWith('/')) malformed('the request target must be a path (origin-form)')
  if (target.includes('#')) malformed('the request target holds a fragment')
  if (/[^\x21-\x7e]/.test(target)) malformed('the request target holds bytes that have to be percent-encoded')
  if (holdsKey(target)) holdsAKey()
  const mark = target.indexOf('?')
  const query = mark === -1 ? undefined : target.slice(mark + 1)
  if (query !== undefined && query !== '') checkQuery(query)
  return { path: mark === -1 ? target : target.slice(0, mark), query }
}

/**
 * The one decoded reading of a raw path (without the cluster's prefix). Throws
 * MalformedTarget for dot and empty segments and encoded separators, however often
 * they were encoded.
 */
export function decodePath(path: string): string {
  if (isPlain(path)) return path
  const decoded = unescapePath(path)
  const fault = inspectPath(path)
  if (fault !== undefined) malformed(fault)
  if (holdsKey(decoded)) holdsAKey()
  return decoded
}

/** Nothing to decode, nothing empty, no dots: the everyday path. */
function isPlain(path: string): boolean {
  return path === '/' || (/^(?:\/[\w:@$!&'()*+,=~.-]+)+\/?$/.test(path) && !/\/\.\.?(?:\/|$)/.test(path))
}

function checkQuery(query: string): void {
  const parts = query.split('&')
  if (parts.length > maxQueryParts) malformed(`the query has more than ${maxQueryParts} parts`)
  if (!/[%;]/.test(query)) return
  const decoded = unescapeQuery(query)
  if (decoded === undefined) malformed('the query holds an escape that is invalid or no UTF-8')
  if (holdsKey(decoded)) holdsAKey()
  // Go before 1.17 (OpenShift 3) separates at `;` too, and would read another name than we do.
  if (parts.some(part => part.includes(';') && /fieldSelector/.test(unescapeQuery(part) ?? ''))) {
    malformed('a semicolon beside fieldSelector is read differently by different API servers')
  }
}

function unescapePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return malformed('the path holds an escape that is invalid or no UTF-8')
  }
}

function holdsAKey(): never {
  malformed('the request target holds an API key')
}

function malformed(message: string): never {
  throw new ProxyError('MalformedTarget', message)
}
