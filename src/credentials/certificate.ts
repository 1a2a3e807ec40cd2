import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { readCertificates } from '../files/pem.ts'
import { certificateClaims } from './certificate-claims.ts'
import type { ClientCertificate } from './credential.ts'
import type { Material } from './followed.ts'

/** A certificate with its chain, leaf first, and its private key, as a credential. Throws where they are no such pair; the message repeats neither. */
export function readCertificate({ cert, key }: ClientCertificate): Material {
  // Its certificates alone: a file may hold the key as well.
  const chain = readCertificates(cert)
  const leaf = new X509Certificate(chain[0] ?? '')
  if (!leaf.checkPrivateKey(readKey(key))) throw new Error('the private key is not that of the certificate (the first one, where there is a chain)')
  const certificate = { cert: `${chain.join('\n')}\n`, key }
  tryOut(certificate)
  return { presented: { authorization: undefined, certificate }, claims: certificateClaims(leaf) }
}

function readKey(text: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw new Error('there is no private key in PEM (a BEGIN PRIVATE KEY line)')
  if (/BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(text)) throw new Error('the private key is encrypted, and nobody is there to type its passphrase: decrypt it (openssl pkey -in … -out …)')
  try {
    return createPrivateKey(text)
  } catch (cause) {
    throw new Error('the private key is broken', { cause })
  }
}

/** What TLS will not take (a key that is too short) is found here, and not when the next connection is opened. */
function tryOut(certificate: ClientCertificate): void {
  try {
    createSecureContext(certificate)
  } catch (cause) {
    throw new Error('TLS does not take the certificate and its private key', { cause })
  }
}
