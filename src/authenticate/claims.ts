import { matchesGlob } from '../glob.ts'
import type { ClaimCondition } from '../model/identity.ts'

export type Claims = Readonly<Record<string, unknown>>

/** Whether a verified token says all of it. */
export function claimsMatch(conditions: readonly ClaimCondition[], claims: Claims): boolean {
  return conditions.length > 0 && conditions.every(({ path, expected }) => saysOneOf(claimAt(path, claims), expected))
}

/** Whom the token is for (RFC 7519 §4.1.3): a text, or a list of them. */
export function isFor(audiences: readonly string[], { aud }: Claims): boolean {
  return typeof aud === 'string' ? audiences.includes(aud) : Array.isArray(aud) && audiences.some(audience => aud.includes(audience))
}

export function claimAt(path: readonly string[], claims: Claims): unknown {
  // Own fields alone: an object of JavaScript has more than its JSON had.
  return path.reduce<unknown>((value, name) => isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined, claims)
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function saysOneOf(value: unknown, expected: ClaimCondition['expected']): boolean {
  return Array.isArray(value) ? value.some(item => says(item, expected)) : says(value, expected)
}

function says(value: unknown, expected: ClaimCondition['expected']): boolean {
  return typeof value === 'string' && typeof expected === 'string' ? matchesGlob(expected, value) : value === expected
}
