import { decodeJwt } from 'jose'
import type { Account } from '../model/verdict.ts'

/** What a service-account token says of itself. Unverified: it is our own, and the API server judges it. */
export interface Claims {
  readonly account: Account | undefined
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined
  readonly issuer: string | undefined
  readonly audience: readonly string[]
}

const none: Claims = { account: undefined, expiresAt: undefined, issuer: undefined, audience: [] }

/** An opaque token (OpenShift's `sha256~…`) says nothing. */
export function readClaims(token: string): Claims {
  try {
    const payload = decodeJwt(token)
    return {
      account: boundAccount(payload) ?? legacyAccount(payload) ?? subjectAccount(payload.sub),
      expiresAt: typeof payload.exp === 'number' ? payload.exp * 1000 : undefined,
      issuer: payload.iss,
      audience: [payload.aud ?? []].flat(),
    }
  } catch {
    return none
  }
}

type Fields = Readonly<Record<string, unknown>>

// TokenRequest and projected tokens: { "kubernetes.io": { namespace, serviceaccount: { name, uid } } }.
function boundAccount(payload: Fields): Account | undefined {
  const claim = asFields(payload['kubernetes.io'])
  return toAccount(claim['namespace'], asFields(claim['serviceaccount'])['name'])
}

// Tokens of Secrets of type kubernetes.io/service-account-token.
function legacyAccount(payload: Fields): Account | undefined {
  return toAccount(payload['kubernetes.io/serviceaccount/namespace'], payload['kubernetes.io/serviceaccount/service-account.name'])
}

function subjectAccount(subject: string | undefined): Account | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(subject ?? '') ?? []
  return toAccount(namespace, name)
}

function toAccount(namespace: unknown, name: unknown): Account | undefined {
  return typeof namespace === 'string' && typeof name === 'string' ? { namespace, name } : undefined
}

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? value as Fields : {}
}
