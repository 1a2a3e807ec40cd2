import type { Claims } from './claims.ts'
import type { CredentialFacts, CredentialKind } from './credential.ts'
import { timestamp } from './times.ts'

export interface DiagnoseOptions {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What the API server took last; undefined before it took any. */
  readonly accepted: Claims | undefined
}

/**
 * Why the API server said 401 to our own credential, as far as the credential itself tells:
 * expired, not valid yet, made for somebody else, from another cluster or CA, or else its
 * account is gone. May be shown to a caller: no path, no address, no secret.
 */
export function whyRejected({ kind, claims }: CredentialFacts, { now, accepted }: DiagnoseOptions): string {
  const { user, expiresAt, notBefore } = claims
  const whose = user === undefined ? kind : `${kind}, ${user}`
  if (expiresAt !== undefined && expiresAt <= now) return `${whose}: it expired at ${timestamp(expiresAt)}`
  if (notBefore !== undefined && notBefore > now) return `${whose}: it is not valid before ${timestamp(notBefore)}; do the clocks agree?`
  return `${whose}: ${wrongAudience(claims) ?? wrongCluster(claims, accepted) ?? (isCertificate(kind, claims) ? unknownIssuer(claims) : notKnownThere(claims))}`
}

/** A plugin or a kubeconfig may give one too: its issuer is known then, and nothing that a token would say of itself. */
function isCertificate(kind: CredentialKind, { issuer, account, audience }: Claims): boolean {
  return kind === 'clientCertificate' || (issuer !== undefined && account === undefined && audience.length === 0)
}

/** Nobody can revoke one, and it needs no account: the API server says 401 to a certificate of a CA that is not its own. */
function unknownIssuer({ issuer }: Claims): string {
  return `its issuer${issuer === undefined ? '' : ` (${issuer})`} is none of the API server's --client-ca-file, or it is for another cluster`
}

/** By default the API server's one audience is its issuer (kube-apiserver --api-audiences). */
function wrongAudience({ audience, issuer }: Claims): string | undefined {
  if (audience.length === 0 || issuer === undefined || audience.includes(issuer)) return undefined
  return `wrong audience? it is for ${audience.join(', ')}, and its issuer is ${issuer}`
}

function wrongCluster({ issuer }: Claims, accepted: Claims | undefined): string | undefined {
  if (issuer === undefined || accepted?.issuer === undefined || issuer === accepted.issuer) return undefined
  return `wrong cluster? it was issued by ${issuer}, and the last one that was accepted by ${accepted.issuer}`
}

function notKnownThere({ account, boundTo, issuer }: Claims): string {
  const gone = ['its account', ...boundTo.map(object => `the ${object} that it is bound to`)].join(' or ')
  if (account === undefined) return 'it was revoked, or its account was deleted, or it is for another cluster'
  return `${gone} was deleted, or it is for another cluster${issuer === undefined ? '' : ` (issued by ${issuer})`}`
}
