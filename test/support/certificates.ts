import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { bits, generalName, integer, octets, oid, sequence, set, time, tlv, utf8, yes } from './der.ts'

export interface Issued {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS #8. */
  readonly key: string
}

export interface IssueOptions {
  /** DNS names, IP addresses and URIs (with `://`); default: localhost, 127.0.0.1 and ::1. */
  readonly names?: readonly string[]
  /** Milliseconds since the epoch, or a Date. */
  readonly notBefore?: number | Date
  readonly notAfter?: number | Date
  /** Several are all in the subject, in this order. */
  readonly commonName?: string | readonly string[]
  /** Behind it in the subject. */
  readonly organization?: readonly string[]
  /** Default: a new one, EC P-256. */
  readonly pair?: { readonly publicKey: KeyObject, readonly privateKey: KeyObject }
}

export interface Authority {
  /** PEM. */
  readonly ca: string
  issue(options?: IssueOptions): Issued
  /** An intermediate one, which this one vouches for. */
  subordinate(commonName: string): Authority
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))
const hour = 3_600_000

/** A certificate authority of its own, EC P-256. Good for clients and servers both. */
export function makeAuthority(commonName: string | readonly string[] = 'test authority'): Authority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return authorityOf({ name: commonName, key: pair.privateKey, publicKey: pair.publicKey })
}

/** Without a parent it vouches for itself. */
function authorityOf(signer: Signer, parent: Signer = signer): Authority {
  return {
    ca: makeCertificate(parent, { subject: signer.name, publicKey: signer.publicKey, authority: true }, {}),
    subordinate(name) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return authorityOf({ name, key: privateKey, publicKey }, signer)
    },
    issue(options = {}) {
      const { privateKey, publicKey } = options.pair ?? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const subject = options.commonName ?? options.names?.[0] ?? 'localhost'
      return { cert: makeCertificate(signer, { subject, publicKey, authority: false }, options), key: pem(privateKey) }
    },
  }
}

/** A server certificate that no authority vouches for. */
export function selfSigned(options: IssueOptions = {}): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = options.commonName ?? options.names?.[0] ?? 'localhost'
  const signer = { name: subject, key: privateKey, publicKey }
  return { cert: makeCertificate(signer, { subject, publicKey, authority: false }, options), key: pem(privateKey) }
}

interface Signer { readonly name: string | readonly string[], readonly key: KeyObject, readonly publicKey: KeyObject }
interface Subject { readonly subject: string | readonly string[], readonly publicKey: KeyObject, readonly authority: boolean }

function makeCertificate(signer: Signer, { subject, publicKey, authority }: Subject, options: IssueOptions): string {
  const notBefore = Number(options.notBefore ?? Date.now() - hour)
  const notAfter = Number(options.notAfter ?? Date.now() + 24 * hour)
  const toBeSigned = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    nameOf(signer.name),
    sequence(time(notBefore), time(notAfter)),
    nameOf(subject, options.organization),
    spki(publicKey),
    tlv(0xa3, sequence(...extensionsOf(signer, publicKey, authority, options))),
  )
  const der = sequence(toBeSigned, ecdsaWithSha256, bits(sign('sha256', toBeSigned, signer.key)))
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

/** RFC 5280, 4.2.1. */
function extensionsOf(signer: Signer, publicKey: KeyObject, authority: boolean, options: IssueOptions): Buffer[] {
  const identifiers = [
    extension('2.5.29.14', octets(keyIdentifier(publicKey))),
    extension('2.5.29.35', sequence(tlv(0x80, keyIdentifier(signer.publicKey)))),
  ]
  if (authority) {
    const signs = bits(Buffer.from([0b0000_0110]), 1)
    return [...identifiers, critical('2.5.29.19', sequence(yes)), critical('2.5.29.15', signs)]
  }
  const names = options.names ?? ['localhost', '127.0.0.1', '::1']
  const serverAndClient = sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))
  return [
    ...identifiers,
    critical('2.5.29.15', bits(Buffer.from([0b1000_0000]), 7)),
    extension('2.5.29.37', serverAndClient),
    extension('2.5.29.17', sequence(...names.map(generalName))),
  ]
}

const extension = (id: string, value: Buffer) => sequence(oid(id), octets(value))
const critical = (id: string, value: Buffer) => sequence(oid(id), yes, octets(value))
const attribute = (id: string) => (value: string) => set(sequence(oid(id), utf8(value)))
const nameOf = (commonName: string | readonly string[], organization: readonly string[] = []) =>
  sequence(...[commonName].flat().map(attribute('2.5.4.3')), ...organization.map(attribute('2.5.4.10')))
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' })
const keyIdentifier = (key: KeyObject) => createHash('sha1').update(spki(key)).digest()
const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
