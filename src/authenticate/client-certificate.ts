import type { Callers } from '../callers/callers.ts'
import { ProxyError } from '../errors.ts'
import type { ClientAuthorities } from '../issuers/client-authorities.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Caller, CallerDefinition } from '../model/caller.ts'
import type { PeerCertificate } from '../model/identity.ts'
import type { Authenticator } from './authenticator.ts'
import { readCarrier } from './carrier.ts'
import { CertificateOwners } from './certificate-owners.ts'

export interface ClientCertificateOptions {
  readonly callers: Pick<Callers, 'all' | 'onChange'>
  readonly trusts: ClientAuthorities['trusts']
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: { warn(facts: object, message: string): void }
}

/**
 * Client certificates that are some caller's. One that is nobody's only secures the
 * connection, and another authenticator may find a key; beside one that is somebody's a
 * key would be a second credential, so this one has to be asked first.
 */
export function createClientCertificateAuthenticator(options: ClientCertificateOptions): Authenticator {
  const authenticator = new ClientCertificateAuthenticator(options)
  options.callers.onChange(() => authenticator.reload())
  return { authenticate: arrival => authenticator.authenticate(arrival), recheck: caller => authenticator.recheck(caller) }
}

class ClientCertificateAuthenticator implements Authenticator {
  readonly #options: ClientCertificateOptions
  readonly #origins = new WeakMap<Caller, PeerCertificate>()
  readonly #told = new Set<string>()
  #all: CertificateOwners
  #owners = new WeakMap<PeerCertificate, readonly CallerDefinition[]>()

  constructor(options: ClientCertificateOptions) {
    this.#options = options
    this.#all = new CertificateOwners(options.callers.all())
  }

  authenticate({ certificate, rawHeaders }: Arrival): Caller | undefined {
    const answer = certificate && this.#judge(certificate)
    if (answer === undefined) return undefined
    if (readCarrier(rawHeaders) !== undefined) {
      throw new ProxyError('AmbiguousCredential', 'the client certificate is a credential, and the request carries another one; send exactly one')
    }
    if (answer instanceof ProxyError) throw answer
    return answer
  }

  recheck(caller: Caller): Caller | ProxyError | undefined {
    const certificate = this.#origins.get(caller)
    return certificate && (this.#judge(certificate) ?? new ProxyError('UnknownKey', 'this client certificate is no caller\'s any more'))
  }

  reload(): void {
    this.#all = new CertificateOwners(this.#options.callers.all())
    this.#owners = new WeakMap()
    this.#told.clear()
  }

  /** Undefined: nobody's. */
  #judge(certificate: PeerCertificate): Caller | ProxyError | undefined {
    const { trusts, now } = this.#options
    const [definition, other] = this.#ownersOf(certificate)
    if (definition === undefined) return undefined
    const refusal = refusalOf(certificate, { trusted: trusts(certificate), now: now(), ambiguous: other !== undefined })
    if (refusal !== undefined) return refusal
    const caller: Caller = { definition, credentialId: `cert:${certificate.publicKeySha256.slice(0, 16)}`, expiresAt: certificate.notAfter }
    this.#origins.set(caller, certificate)
    return caller
  }

  #ownersOf(certificate: PeerCertificate): readonly CallerDefinition[] {
    const known = this.#owners.get(certificate)
    if (known !== undefined) return known
    const owners = this.#all.of(certificate)
    this.#owners.set(certificate, owners)
    if (owners.length > 1) this.#tell(owners.map(({ name }) => name))
    return owners
  }

  /** Once until a reload: whoever has the certificate could fill the log with it. */
  #tell(callers: readonly string[]): void {
    if (this.#told.has(callers.join())) return
    this.#told.add(callers.join())
    this.#options.log.warn({ callers }, 'a client certificate is more than one caller: it is refused')
  }
}

interface Circumstances {
  readonly trusted: boolean
  readonly now: number
  readonly ambiguous: boolean
}

function refusalOf({ notBefore, notAfter }: PeerCertificate, { trusted, now, ambiguous }: Circumstances): ProxyError | undefined {
  if (!trusted) return new ProxyError('UnknownKey', 'the authority of this client certificate is not trusted here any more')
  if (ambiguous) return new ProxyError('AmbiguousCredential', 'this client certificate is that of more than one caller')
  // The handshake was then; its connection, and a session that is resumed, may be much later.
  if (!(notAfter > now)) return new ProxyError('ExpiredKey', 'this client certificate has expired')
  if (!(notBefore <= now)) return new ProxyError('UnknownKey', 'this client certificate is not valid yet')
  return undefined
}
