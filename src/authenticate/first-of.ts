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
    authenticate: arrival => askFrom(authenticators, 0, arrival),
    recheck(caller) {
      for (const authenticator of authenticators) {
        const answer = authenticator.recheck(caller)
        if (answer !== undefined) return answer
      }
      return undefined
    },
  }
}

/** Waits only for one that has to find out. */
function askFrom(authenticators: readonly Authenticator[], first: number, arrival: Arrival): Caller | undefined | Promise<Caller | undefined> {
  for (let index = first; index < authenticators.length; index += 1) {
    const caller = authenticators[index]?.authenticate(arrival)
    if (caller instanceof Promise) return caller.then(known => known ?? askFrom(authenticators, index + 1, arrival))
    if (caller !== undefined) return caller
  }
  if (readCarrier(arrival.rawHeaders) === undefined) return undefined
  throw new ProxyError('UnknownKey', 'the credential that was presented is no API key of this proxy, and no token of an issuer that it trusts')
}
