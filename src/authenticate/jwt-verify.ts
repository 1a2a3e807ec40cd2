import * as errors from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { ProxyError } from '../errors.ts'
import type { Issuer } from '../issuers/issuer.ts'
import type { IssuerKey } from '../issuers/key-set.ts'
import type { Claims } from './claims.ts'
import type { UnverifiedJwt } from './jwt-reading.ts'

/** A token whose signature is its issuer's and whose time is now. The token itself is not in it. */
export interface VerifiedJwt {
  readonly issuer: string
  readonly claims: Claims
  readonly algorithm: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Whose keys it was that verified it, and which. */
  readonly by: readonly { readonly issuer: Issuer, readonly digest: string }[]
}

/** One place of an issuer's keys. `algorithms`: what anybody takes who trusts them. */
export interface Voucher {
  readonly issuer: Issuer
  readonly algorithms: ReadonlySet<string>
}

export interface VerifyOptions {
  readonly vouchers: readonly Voucher[]
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** By how many seconds the issuer's clock may run ahead of ours. A token's end is its end. */
const tolerance = 30
/** What this token is for: an ID or access token, not a logout, a proof or an event (RFC 8725 §3.11). */
const types = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt'])
/** So many keys are tried for a token that names none. */
const mostTried = 16

/** Throws ProxyError (UnknownKey, ExpiredKey) where no voucher's key verifies it. */
export async function verifyJwt(token: string, { header, issuer }: UnverifiedJwt, { vouchers, now }: VerifyOptions): Promise<VerifiedJwt> {
  const { algorithm, id } = readHeader(header)
  const refusals: ProxyError[] = []
  const by: VerifiedJwt['by'][number][] = []
  let claims: Claims | undefined
  for (const voucher of vouchers) {
    try {
      const verified = await verifyBy(voucher, token, { algorithm, id, issuer, now: now() })
      by.push({ issuer: voucher.issuer, digest: verified.digest })
      claims = verified.claims
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      refusals.push(error)
    }
  }
  const expiresAt = Number(claims?.['exp']) * 1000
  if (claims !== undefined && expiresAt > now()) return { issuer, claims, algorithm, expiresAt, by }
  throw claims === undefined ? refusals.find(({ code }) => code === 'ExpiredKey') ?? refusals[0] ?? refused('is not verified by anybody') : expired(expiresAt)
}

/** The parts of a header that count. Where keys might be found (`jku`, `x5u`, `jwk`, `x5c`) nobody looks: the caller would choose them. */
function readHeader({ alg, kid, typ, crit }: UnverifiedJwt['header']): { algorithm: string, id: string | undefined } {
  if (typeof alg !== 'string') throw refused('names no algorithm')
  if (kid !== undefined && typeof kid !== 'string') throw refused('names its key by something that is no text')
  if (typ !== undefined && (typeof typ !== 'string' || !types.has(typ.toLowerCase()))) throw refused('is of another type than JWT')
  if (crit !== undefined) throw refused('asks for extensions that are not known here')
  return { algorithm: alg, id: kid }
}

interface Asked {
  readonly algorithm: string
  readonly id: string | undefined
  readonly issuer: string
  readonly now: number
}

async function verifyBy({ issuer, algorithms }: Voucher, token: string, { algorithm, id, ...asked }: Asked): Promise<{ claims: Claims, digest: string }> {
  // Before any key is looked for: a token by a shared secret or by none costs nobody anything.
  if (!algorithms.has(algorithm)) throw refused('is signed by an algorithm that is not allowed here')
  const keys = await issuer.find(id)
  if (keys === undefined) throw refused('cannot be verified at present: the keys of its issuer cannot be had')
  for (const key of keys.slice(0, mostTried)) {
    const claims = await verifyWith(key, token, { algorithm, ...asked })
    if (claims !== undefined) return { claims, digest: key.digest }
  }
  throw keys.length === 0 ? refused('is signed by a key that its issuer does not have') : refused('has a signature that does not verify')
}

/** Undefined: another key may be the right one. */
async function verifyWith(key: IssuerKey, token: string, { algorithm, issuer, now }: Omit<Asked, 'id'>): Promise<Claims | undefined> {
  try {
    const { payload } = await jwtVerify(token, key.resolve, {
      algorithms: [algorithm], issuer, requiredClaims: ['exp'], clockTolerance: tolerance, currentDate: new Date(now),
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) return undefined
    throw translate(error)
  }
}

function translate(error: unknown): ProxyError {
  if (error instanceof errors.JWTExpired) return expired(Number(error.payload.exp) * 1000)
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'nbf' && error.reason === 'check_failed') return refused('is not valid yet')
    if (error.claim === 'exp' && error.reason === 'missing') return refused('has no end (exp), and one without is not taken')
    return refused(`has a claim ${error.claim} that is not as it should be`)
  }
  return refused('cannot be verified', error)
}

/** Never with a piece of the token. */
export function refused(what: string, cause?: unknown): ProxyError {
  return new ProxyError('UnknownKey', `the bearer token ${what}`, cause === undefined ? {} : { cause })
}

/** Dates of JavaScript end here. */
const lastDate = 8.64e15

export function expired(at: number): ProxyError {
  const when = Math.abs(at) <= lastDate ? ` at ${new Date(at).toISOString()}` : ''
  return new ProxyError('ExpiredKey', `the bearer token expired${when}`)
}
