import { readClaims, type Claims } from './claims.ts'
import type { Presented } from './credential.ts'

/** A bearer token and what it says of itself. */
export interface Token {
  readonly presented: Presented
  readonly claims: Claims
}

/** Throws where the text is no bearer token (RFC 6750 §2.1); the message does not repeat it. */
export function readToken(text: string): Token {
  const token = text.trim()
  if (token === '') throw new Error('is empty')
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('holds more than one token, or blanks, line breaks or other characters in it')
  return { presented: { authorization: `Bearer ${token}`, certificate: undefined }, claims: readClaims(token) }
}
