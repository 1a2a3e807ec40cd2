import { isIP } from 'node:net'
import { createAddressSet } from '../addresses/address-set.ts'
import { headerValues } from '../headers/read.ts'

export type SourceIPs = (peer: string, rawHeaders: readonly string[]) => readonly string[]

/**
 * Who a request comes from: the rightmost address of `X-Forwarded-For` that is no
 * trusted proxy, then the proxies behind it, the socket's peer last. Without trusted
 * proxies the header says nothing: the source is the peer. What stands left of the
 * first untrusted address is hearsay and left out.
 */
export function createSourceIPs(trustedProxies: readonly string[]): SourceIPs {
  const trusted = createAddressSet(trustedProxies)
  return (peer, rawHeaders) => {
    const chain = [plain(peer)]
    if (trustedProxies.length === 0) return chain
    const claimed = headerValues(rawHeaders, 'x-forwarded-for').join(',').split(',').map(part => part.trim())
    while (trusted.has(chain[0] ?? '')) {
      const next = plain(claimed.pop() ?? '')
      if (isIP(next) === 0) break
      chain.unshift(next)
    }
    return chain
  }
}

/** `::ffff:10.0.0.1` is how a dual-stack socket writes 10.0.0.1. */
function plain(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
