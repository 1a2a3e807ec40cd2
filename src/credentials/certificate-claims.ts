import type { X509Certificate } from 'node:crypto'
import { accountOfUser, noClaims, type Claims } from './claims.ts'
import { timeOf } from './times.ts'

/**
 * What a client certificate says of whom it is for: the API server takes the CN of its subject for
 * the user's name (apiserver, CommonNameUserConversion). The end is that of the leaf.
 */
export function certificateClaims(leaf: X509Certificate): Claims {
  const user = commonName(leaf)
  return {
    ...noClaims,
    user,
    account: user === undefined ? undefined : accountOfUser(user),
    issuer: leaf.issuer?.split('\n').join(', '),
    notBefore: timeOf(Date.parse(leaf.validFrom)),
    expiresAt: timeOf(Date.parse(leaf.validTo)),
  }
}

/** Of several the last one: so Go reads a subject (crypto/x509/pkix, FillFromRDNSequence). */
function commonName(leaf: X509Certificate): string | undefined {
  const names: unknown = leaf.toLegacyObject().subject?.CN
  const name: unknown = Array.isArray(names) ? names.at(-1) : names
  return typeof name === 'string' && name !== '' ? name : undefined
}
