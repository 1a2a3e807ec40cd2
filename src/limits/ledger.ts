import type { RefusalCode } from '../errors.ts'
import type { CallerLimits } from '../model/caller.ts'
import { Bucket } from './bucket.ts'

export type Kind = 'inFlight' | 'streams'

/** A request that wants to be counted; plain data, so that another process may be asked. */
export interface Ask {
  readonly caller: string
  readonly limits: CallerLimits
  readonly kind: Kind
}

/** `retryAfter` in whole seconds, at least 1. */
export type Answer =
  | { readonly granted: true }
  | { readonly granted: false, readonly code: Extract<RefusalCode, 'RateLimited' | 'TooManyInFlight'>, readonly message: string, readonly retryAfter: number }

/** Who uses how much of what, by the caller's name, so that a reload forgets nothing. One for all workers. */
export interface Ledger {
  /** What was granted is to be given back, once, when the request has ended. What was refused took nothing. */
  take(ask: Ask): Answer | Promise<Answer>
  giveBack(caller: string, kind: Kind): void
}

/** A ledger that knows at once. */
export interface LocalLedger extends Ledger {
  take(ask: Ask): Answer
  /** Names that it keeps something of. */
  readonly size: number
}

/** What one caller uses at the moment. */
interface Usage {
  inFlight: number
  streams: number
  /** Undefined while it has no `requestsPerSecond`. */
  bucket: Bucket | undefined
}

/** Milliseconds between two looks for names that may be forgotten. */
const forgetEvery = 60_000

/** Counts in this process. `now` is in milliseconds and monotonic. */
export function createLedger({ now }: { readonly now: () => number }): LocalLedger {
  const usages = new Map<string, Usage>()
  let lookedAt = now()

  function usageOf(caller: string): Usage {
    const known = usages.get(caller)
    if (known !== undefined) return known
    const usage: Usage = { inFlight: 0, streams: 0, bucket: undefined }
    usages.set(caller, usage)
    return usage
  }

  /** A full bucket and nothing under way is what a new name begins with: nothing is lost, and reloads pile nothing up. */
  function forgetIdle(at: number): void {
    if (at - lookedAt < forgetEvery) return
    lookedAt = at
    for (const [caller, { inFlight, streams, bucket }] of usages) {
      if (inFlight === 0 && streams === 0 && bucket?.isFull(at) !== false) usages.delete(caller)
    }
  }

  return {
    take({ caller, limits, kind }) {
      const at = now()
      forgetIdle(at)
      const usage = usageOf(caller)
      const bucket = usage.bucket = bucketFor(usage.bucket, limits, at)
      // The rate first, for its wait is known. Neither is spent where the other refuses: who is turned away took nothing.
      if (bucket?.isEmpty === true) return rateLimited(caller, limits, bucket.secondsToNext)
      const most = limits[kind]
      if (most !== undefined && usage[kind] >= most) return tooMany(caller, kind, most)
      bucket?.spend()
      usage[kind] += 1
      return granted
    },
    giveBack(caller, kind) {
      const usage = usages.get(caller)
      if (usage !== undefined && usage[kind] > 0) usage[kind] -= 1
    },
    get size() {
      return usages.size
    },
  }
}

const granted: Answer = { granted: true }

/** The bucket as it is at that moment under these limits; a new one is full. */
function bucketFor(bucket: Bucket | undefined, { requestsPerSecond: rate, burst }: CallerLimits, at: number): Bucket | undefined {
  if (rate === undefined) return undefined
  // Without a burst of its own: what one second allows.
  const size = Math.max(1, burst ?? Math.ceil(rate))
  if (bucket === undefined) return new Bucket(rate, size, at)
  bucket.refill(at)
  bucket.change(rate, size)
  return bucket
}

/** Go reads it into an int32. */
const longestWait = 2 ** 31 - 1

// What is said of a limit is the caller's own; which of its line to change, its operator is told as well.
function rateLimited(caller: string, { requestsPerSecond, burst }: CallerLimits, wait: number): Answer {
  const line = `limits: { requestsPerSecond: ${requestsPerSecond}${burst === undefined ? '' : `, burst: ${burst}`} }`
  return {
    granted: false, code: 'RateLimited', retryAfter: Math.min(longestWait, Math.max(1, Math.ceil(wait))),
    message: `caller "${caller}" sends more than the ${requestsPerSecond} requests a second that its ${line} allow`,
  }
}

function tooMany(caller: string, kind: Kind, most: number): Answer {
  const what = kind === 'streams' ? 'streams open' : 'requests in flight'
  return {
    granted: false, code: 'TooManyInFlight', retryAfter: 1,
    message: `caller "${caller}" has ${most} ${what}, as many as its limits: { ${kind}: ${most} } allow`,
  }
}
