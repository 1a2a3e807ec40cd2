import { listOf } from '../callers/build-identity.ts'
import type { WrittenClientCertificate, WrittenJwt } from '../callers/schema-identity.ts'

/** What is a caller beside its keys, a line each. What a terminal would obey is a blank. */
export function identityWords({ jwt, clientCertificate }: { readonly jwt: readonly WrittenJwt[], readonly clientCertificate: readonly WrittenClientCertificate[] }): string[] {
  return [...jwt.map(jwtWords), ...clientCertificate.map(certificateWords)].map(line => line.replace(/\p{Cc}+/gu, ' '))
}

function jwtWords({ issuer, audience, claims, jwksFile, jwksUri }: WrittenJwt): string {
  const keys = jwksFile === undefined ? jwksUri ?? 'discovery' : `file ${jwksFile}`
  return `a token of ${issuer} for ${listOf(audience).join(' or ')}, by its keys from ${keys}, that says ${claimWords(claims).join(' and ')}`
}

function claimWords(claims: Readonly<Record<string, unknown>>, before = ''): string[] {
  return Object.entries(claims).flatMap(([name, expected]) => typeof expected === 'object' && expected !== null
    ? claimWords(expected as Readonly<Record<string, unknown>>, `${before}${name}.`)
    : [`${before}${name}: ${JSON.stringify(expected)}`])
}

function certificateWords({ subject, subjectAltName, publicKeySha256 }: WrittenClientCertificate): string {
  const parts = [
    ...subject === undefined ? [] : [`subject ${Object.entries(subject).map(([name, values]) => `${name} ${listOf(values).join(' and ')}`).join(', ')}`],
    ...subjectAltName === undefined ? [] : [subjectAltName],
    ...publicKeySha256 === undefined ? [] : [`public key ${publicKeySha256}`],
  ]
  return `a client certificate with ${parts.join('; ')}`
}
