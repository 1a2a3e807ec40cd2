import { resolve } from 'node:path'
import { canonicalName } from '../addresses/subject-alt-name.ts'
import type { CertificateCondition, ClaimCondition, Identities, JwtCondition, KeySource } from '../model/identity.ts'
import type { WrittenClientCertificate, WrittenIdentities, WrittenJwt } from './schema-identity.ts'

/** The checked credentials of a caller that are no keys; undefined without any. `folder`: what files are relative to. */
export function buildIdentities({ jwt, clientCertificate }: WrittenIdentities, folder: () => string): Identities | undefined {
  if (jwt === undefined && clientCertificate === undefined) return undefined
  return {
    jwts: listOf(jwt).map(one => buildJwt(one, folder)),
    certificates: listOf(clientCertificate).map(buildCertificate),
  }
}

/** What may be written as one or as a list. */
export function listOf<T>(written: T | readonly T[] | undefined): readonly T[] {
  if (written === undefined) return []
  return Array.isArray(written) ? written as readonly T[] : [written as T]
}

function buildJwt(jwt: WrittenJwt, folder: () => string): JwtCondition {
  return {
    issuer: jwt.issuer,
    audiences: listOf(jwt.audience),
    source: buildSource(jwt, folder),
    algorithms: jwt.algorithms,
    claims: flatten(jwt.claims),
  }
}

function buildSource({ issuer, jwksFile, jwksUri, caFile: written }: WrittenJwt, folder: () => string): KeySource {
  if (jwksFile !== undefined) return { kind: 'file', file: resolve(folder(), jwksFile) }
  const caFile = written === undefined ? undefined : resolve(folder(), written)
  return jwksUri === undefined ? { kind: 'discovery', issuer, caFile } : { kind: 'uri', uri: jwksUri, caFile }
}

function flatten(claims: Readonly<Record<string, unknown>>, before: readonly string[] = []): ClaimCondition[] {
  return Object.entries(claims).flatMap(([name, expected]): ClaimCondition[] => {
    const path = [...before, name]
    return typeof expected === 'string' || typeof expected === 'number' || typeof expected === 'boolean'
      ? [{ path, expected }]
      : flatten(expected as Readonly<Record<string, unknown>>, path)
  })
}

/** As OpenSSL writes them, and node's certificates after it. */
const shortNames = {
  commonName: 'CN', organization: 'O', organizationalUnit: 'OU', country: 'C', state: 'ST', locality: 'L',
  domainComponent: 'DC', userId: 'UID', emailAddress: 'emailAddress', serialNumber: 'serialNumber',
} as const satisfies Record<keyof NonNullable<WrittenClientCertificate['subject']>, string>

function buildCertificate({ subject, subjectAltName, publicKeySha256 }: WrittenClientCertificate): CertificateCondition {
  return {
    subject: subject && Object.fromEntries(Object.entries(shortNames).flatMap(([name, short]) => {
      const values = subject[name as keyof typeof shortNames]
      return values === undefined ? [] : [[short, listOf(values)]]
    })),
    // One that cannot be read is no certificate's.
    subjectAltName: subjectAltName === undefined ? undefined : canonicalName(subjectAltName) ?? '',
    publicKeySha256: publicKeySha256?.toLowerCase(),
  }
}
