import type { Issuer } from '../issuers/issuer.ts'
import type { Issuers } from '../issuers/issuers.ts'
import type { ProxyError } from '../errors.ts'
import type { CallerDefinition } from '../model/caller.ts'
import type { ClaimCondition, JwtCondition } from '../model/identity.ts'
import { claimAt, claimsMatch, isFor, type Claims } from './claims.ts'
import { ConditionIndex, getOrAdd, type Mark } from './condition-index.ts'
import { refused, type VerifiedJwt, type Voucher } from './jwt-verify.ts'

interface Condition {
  readonly definition: CallerDefinition
  readonly condition: JwtCondition
  /** Its place among all. */
  readonly order: number
}

/** What callers say of one issuer. */
export interface Trusted {
  readonly groups: readonly ConditionGroup[]
  readonly vouchers: readonly Voucher[]
}

/** By the issuer's name. */
export function trustedIssuers(callers: readonly CallerDefinition[], issuers: Pick<Issuers, 'of'>): ReadonlyMap<string, Trusted> {
  const index = new Map<string, Map<string, ConditionGroup>>()
  const numbers = new Map<Issuer, number>()
  let order = 0
  for (const definition of callers) {
    for (const condition of definition.identities?.jwts ?? []) {
      const issuer = issuers.of(condition.source)
      if (issuer === undefined) continue
      const groups = getOrAdd(index, condition.issuer, () => new Map<string, ConditionGroup>())
      const form = [getOrAdd(numbers, issuer, () => numbers.size), ...condition.algorithms].join()
      getOrAdd(groups, form, () => new ConditionGroup(issuer, condition.algorithms)).add({ definition, condition, order: order++ })
    }
  }
  return new Map([...index].map(([name, groups]) => [name, { groups: [...groups.values()], vouchers: vouchersOf([...groups.values()]) }]))
}

function vouchersOf(groups: readonly ConditionGroup[]): Voucher[] {
  const byIssuer = new Map<Issuer, Set<string>>()
  for (const { issuer, algorithms } of groups) {
    const all = getOrAdd(byIssuer, issuer, () => new Set<string>())
    for (const algorithm of algorithms) all.add(algorithm)
  }
  return [...byIssuer].map(([issuer, algorithms]) => ({ issuer, algorithms }))
}

/** Each once. What narrows them is looked at in the order in which its holder may be told of it. */
export function callersOf({ by, algorithm, claims }: VerifiedJwt, groups: readonly ConditionGroup[]): CallerDefinition[] | ProxyError {
  const vouched = groups.filter(({ issuer }) => by.some(one => one.issuer === issuer && issuer.holds(one.digest)))
  if (vouched.length === 0) return refused('is signed by a key that its issuer does not have any more')
  const allowed = vouched.filter(({ algorithms }) => algorithms.includes(algorithm))
  if (allowed.length === 0) return refused('is signed by an algorithm that is not allowed here')
  const meant = allowed.filter(group => group.hasAudienceOf(claims))
  if (meant.length === 0) return refused('is for another audience (aud) than the callers of its issuer have')
  const fitting = meant.flatMap(group => group.fitting(claims)).sort((a, b) => a.order - b.order)
  return [...new Set(fitting.map(({ definition }) => definition))]
}

/** Conditions about tokens that the same keys verify, by the same algorithms. */
class ConditionGroup {
  readonly issuer: Issuer
  readonly algorithms: readonly string[]
  readonly #conditions: Condition[] = []
  readonly #audiences = new Set<string>()
  /** Made for the first token: a reload must hold nothing up. */
  #index: ConditionIndex<Condition> | undefined

  constructor(issuer: Issuer, algorithms: readonly string[]) {
    this.issuer = issuer
    this.algorithms = algorithms
  }

  add(condition: Condition): void {
    this.#conditions.push(condition)
    for (const audience of condition.condition.audiences) this.#audiences.add(audience)
  }

  hasAudienceOf({ aud }: Claims): boolean {
    return listed(aud).some(audience => typeof audience === 'string' && this.#audiences.has(audience))
  }

  fitting(claims: Claims): Condition[] {
    this.#index ??= new ConditionIndex(this.#conditions, ({ condition }) => condition.claims.flatMap(marksOf))
    const found = this.#index.candidates(place => listed(claimAt(JSON.parse(place) as readonly string[], claims)))
    return [...found].filter(({ condition }) => isFor(condition.audiences, claims) && claimsMatch(condition.claims, claims))
  }
}

/** A glob's own start is as good as a whole text where it names who it is: `repo:acme/app:*`. */
function marksOf({ path, expected }: ClaimCondition): Mark[] {
  const place = JSON.stringify(path)
  const star = typeof expected === 'string' ? expected.indexOf('*') : -1
  if (typeof expected !== 'string' || star === -1) return [{ place, whole: expected }]
  return star === 0 ? [] : [{ place, start: expected.slice(0, star) }]
}

/** A claim that is a list says each of its items. */
function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}
