import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Callers } from '../callers/callers.ts'
import { ProxyError } from '../errors.ts'
import type { Issuers } from '../issuers/issuers.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Caller, CallerDefinition } from '../model/caller.ts'
import type { Authenticator } from './authenticator.ts'
import { readCarrier } from './carrier.ts'
import { readJwt } from './jwt-reading.ts'
import { callersOf, trustedIssuers, type Trusted } from './jwt-trusted.ts'
import { expired, refused, verifyJwt, type VerifiedJwt } from './jwt-verify.ts'

export interface JwtOptions {
  /** Whose issuers are in use already when it tells of a change. */
  readonly callers: Pick<Callers, 'all' | 'onChange'>
  readonly issuers: Pick<Issuers, 'of' | 'onChange'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: { warn(facts: object, message: string): void }
}

/** Verified tokens that are known again: so many, and of so many characters together. */
const known = { max: 10_000, maxSize: 16 * 1024 * 1024 }

/**
 * Bearer tokens that are JWTs of an issuer whom some caller names. From then on every
 * failure is a refusal: another authenticator would take it for something else.
 */
export function createJwtAuthenticator(options: JwtOptions): Authenticator {
  const authenticator = new JwtAuthenticator(options)
  options.callers.onChange(() => authenticator.reload())
  options.issuers.onChange(() => authenticator.forget())
  return { authenticate: arrival => authenticator.authenticate(arrival), recheck: caller => authenticator.recheck(caller) }
}

class JwtAuthenticator implements Authenticator {
  readonly #options: JwtOptions
  /** By its digest, until it ends or anything changes: a signature costs as much as the rest of a request. */
  readonly #verified = new LRUCache<string, Caller>(known)
  readonly #origins = new WeakMap<Caller, VerifiedJwt>()
  readonly #told = new Set<string>()
  #trusted: ReadonlyMap<string, Trusted>

  constructor(options: JwtOptions) {
    this.#options = options
    this.#trusted = trustedIssuers(options.callers.all(), options.issuers)
  }

  async authenticate({ rawHeaders }: Arrival): Promise<Caller | undefined> {
    const carrier = readCarrier(rawHeaders)
    // X-API-Key is for keys alone.
    if (carrier === undefined || carrier.kind === 'x-api-key') return undefined
    const { token } = carrier
    const unverified = readJwt(token)
    const vouchers = unverified && this.#trusted.get(unverified.issuer)?.vouchers
    if (unverified === undefined || vouchers === undefined) return undefined
    const { now } = this.#options
    const digest = createHash('sha256').update(token).digest('base64')
    const before = this.#verified.get(digest)
    if (before?.expiresAt !== undefined && before.expiresAt > now()) return before
    const jwt = await verifyJwt(token, unverified, { vouchers, now })
    // What is in force may have changed meanwhile: decided is by what is in force now.
    const caller = this.#decide(jwt)
    if (caller instanceof ProxyError) throw caller
    this.#verified.set(digest, caller, { size: token.length })
    return caller
  }

  recheck(caller: Caller): Caller | ProxyError | undefined {
    const jwt = this.#origins.get(caller)
    if (jwt === undefined) return undefined
    return jwt.expiresAt <= this.#options.now() ? expired(jwt.expiresAt) : this.#decide(jwt)
  }

  reload(): void {
    this.#trusted = trustedIssuers(this.#options.callers.all(), this.#options.issuers)
    this.#told.clear()
    this.forget()
  }

  forget(): void {
    this.#verified.clear()
  }

  #decide(jwt: VerifiedJwt): Caller | ProxyError {
    const found = callersOf(jwt, this.#trusted.get(jwt.issuer)?.groups ?? [])
    if (found instanceof ProxyError) return found
    const [definition, other] = found
    if (definition === undefined) return refused('does not say what any caller\'s claims ask for')
    if (other === undefined) return this.#callerOf(definition, jwt)
    this.#tell(jwt.issuer, [definition.name, other.name])
    return new ProxyError('AmbiguousCredential', 'the bearer token is that of more than one caller')
  }

  #callerOf(definition: CallerDefinition, jwt: VerifiedJwt): Caller {
    const caller: Caller = { definition, credentialId: `jwt:${jwt.issuer}`, expiresAt: jwt.expiresAt, extra: extraOf(jwt) }
    this.#origins.set(caller, jwt)
    return caller
  }

  /** Once until a reload: whoever holds the token could fill the log with it. */
  #tell(issuer: string, callers: readonly string[]): void {
    if (this.#told.has(callers.join())) return
    this.#told.add(callers.join())
    this.#options.log.warn({ issuer, callers }, 'a token is more than one caller: it is refused')
  }
}

/** Characters of what an issuer may write into our audit log. */
const longestClaim = 1024

/** As the API server's own authenticator tells the credential (KEP-4193), and whom the issuer meant. */
function extraOf({ claims: { jti, sub } }: VerifiedJwt): Caller['extra'] {
  return {
    ...typeof jti === 'string' ? { 'authentication.kubernetes.io/credential-id': [`JTI=${jti.slice(0, longestClaim)}`] } : {},
    ...typeof sub === 'string' ? { 'portcullis.dev/subject': [sub.slice(0, longestClaim)] } : {},
  }
}
