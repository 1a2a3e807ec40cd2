import type { Issuer } from '../issuers/issuer.ts'
import type { Issuers } from '../issuers/issuers.ts'
import type { ProxyError } from '../errors.ts'
import type { CallerDefinition } from '../model/caller.ts'
import type { JwtCondition } from '../model/identity.ts'
import { claimsMatch, isFor } from './claims.ts'
import { refused, type VerifiedJwt, type Voucher } from './jwt-verify.ts'

interface Condition {
  readonly definition: CallerDefinition
  readonly condition: JwtCondition
  readonly issuer: Issuer
}

/** What callers say of one issuer. */
export interface Trusted {
  readonly conditions: readonly Condition[]
  readonly vouchers: readonly Voucher[]
}

/** By the issuer's name. */
export function trustedIssuers(callers: readonly CallerDefinition[], issuers: Pick<Issuers, 'of'>): ReadonlyMap<string, Trusted> {
  const index = new Map<string, { readonly conditions: Condition[], readonly vouchers: Map<Issuer, Set<string>> }>()
  for (const definition of callers) {
    for (const condition of definition.identities?.jwts ?? []) {
      const issuer = issuers.of(condition.source)
      if (issuer === undefined) continue
      const { conditions, vouchers } = index.get(condition.issuer) ?? { conditions: [], vouchers: new Map<Issuer, Set<string>>() }
      vouchers.set(issuer, new Set([...vouchers.get(issuer) ?? [], ...condition.algorithms]))
      conditions.push({ definition, condition, issuer })
      index.set(condition.issuer, { conditions, vouchers })
    }
  }
  return new Map([...index].map(([name, { conditions, vouchers }]) => {
    return [name, { conditions, vouchers: [...vouchers].map(([issuer, algorithms]) => ({ issuer, algorithms })) }]
  }))
}

/** Each once. What narrows them is looked at in the order in which its holder may be told of it. */
export function callersOf({ by, algorithm, claims }: VerifiedJwt, conditions: readonly Condition[]): CallerDefinition[] | ProxyError {
  const vouched = conditions.filter(({ issuer }) => by.some(one => one.issuer === issuer && issuer.holds(one.digest)))
  if (vouched.length === 0) return refused('is signed by a key that its issuer does not have any more')
  const allowed = vouched.filter(({ condition: { algorithms } }) => algorithms.includes(algorithm))
  if (allowed.length === 0) return refused('is signed by an algorithm that is not allowed here')
  const meant = allowed.filter(({ condition: { audiences } }) => isFor(audiences, claims))
  if (meant.length === 0) return refused('is for another audience (aud) than the callers of its issuer have')
  return [...new Set(meant.filter(({ condition }) => claimsMatch(condition.claims, claims)).map(({ definition }) => definition))]
}

