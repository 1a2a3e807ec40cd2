import { parseFields, type Fields } from '../json-fields.ts'

/** What a token says of itself before anybody has believed it: only whom to ask about it. */
export interface UnverifiedJwt {
  readonly issuer: string
  readonly header: Fields
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
function fieldsOf(encoded: string): Fields | undefined {
  return parseFields(Buffer.from(encoded, 'base64url'))
}
