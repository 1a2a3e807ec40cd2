/** What a token says of itself before anybody has believed it: only whom to ask about it. */
export interface UnverifiedJwt {
  readonly issuer: string
  readonly header: Readonly<Record<string, unknown>>
}

/** Characters. Node's limit of a head lets more through, and what is not read costs nothing. */
const longest = 16 * 1024

/** Undefined for what is no compact JWS (RFC 7515 §7.1) with an issuer; a JWE, of five parts, is none. */
export function readJwt(token: string): UnverifiedJwt | undefined {
  if (token.length > longest) return undefined
  const [first = '', second = '', third, ...more] = token.split('.')
  if (third === undefined || more.length > 0) return undefined
  const header = fieldsOf(first)
  const issuer = fieldsOf(second)?.['iss']
  return header === undefined || typeof issuer !== 'string' ? undefined : { issuer, header }
}

// By the parser that jose reads the verified bytes with: where a name is there twice, both take the last.
function fieldsOf(encoded: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}
