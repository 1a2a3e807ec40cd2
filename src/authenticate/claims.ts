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
  return typeof value === 'string' && typeof expected === 'string' ? globMatches(expected, value) : value === expected
}

/** `*` is any run of characters, `/` among them. Linear: each piece is looked for once, from where the one before ended. */
export function globMatches(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*')
  const last = rest.pop()
  if (last === undefined) return glob === text
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
