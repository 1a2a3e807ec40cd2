import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Authority } from './certificates.ts'
import type { Scope } from './scope.ts'

export type Fields = Readonly<Record<string, unknown>>

/** A key pair as an issuer has it. */
export interface SigningKey {
  readonly algorithm: 'RS256' | 'ES256' | 'PS256'
  readonly id: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export function signingKey(id: string, algorithm: SigningKey['algorithm'] = 'ES256'): SigningKey {
  const pair = algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { algorithm, id, ...pair }
}

/** As it stands in a JWKS. */
export function jwkOf({ id, publicKey }: SigningKey, more: Fields = {}): Fields {
  return { ...publicKey.export({ format: 'jwk' }), kid: id, use: 'sig', ...more }
}

export const jwksOf = (...keys: readonly SigningKey[]): string => JSON.stringify({ keys: keys.map((key) => jwkOf(key)) })

export const part = (fields: Fields | string): string => Buffer.from(typeof fields === 'string' ? fields : JSON.stringify(fields)).toString('base64url')

/** Seconds since the epoch. */
export const seconds = (fromNow = 0): number => Math.floor(Date.now() / 1000) + fromNow

/** Any header and any payload, as they are written, with a signature that fits them. */
export function signedBy(key: SigningKey, header: Fields | string, payload: Fields | string): string {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${signatureOf(key, input)}`
}

function signatureOf({ algorithm, privateKey }: SigningKey, input: string): string {
  const options = algorithm === 'ES256'
    ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
    : { key: privateKey, ...algorithm === 'PS256' ? { padding: 6, saltLength: 32 } : {} }
  return sign('sha256', Buffer.from(input), options).toString('base64url')
}

/** An HMAC over it by any bytes: what algorithm confusion sends. */
export function hmacBy(secret: string | Buffer, header: Fields, payload: Fields): string {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** A token as a well-behaved issuer signs it, for ten minutes. */
export function tokenOf(key: SigningKey, claims: Fields, header: Fields = {}): string {
  return signedBy(key, { alg: key.algorithm, typ: 'JWT', kid: key.id, ...header }, { iat: seconds(), exp: seconds(600), ...claims })
}

/** An issuer's web server. */
export interface IssuerServer {
  /** Its name, and where it is. */
  readonly issuer: string
  readonly jwksUri: string
  /** Paths that were asked for. */
  readonly asked: string[]
  /** The keys that it tells of from now on. */
  publish(...keys: readonly SigningKey[]): void
  /** Answers itself from now on; undefined: as it should. */
  answer(handler: ((request: IncomingMessage, response: ServerResponse) => void) | undefined): void
  stop(): Promise<void>
}

/** On a port of its own, over TLS for localhost, with discovery. */
export async function startIssuer(t: Scope, authority: Authority, ...keys: readonly SigningKey[]): Promise<IssuerServer> {
  let published = jwksOf(...keys)
  let own: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  const asked: string[] = []
  const server = createServer(authority.issue(), (request, response) => {
    asked.push(request.url ?? '')
    if (own !== undefined) return own(request, response)
    const json = request.url === '/jwks' ? published : JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks` })
    response.setHeader('content-type', 'application/json').end(json)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.teardown(stop)
  return {
    issuer, jwksUri: `${issuer}/jwks`, asked, stop,
    publish: (...next) => { published = jwksOf(...next) },
    answer: (handler) => { own = handler },
  }
}
