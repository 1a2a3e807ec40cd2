import { ProxyError } from '../errors.ts'
import type { Caller, CallerLimits } from '../model/caller.ts'
import type { Answer, Kind, Ledger } from './ledger.ts'

/** Call it when the request has ended; the second and later calls do nothing. */
export type Release = () => void

/**
 * Counts a request against its caller. A promise only where the ledger is asked from afar. Throws, or
 * rejects with, ProxyError RateLimited or TooManyInFlight, with the wait that is needed.
 */
export type Limit = (caller: Caller, longRunning: boolean) => Release | Promise<Release>

const nothing: Release = () => {}

/** Requests a second, requests in flight, open streams: per caller, each only where the caller's file sets it. */
export function createLimits({ ledger }: { readonly ledger: Ledger }): Limit {
  return function limit({ definition: { name, limits } }, longRunning) {
    // Who has no limit is not counted: it costs nothing, also where the ledger is in another process.
    if (isUnlimited(limits)) return nothing
    const kind: Kind = longRunning ? 'streams' : 'inFlight'
    const release = once(() => ledger.giveBack(name, kind))
    const answer = ledger.take({ caller: name, limits, kind })
    return answer instanceof Promise ? answer.then(answer => orThrow(answer, name, release)) : orThrow(answer, name, release)
  }
}

function isUnlimited({ requestsPerSecond, inFlight, streams }: CallerLimits): boolean {
  return requestsPerSecond === undefined && inFlight === undefined && streams === undefined
}

function orThrow(answer: Answer, caller: string, release: Release): Release {
  if (answer.granted) return release
  throw new ProxyError(answer.code, answer.message, { retryAfter: answer.retryAfter, pacedAs: `caller ${caller}` })
}

function once(run: () => void): Release {
  let due = true
  return () => {
    if (due) run()
    due = false
  }
}
