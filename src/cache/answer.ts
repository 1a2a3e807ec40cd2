import { headerValue, headerValues } from '../headers/read.ts'
import type { Fetched } from '../clusters/cluster.ts'

export type CacheResult = 'hit' | 'miss' | 'stale'

/**
 * What to send. The headers still have to pass headers/response, which drops what is
 * hop-by-hop, adds the `Audit-Id` and mends a `Location`.
 */
export interface CachedAnswer {
  readonly status: number
  /** Name, value, name, value …, with `Content-Length`, `Age` and `X-Portcullis-Cache`. */
  readonly headers: readonly string[]
  /** Undefined for a HEAD and a 304. */
  readonly body: Buffer | undefined
  readonly cache: CacheResult
}

/** Who asks: what of a request bears on the form of its answer alone. */
export interface Asker {
  readonly head: boolean
  /** The caller's `If-None-Match`, every line of it; empty without one. */
  readonly ifNoneMatch: string
}

export function readAsker(method: string, rawHeaders: readonly string[]): Asker {
  return { head: method === 'HEAD', ifNoneMatch: headerValues(rawHeaders, 'if-none-match').join(',') }
}

/**
 * What is said of the document and not of one exchange. Anything else an answer
 * carried, a cookie or an echo of our token, is not handed on to others.
 */
const lasting = new Set([
  'accept-ranges', 'cache-control', 'content-encoding', 'content-type', 'etag', 'expires', 'last-modified',
  'strict-transport-security', 'vary', 'warning', 'x-content-type-options',
])

export function lastingHeaders(headers: readonly string[]): string[] {
  return select(headers, (name) => lasting.has(name))
}

function select(headers: readonly string[], wanted: (lowerName: string) => boolean): string[] {
  return headers.filter((_, at) => wanted((headers[at - (at % 2)] ?? '').toLowerCase()))
}

/** RFC 9110 §15.4.5: what a 304 repeats of the 200 it stands for. */
const repeatedIn304 = new Set(['cache-control', 'etag', 'expires', 'last-modified', 'vary', 'warning'])

interface Kept {
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** `age`: milliseconds since upstream vouched for it. */
export function answerWith(document: Kept, asker: Asker, cache: CacheResult, age: number): CachedAnswer {
  const marks = [
    ...(cache === 'miss' ? [] : ['Age', String(Math.max(0, Math.floor(age / 1000)))]),
    'X-Portcullis-Cache', cache,
  ]
  if (matches(asker.ifNoneMatch, headerValue(document.headers, 'etag'))) {
    const headers = select(document.headers, (name) => repeatedIn304.has(name))
    return { status: 304, headers: [...headers, ...marks], body: undefined, cache }
  }
  return {
    status: 200,
    headers: [...document.headers, 'Content-Length', String(document.body.length), ...marks],
    body: asker.head ? undefined : document.body,
    cache,
  }
}

/** Replaced by the length of what was read, or meant for one reader. */
const notRelayed = new Set(['content-length', 'transfer-encoding', 'set-cookie'])

/** An answer that is nobody's to keep, handed on to whoever waited for it. */
export function relay({ status, headers, body }: Fetched, { head }: Asker): CachedAnswer {
  const kept = select(headers, (name) => !notRelayed.has(name))
  const framing = status === 204 ? [] : ['Content-Length', String(body.length)]
  return { status, headers: [...kept, ...framing, 'X-Portcullis-Cache', 'miss'], body: head ? undefined : body, cache: 'miss' }
}

/** RFC 9110 §13.1.2: weak comparison, a list, or `*` for any. */
export function matches(ifNoneMatch: string, etag: string | undefined): boolean {
  if (ifNoneMatch.trim() === '*') return true
  if (etag === undefined) return false
  const tags = ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []
  return tags.some((tag) => opaque(tag) === opaque(etag))
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}
