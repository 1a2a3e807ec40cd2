import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { LRUCache } from 'lru-cache'
import { readSubjectAltNames } from '../addresses/subject-alt-name.ts'
import type { PeerCertificate } from '../model/identity.ts'
import type { RawRequest } from './arrival.ts'

/** By connection: what was shown in its handshake stays what it was. */
const known = new WeakMap<object, PeerCertificate | undefined>()

/** Chains of certificates that were seen whole, by the first one's digest. */
const chains = new LRUCache<string, readonly Uint8Array[]>({ max: 10_000 })

/** The certificate that the client of a request's connection showed, where it verified; undefined without one. */
export function peerCertificateOf(raw: RawRequest): PeerCertificate | undefined {
  // The session's own view of its socket stays the same.
  const socket = raw.socket as TLSSocket | undefined
  if (socket === undefined || !('encrypted' in socket)) return undefined
  if (!known.has(socket)) known.set(socket, read(socket))
  return known.get(socket)
}

function read(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  if (certificate === undefined) return undefined
  return {
    chain: chainOf(certificate, socket.isSessionReused()),
    subject: subjectOf(certificate),
    subjectAltNames: readSubjectAltNames(certificate.subjectAltName ?? ''),
    publicKeySha256: createHash('sha256').update(certificate.publicKey.export({ type: 'spki', format: 'der' })).digest('hex'),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  }
}

/** A resumed session (RFC 8446 §2.2) remembers the first certificate alone. */
function chainOf(certificate: X509Certificate, resumed: boolean): readonly Uint8Array[] {
  const digest = certificate.fingerprint256
  const before = resumed ? chains.get(digest) : undefined
  if (before !== undefined) return before
  const chain: Uint8Array[] = []
  for (let one: X509Certificate | undefined = certificate; one !== undefined; one = one.issuerCertificate) chain.push(one.raw)
  if (!resumed) chains.set(digest, chain)
  return chain
}

/** An attribute that is there once is a text, one that is there again a list. */
function subjectOf(certificate: X509Certificate): PeerCertificate['subject'] {
  const { subject } = certificate.toLegacyObject() as { readonly subject?: Readonly<Record<string, string | string[]>> }
  return Object.fromEntries(Object.entries(subject ?? {}).map(([name, values]) => [name, [values].flat()]))
}
