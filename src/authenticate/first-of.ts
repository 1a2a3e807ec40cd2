import { ProxyError } from '../errors.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Caller } from '../model/caller.ts'
import type { Authenticator } from './authenticator.ts'
import { readCarrier } from './carrier.ts'

/**
 * Asks each in order; the first that does not say "not mine" decides. A credential
 * that nobody takes for theirs is refused; without any the answer is `undefined`.
 */
export function createFirstOf(authenticators: readonly Authenticator[]): Authenticator {
  return {
    async authenticate(arrival: Arrival): Promise<Caller | undefined> {
      for (const authenticator of authenticators) {
        const caller = await authenticator.authenticate(arrival)
        if (caller !== undefined) return caller
      }
      if (readCarrier(arrival.rawHeaders) === undefined) return undefined
      throw new ProxyError('UnknownKey', 'the credential that was presented is no API key of this proxy, and no token of an issuer that it trusts')
    },
    recheck(caller) {
      for (const authenticator of authenticators) {
        const answer = authenticator.recheck(caller)
        if (answer !== undefined) return answer
      }
      return undefined
    },
  }
}
