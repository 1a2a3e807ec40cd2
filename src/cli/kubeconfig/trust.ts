import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { rootCertificates } from 'node:tls'
import { readCertificates } from '../../files/pem.ts'

/** What a client needs so that it trusts a server. */
export type Trust =
  /** One certificate, PEM. */
  | { readonly kind: 'certificate', readonly pem: string }
  /** Nothing: every client knows the CA. */
  | { readonly kind: 'public' }
  /** The CA, which is not in the file. */
  | { readonly kind: 'elsewhere', readonly issuer: string }

/**
 * Of a server's certificate file: the certificate itself, where it is self-signed, or the highest CA
 * of its chain in the file. An intermediate one does, too, for Go's verifier (crypto/x509) takes
 * whatever stands in `certificate-authority-data` for a root. Throws where it is no certificate in PEM.
 */
export function trustOf(pem: string, publicRoots: readonly string[] = rootCertificates): Trust {
  const file = readCertificates(pem).map(block => new X509Certificate(block))
  const top = highest(file)
  const isPublic = () => publicRoots.map(root => new X509Certificate(root)).some(root => root.fingerprint256 === top.fingerprint256 || isIssuedBy(top, root))
  if (top !== file[0] || isSelfSigned(top)) {
    // A public CA's intermediate ones come and go; a self-signed certificate is nobody's but its own.
    return top !== file[0] && isPublic() ? { kind: 'public' } : { kind: 'certificate', pem: top.toString() }
  }
  return isPublic() ? { kind: 'public' } : { kind: 'elsewhere', issuer: top.issuer.replaceAll('\n', ', ') }
}

/** Whether the server's certificate, the first in the file, is for a host of a URL. */
export function isFor(pem: string, hostname: string): boolean {
  const certificate = new X509Certificate(readCertificates(pem)[0] ?? '')
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  return (isIP(address) === 0 ? certificate.checkHost(address) : certificate.checkIP(address)) !== undefined
}

/** From the first certificate upwards, as far as the file goes. */
function highest(file: readonly X509Certificate[]): X509Certificate {
  let [top, ...others] = file
  for (let next = top; next !== undefined; others = others.filter(other => other !== top)) {
    top = next
    next = isSelfSigned(top) ? undefined : others.find(other => other.ca && isIssuedBy(next, other))
  }
  if (top === undefined) throw new Error('there is no certificate')
  return top
}

/** By names and key identifiers: the file is our own, and a wrong one of them shows at the first connection. */
function isIssuedBy(certificate: X509Certificate | undefined, issuer: X509Certificate): boolean {
  return certificate?.checkIssued(issuer) === true
}

/** By its key alone: one that is no CA may not sign certificates, and OpenSSL then says that it has issued nothing. */
function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey)
}
