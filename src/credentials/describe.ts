import type { CredentialFacts } from './credential.ts'
import { timestamp } from './times.ts'

/** For an operator: whose credential, from where, until when, for whom. Never the credential. */
export function describeCredential({ source, claims }: CredentialFacts): string {
  const { user, expiresAt, issuer, audience } = claims
  const facts = [
    source,
    user === undefined ? 'of an account that it does not name' : `of ${user}`,
    expiresAt === undefined ? 'without an end that it tells' : `until ${timestamp(expiresAt)}`,
    ...issuer === undefined ? [] : [`issued by ${issuer}`],
    ...audience.length === 0 ? [] : [`for ${audience.join(', ')}`],
  ]
  return facts.join(', ')
}
