/** For an operator: what to do about an answer that is not 2xx. `bytes` were posted, as lines. */
export function adviceFor(status: number, bytes: number): string {
  switch (status) {
    case 401: return 'it does not take our credential; see whether what `credential` names is still valid there'
    case 403: return 'our credential may not post there; grant it that, or name another one with `credential`'
    case 404:
    case 405: return 'it takes no POST there; is the path of `url` right?'
    case 413: return `an event of ${bytes} bytes is larger than it takes; raise its limit for bodies`
    case 408:
    case 429: return 'it is busy; it is tried again'
    default: break
  }
  if (status >= 500) return 'it failed; it is tried again, and its own log says why'
  if (status >= 300 && status < 400) return 'a redirect, which is never followed: name where it leads to as `url`'
  return 'it does not take a list of audit.k8s.io/v1 events; its own log says why'
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), in milliseconds from `now`; undefined where it is neither. */
export function readRetryAfter(value: string | string[] | undefined, now: number): number | undefined {
  if (typeof value !== 'string') return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  // `Date.parse` would take a bare number for a year.
  const at = /GMT$/.test(value) ? Date.parse(value) : NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
