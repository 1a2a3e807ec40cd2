import { setTimeout as delay } from 'node:timers/promises'

export interface ThrottleOptions {
  /** So many turns a second, in the long run. */
  readonly perSecond: number
  /** So many at once, after a pause. */
  readonly burst: number
  /** Milliseconds, monotonic. */
  readonly now?: () => number
}

/** A token bucket that makes wait, as client-go's flowcontrol does in front of the API server's own audit webhook; no longer than until `signal`. */
export function createThrottle({ perSecond, burst, now = () => performance.now() }: ThrottleOptions): (signal: AbortSignal) => Promise<void> {
  let tokens = burst
  let filledAt = now()
  return async function takeTurn(signal) {
    const at = now()
    tokens = Math.min(burst, tokens + (at - filledAt) / 1000 * perSecond) - 1
    filledAt = at
    // What is owed is waited for: whoever comes next owes more.
    if (tokens < 0) await delay(-tokens / perSecond * 1000, undefined, { signal }).catch(() => {})
  }
}
