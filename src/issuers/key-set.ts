import { createHash } from 'node:crypto'
import type { JWK, JWTVerifyGetKey } from 'jose'
import { createLocalJWKSet } from 'jose/jwks/local'
import { asFields, parseFields } from '../json-fields.ts'

/** A public key of an issuer. */
export interface IssuerKey {
  readonly id: string | undefined
  /** The same for the same key, whatever else its set says of it. */
  readonly digest: string
  /** For jose: this key alone, where it is one for the token's algorithm. */
  readonly resolve: JWTVerifyGetKey
}

/** More in one set than any issuer has, and than one token may cost. */
const mostKeys = 100

/**
 * The keys of a JWKS (RFC 7517) that may sign; what cannot is left out: encryption keys,
 * kinds that we do not know, shared secrets. Throws an Error, which repeats nothing, for
 * what is no such set, and for one that holds a private key.
 */
export function readKeySet(text: string | Buffer): IssuerKey[] {
  const keys = parseFields(text)?.['keys']
  if (!Array.isArray(keys)) throw new Error('is no JSON Web Key Set: a JSON object with a list of keys')
  if (keys.length > mostKeys) throw new Error(`holds more than ${mostKeys} keys`)
  return keys.map(asFields).filter(isForSignatures).map((jwk) => {
    if (jwk['d'] !== undefined) throw new Error('holds a private key: only the public keys belong there')
    const { kid } = jwk
    return { id: typeof kid === 'string' ? kid : undefined, digest: digestOf(jwk), resolve: createLocalJWKSet({ keys: [jwk as JWK] }) }
  })
}

/** The public members of each kind (RFC 7638 §3.2, RFC 8037 §2). */
const members: Readonly<Record<string, readonly string[]>> = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] }

function isForSignatures(jwk: Readonly<Record<string, unknown>>): boolean {
  const { kty, use = 'sig' } = jwk
  if (typeof kty !== 'string' || use !== 'sig' || !Object.hasOwn(members, kty)) return false
  return (members[kty] ?? []).every(name => typeof jwk[name] === 'string')
}

function digestOf(jwk: Readonly<Record<string, unknown>>): string {
  const kty = String(jwk['kty'])
  const parts = [kty, ...(members[kty] ?? []).map(name => String(jwk[name]))]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}
