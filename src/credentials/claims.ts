import { decodeJwt } from 'jose/jwt/decode'
import { asFields, type Fields } from '../json-fields.ts'
import type { Account } from '../model/verdict.ts'
import { timeOf } from './times.ts'

/** What a token or a certificate says of itself. Unverified: it is our own, and the API server judges it. Times in milliseconds since the epoch. */
export interface Claims {
  /** As the API server names it: `system:serviceaccount:ns:name`, the CN of a certificate. */
  readonly user: string | undefined
  /** Where that is a service account. */
  readonly account: Account | undefined
  readonly issuer: string | undefined
  readonly audience: readonly string[]
  readonly issuedAt: number | undefined
  readonly notBefore: number | undefined
  readonly expiresAt: number | undefined
  /** Objects whose deletion ends it (KEP-1205), as in `pod ns/name`. */
  readonly boundTo: readonly string[]
}

export const noClaims: Claims = {
  user: undefined, account: undefined, issuer: undefined, audience: [],
  issuedAt: undefined, notBefore: undefined, expiresAt: undefined, boundTo: [],
}

/** An opaque token (OpenShift's `sha256~…`) says nothing. */
export function readClaims(token: string): Claims {
  try {
    const payload = decodeJwt(token)
    const account = boundAccount(payload) ?? legacyAccount(payload) ?? subjectAccount(payload.sub)
    return {
      user: payload.sub ?? (account === undefined ? undefined : `system:serviceaccount:${account.namespace}:${account.name}`),
      account,
      issuer: payload.iss,
      audience: [payload.aud ?? []].flat(),
      issuedAt: milliseconds(payload.iat),
      notBefore: milliseconds(payload.nbf),
      expiresAt: milliseconds(payload.exp),
      boundTo: boundTo(payload),
    }
  } catch {
    return noClaims
  }
}

function milliseconds(seconds: unknown): number | undefined {
  return typeof seconds === 'number' ? timeOf(seconds * 1000) : undefined
}

// TokenRequest and projected tokens: { "kubernetes.io": { namespace, serviceaccount: { name, uid } } }.
function boundAccount(payload: Fields): Account | undefined {
  const claim = asFields(payload['kubernetes.io'])
  return toAccount(claim['namespace'], asFields(claim['serviceaccount'])['name'])
}

const legacy = 'kubernetes.io/serviceaccount/'

// Tokens of Secrets of type kubernetes.io/service-account-token.
function legacyAccount(payload: Fields): Account | undefined {
  return toAccount(payload[`${legacy}namespace`], payload[`${legacy}service-account.name`])
}

function subjectAccount(subject: string | undefined): Account | undefined {
  return accountOfUser(subject ?? '')
}

/** Undefined for whoever is no service account. */
export function accountOfUser(user: string): Account | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? []
  return toAccount(namespace, name)
}

function boundTo(payload: Fields): string[] {
  const claim = asFields(payload['kubernetes.io'])
  const secret = payload[`${legacy}secret.name`]
  return [
    ...['pod', 'secret', 'node'].flatMap(kind => named(kind, asFields(claim[kind])['name'], kind === 'node' ? undefined : claim['namespace'])),
    ...named('secret', secret, payload[`${legacy}namespace`]),
  ]
}

function named(kind: string, name: unknown, namespace: unknown): string[] {
  if (typeof name !== 'string') return []
  return [typeof namespace === 'string' ? `${kind} ${namespace}/${name}` : `${kind} ${name}`]
}

function toAccount(namespace: unknown, name: unknown): Account | undefined {
  return typeof namespace === 'string' && typeof name === 'string' ? { namespace, name } : undefined
}
