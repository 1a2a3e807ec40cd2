import { ProxyError } from '../errors.ts'
import type { Caller, CallerLimits } from '../model/caller.ts'

/** What one caller uses at the moment. Kept by name, so that a reload forgets nothing. */
interface Usage {
  /** Requests that may come at once; grows by `requestsPerSecond`, up to `burst`. */
  tokens: number
  refilledAt: number
  inFlight: number
  streams: number
}

/** Counts a request against its caller; call what it returns when the request has ended. */
export type Limit = (caller: Caller, longRunning: boolean) => () => void

/**
 * Requests a second (a token bucket), requests in flight, open streams: per caller,
 * each only where the caller's file sets it. `now` is in milliseconds and monotonic.
 * Throws ProxyError RateLimited or TooManyInFlight, with the wait that is needed.
 */
export function createLimits({ now }: { now: () => number }): Limit {
  const usages = new Map<string, Usage>()
  return function limit({ definition: { name, limits } }, longRunning) {
    if (isUnlimited(limits)) return () => {}
    const usage = usages.get(name) ?? { tokens: burstOf(limits), refilledAt: now(), inFlight: 0, streams: 0 }
    usages.set(name, usage)
    takeToken(usage, limits, now())
    return longRunning ? occupy(usage, 'streams', limits.streams) : occupy(usage, 'inFlight', limits.inFlight)
  }
}

function isUnlimited({ requestsPerSecond, inFlight, streams }: CallerLimits): boolean {
  return requestsPerSecond === undefined && inFlight === undefined && streams === undefined
}

/** Without a burst of its own: what one second allows. */
function burstOf({ requestsPerSecond = 0, burst }: CallerLimits): number {
  return Math.max(1, burst ?? Math.ceil(requestsPerSecond))
}

function takeToken(usage: Usage, limits: CallerLimits, at: number): void {
  const rate = limits.requestsPerSecond
  if (rate === undefined) return
  usage.tokens = Math.min(burstOf(limits), usage.tokens + (at - usage.refilledAt) / 1000 * rate)
  usage.refilledAt = at
  if (usage.tokens < 1) {
    throw new ProxyError('RateLimited', `more than ${rate} requests a second`, { retryAfter: Math.ceil((1 - usage.tokens) / rate) })
  }
  usage.tokens -= 1
}

function occupy(usage: Usage, kind: 'inFlight' | 'streams', most: number | undefined): () => void {
  if (most !== undefined && usage[kind] >= most) {
    const what = kind === 'streams' ? 'open streams' : 'requests in flight'
    throw new ProxyError('TooManyInFlight', `more than ${most} ${what}`, { retryAfter: 1 })
  }
  usage[kind] += 1
  let held = true
  return () => {
    if (held) usage[kind] -= 1
    held = false
  }
}
