import { lowerCase } from './by-name.ts'
import { listed } from './read.ts'

/** RFC 9110 §7.6.1 and what came before it: meaningful for one connection only. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer',
  'trailers', 'transfer-encoding', 'upgrade', 'http2-settings',
])

/** The names that any `Connection` line nominates, lower-case. Every line counts, an empty first one too (CVE-2021-33197). */
export function nominated(headers: readonly string[]): ReadonlySet<string> {
  const names = listed(headers, 'connection')
  return names.length === 0 ? none : new Set(names.map(lowerCase))
}

const none: ReadonlySet<string> = new Set()
