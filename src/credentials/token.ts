import { readClaims } from './claims.ts'
import type { Claims } from './claims.ts'

/** A bearer token and what it says of itself. */
export interface Token {
  /** `Bearer …`. */
  readonly authorization: string
  readonly claims: Claims
}

/** Throws where the text is no bearer token (RFC 6750 §2.1); the message does not repeat it. */
export function readToken(text: string): Token {
  const token = text.trim()
  if (token === '') throw new Error('is empty')
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('holds more than one bearer token: blanks, line breaks or other characters')
  return { authorization: `Bearer ${token}`, claims: readClaims(token) }
}

/** For an operator: whose token, until when, for whom. Never the token. */
export function describeToken({ claims: { account, expiresAt, issuer, audience } }: Token): string {
  const facts = [
    account === undefined ? 'of an account that it does not name' : `of service account ${account.namespace}/${account.name}`,
    expiresAt === undefined ? 'without an end that it tells' : `until ${new Date(expiresAt).toISOString()}`,
    ...issuer === undefined ? [] : [`issued by ${issuer}`],
    ...audience.length === 0 ? [] : [`for ${audience.join(', ')}`],
  ]
  return facts.join(', ')
}
