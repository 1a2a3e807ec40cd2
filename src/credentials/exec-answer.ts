import { readCertificate } from './certificate.ts'
import { noClaims, type Claims } from './claims.ts'
import type { ExecApiVersion } from './exec-info.ts'
import type { Material } from './followed.ts'
import { timeOf } from './times.ts'
import { readToken } from './token.ts'

export interface ReadAnswerOptions {
  readonly apiVersion: ExecApiVersion
  /** Milliseconds since the epoch: when it was given. */
  readonly now: number
}

type Fields = Readonly<Record<string, unknown>>

/** The credential in what a plugin wrote (an ExecCredential with a status). Throws where there is none in it; the message repeats nothing of it. */
export function readAnswer(stdout: string, { apiVersion, now }: ReadAnswerOptions): Material {
  const status = readStatus(stdout, apiVersion)
  const token = optionalText(status, 'token')
  const cert = optionalText(status, 'clientCertificateData')
  const key = optionalText(status, 'clientKeyData')
  if ((cert === undefined) !== (key === undefined)) throw new Error('gave clientCertificateData or clientKeyData without the other')
  if (token === undefined && cert === undefined) throw new Error('gave neither a token nor a certificate with its key')

  const bearer = token === undefined ? undefined : within('token', () => readToken(token))
  const pair = cert === undefined || key === undefined ? undefined : within('certificate', () => readCertificate({ cert, key }))
  const claims = joined(pair?.claims ?? noClaims, bearer?.claims ?? noClaims, now)
  return {
    presented: { authorization: bearer?.presented.authorization, certificate: pair?.presented.certificate },
    claims: { ...claims, expiresAt: readExpiry(status) ?? claims.expiresAt },
  }
}

function readStatus(stdout: string, apiVersion: ExecApiVersion): Fields {
  const answer = parse(stdout)
  if (answer['kind'] !== 'ExecCredential') throw new Error('answered with something else than an ExecCredential')
  // Its value is not repeated: who knows what it is.
  if (answer['apiVersion'] !== apiVersion) throw new Error(`answered in another apiVersion than ${apiVersion}, which the config asks for`)
  const status = answer['status']
  if (!isFields(status)) throw new Error('answered without a status')
  return status
}

function parse(stdout: string): Fields {
  let answer: unknown
  try {
    answer = JSON.parse(stdout)
  } catch {
    // What JSON.parse says repeats the text.
    throw new Error('answered with something that is no JSON')
  }
  if (!isFields(answer)) throw new Error('answered with something else than an ExecCredential')
  return answer
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined for an empty one too, as Go reads it. */
function optionalText(status: Fields, name: string): string | undefined {
  const value = status[name] ?? ''
  if (typeof value !== 'string') throw new Error(`gave a ${name} that is no string`)
  return value === '' ? undefined : value
}

function within<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`gave a ${what} that is none: ${(error as Error).message}`, { cause: error })
  }
}

/** A metav1.Time: RFC 3339. */
function readExpiry({ expirationTimestamp }: Fields): number | undefined {
  if (expirationTimestamp === undefined || expirationTimestamp === null) return undefined
  const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/
  const at = typeof expirationTimestamp === 'string' && rfc3339.test(expirationTimestamp) ? timeOf(Date.parse(expirationTimestamp)) : undefined
  if (at === undefined) throw new Error('gave an expirationTimestamp that is no time in RFC 3339')
  return at
}

/** Of both: the API server asks a certificate first (kube-apiserver's union of authenticators). What neither says of its beginning, it began now. */
function joined(certificate: Claims, token: Claims, now: number): Claims {
  const first = certificate.user === undefined ? token : certificate
  const ends = [certificate.expiresAt, token.expiresAt].filter(end => end !== undefined)
  return {
    ...token,
    user: first.user,
    account: first.account ?? token.account,
    issuer: first.issuer,
    issuedAt: token.issuedAt ?? now,
    notBefore: first.notBefore,
    expiresAt: ends.length === 0 ? undefined : Math.min(...ends),
  }
}
