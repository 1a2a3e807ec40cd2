import { X509Certificate } from 'node:crypto'
import { readCertificates } from '../files/pem.ts'
import type { PeerCertificate } from '../model/identity.ts'

/** Whom callers' certificates have to be of, now. */
export interface ClientAuthorities {
  /**
   * Whether a certificate that verified in a handshake would lead to an authority that is in
   * force now: connections stay open when one is taken out.
   */
  trusts(certificate: PeerCertificate): boolean
  /** PEM; undefined: nobody. */
  replace(pem: string | undefined): void
}

export function createClientAuthorities(pem?: string): ClientAuthorities {
  let inForce = authoritiesOf(pem)
  return {
    trusts(certificate) {
      const known = inForce.judged.get(certificate)
      if (known !== undefined) return known
      const trusted = leadsTo(certificate.chain.map(der => new X509Certificate(der)), inForce.authorities)
      inForce.judged.set(certificate, trusted)
      return trusted
    },
    replace(next) {
      if (next !== inForce.pem) inForce = authoritiesOf(next)
    },
  }
}

function authoritiesOf(pem: string | undefined) {
  const authorities = pem === undefined ? [] : readCertificates(pem).map(text => new X509Certificate(text))
  // For OpenSSL a chain ends at one that is its own issuer: another in the file is a link at most.
  return { pem, authorities, judged: new WeakMap<PeerCertificate, boolean>() }
}

/** Longer than any chain that OpenSSL has taken, and short enough for one that leads nowhere. */
const deepest = 10

/** Links to an authority that ends the chain. Dates, purposes and names were looked at in the handshake. */
function leadsTo(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean {
  let [current] = chain
  for (let depth = 0; current !== undefined && depth < deepest; depth += 1) {
    const below: X509Certificate = current
    if (authorities.some(authority => isOwnIssuer(authority) && signed(authority, below))) return true
    current = [...chain.slice(1), ...authorities].find(one => !one.raw.equals(below.raw) && signed(one, below))
  }
  return false
}

function isOwnIssuer(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer
}

function signed(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}
