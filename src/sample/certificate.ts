import type { KeyObject } from 'node:crypto'
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { bits, boolean, explicit, implicit, integer, octets, oid, sequence, set, time, utf8 } from './der.ts'

/** PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** The certificate that clients are to trust, PEM. */
  readonly ca: string
  /** A server certificate for DNS names and IP addresses. */
  issue(names: readonly string[]): Certificate
}

export interface AuthorityOptions {
  /** How long the authority and what it issues are valid. */
  readonly days: number
  readonly clock?: () => number
}

interface Profile {
  readonly subject: Buffer
  readonly publicKey: KeyObject
  readonly extensions: readonly Buffer[]
}

const day = 24 * 3600_000
const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))

/** Makes a certificate authority of its own, whose key exists in memory alone. */
export function makeAuthority({ days, clock = Date.now }: AuthorityOptions): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = commonName(`portcullis sample CA ${randomBytes(4).toString('hex')}`)
  const authorityKey = extension('2.5.29.35', sequence(implicit(0, keyId(publicKey))))
  const certify = ({ subject, publicKey: own, extensions }: Profile) => {
    const validity = sequence(time(clock() - day / 24), time(clock() + days * day))
    const body = sequence(
      explicit(0, integer(Buffer.from([2]))), integer(randomBytes(16)), ecdsaWithSha256, issuer, validity, subject,
      own.export({ type: 'spki', format: 'der' }),
      explicit(3, sequence(...extensions, extension('2.5.29.14', octets(keyId(own))), authorityKey)),
    )
    return pem(sequence(body, ecdsaWithSha256, bits(sign('sha256', body, privateKey))))
  }
  const ca = certify({
    subject: issuer,
    publicKey,
    extensions: [
      extension('2.5.29.19', sequence(boolean(true)), true),
      extension('2.5.29.15', bits(Buffer.from([0b0000_0110]), 1), true),
    ],
  })
  return {
    ca,
    issue: (names) => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const profile = { subject: commonName(names[0] ?? 'localhost'), publicKey: pair.publicKey, extensions: serverExtensions(names) }
      return { cert: certify(profile), key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
    },
  }
}

/** One server certificate with an authority made for it alone. */
export function makeCertificate({ names, ...options }: AuthorityOptions & { readonly names: readonly string[] }): Certificate & { readonly ca: string } {
  const authority = makeAuthority(options)
  return { ca: authority.ca, ...authority.issue(names) }
}

function serverExtensions(names: readonly string[]): Buffer[] {
  return [
    extension('2.5.29.19', sequence(), true),
    extension('2.5.29.15', bits(Buffer.from([0b1000_0000]), 7), true),
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', sequence(...names.map(generalName))),
  ]
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value))
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(name))))
}

/** No name of a host has a colon. To ask `isIP` of one compiles Node's expression for IPv6, 18 ms of a start. */
function generalName(name: string): Buffer {
  return name.includes(':') || isIPv4(name) ? implicit(7, address(name)) : implicit(2, Buffer.from(name))
}

function address(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number))
  const [head = [], tail = []] = ip.split('::').map((half) => half.split(':').filter((group) => group !== '').map((group) => Number.parseInt(group, 16)))
  const groups = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

/** RFC 5280, 4.2.1.2: the SHA-1 of the bits of the public key, which for a P-256 point end the SPKI. */
function keyId(key: KeyObject): Buffer {
  const spki = key.export({ type: 'spki', format: 'der' })
  return createHash('sha1').update(spki.subarray(-65)).digest()
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}(?!$)/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}
