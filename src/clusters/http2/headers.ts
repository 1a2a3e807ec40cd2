import type { OutgoingHttpHeaders } from 'node:http2'
import { errors } from 'undici'
import { hopByHop } from '../../headers/names.ts'
import type { Call } from '../sender.ts'

/**
 * The head of a request as node:http2 takes it: `Host` becomes `:authority`, names are lower-case,
 * what is about one connection only is absent (RFC 9113 §8.2.2, §8.3.1), each value keeps its bytes
 * (latin1). Throws undici's InvalidArgumentError, as undici does over HTTP/1.1: node:http2 would take
 * the whole connection down for a name, and cut a value's characters to their last byte.
 */
export function http2Headers({ method, target, headers }: Call, host: string): OutgoingHttpHeaders {
  if (/[^\x21-\xff]/.test(target) || !target.startsWith('/')) throw new errors.InvalidArgumentError('invalid request path')
  const object = Object.assign(Object.create(null), {
    ':method': method, ':scheme': 'https', ':authority': host, ':path': target,
  }) as Record<string, string | string[]>
  for (let i = 0; i < headers.length; i += 2) add(object, (headers[i] ?? '').toLowerCase(), headers[i + 1] ?? '')
  return object
}

function add(object: Record<string, string | string[]>, name: string, value: string): void {
  if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) throw new errors.InvalidArgumentError('invalid header name')
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new errors.InvalidArgumentError(`invalid ${name} header`)
  if (hopByHop.has(name)) return
  const before = object[name === 'host' ? ':authority' : name]
  if (name === 'host') object[':authority'] = value
  else if (before === undefined) object[name] = value
  // The API server reads the first line alone of these (Go's Header.Get), and node:http2 throws for two.
  else if (!once.has(name)) object[name] = [before, value].flat()
}

/** Of requests, what node:http2 sends once at most (its kSingleValueHeaders). */
const once: ReadonlySet<string> = new Set([
  'access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age', 'authorization',
  'content-encoding', 'content-language', 'content-length', 'content-location', 'content-md5', 'content-range', 'content-type',
  'date', 'dnt', 'etag', 'expires', 'from', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since',
  'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'range', 'referer', 'retry-after', 'tk',
  'upgrade-insecure-requests', 'user-agent', 'x-content-type-options',
])

/** Of an answer's lines as node:http2 hands them on, flat: those that HTTP/1.1 has too. */
export function withoutPseudo(raw: readonly string[]): string[] {
  // `:status` alone is defined for answers, and comes first (RFC 9113 §8.3).
  return raw.slice(raw[0] === ':status' ? 2 : 0)
}
