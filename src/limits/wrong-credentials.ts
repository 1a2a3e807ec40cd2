import { LRUCache } from 'lru-cache'
import { networkOf } from '../addresses/network.ts'
import { ProxyError } from '../errors.ts'
import { Bucket } from './bucket.ts'

export interface WrongCredentialsOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Of one address: so many at once, and so many a second. */
  readonly atOnce?: number
  readonly perSecond?: number
}

/** What to answer in place of a refusal, where it is one of a credential and too many come from that address; else the refusal. */
export type WeighRefusal = (refusal: unknown, source: string) => unknown

/** Some megabytes. Whoever has more addresses than this begins anew with each. */
const maxAddresses = 10_000

/**
 * Throttles wrong credentials by the address that they come from, IPv6 by its /64. A right one is never
 * refused for it: behind one address there may be many callers (NAT, a load balancer). Weighed is only what was
 * refused already, so that an answer says nothing about which keys there are.
 */
export function createWrongCredentials({ now, atOnce = 20, perSecond = 10 }: WrongCredentialsOptions): WeighRefusal {
  const buckets = new LRUCache<string, Bucket>({ max: maxAddresses })
  return function weigh(refusal, source) {
    if (!isOfCredential(refusal)) return refusal
    const at = now()
    const network = networkOf(source)
    const bucket = buckets.get(network) ?? new Bucket(perSecond, atOnce, at)
    buckets.set(network, bucket)
    bucket.refill(at)
    if (bucket.isEmpty) return tooMany(network, bucket.secondsToNext)
    bucket.spend()
    return refusal
  }
}

/** None at all is no guess: probes of load balancers come without. */
function isOfCredential(refusal: unknown): boolean {
  return refusal instanceof ProxyError && refusal.status === 401 && refusal.code !== 'MissingKey'
}

function tooMany(network: string, wait: number): ProxyError {
  return new ProxyError('RateLimited', 'too many wrong credentials came from this address, and this is another one: mend it, then try again', {
    retryAfter: Math.max(1, Math.ceil(wait)), pacedAs: `address ${network}`,
  })
}
