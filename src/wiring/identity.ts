import type { Logger } from 'pino'
import type { Callers } from '../callers/callers.ts'
import type { Config } from '../config/config.ts'
import { createClientAuthorities, type ClientAuthorities } from '../issuers/client-authorities.ts'
import { createIssuers, type Issuers } from '../issuers/issuers.ts'
import type { CallerDefinition } from '../model/caller.ts'

/** Who vouches for callers that have no key. */
export interface IdentityWiring {
  readonly issuers: Issuers
  readonly authorities: ClientAuthorities
  close(): void
}

/** Follows what the callers name; to be made before whatever else listens to them. No start waits for an issuer. */
export function wireIdentity(config: Config, callers: Pick<Callers, 'all' | 'onChange'>, log: Logger): IdentityWiring {
  const issuers = createIssuers({ now: Date.now, log })
  const authorities = createClientAuthorities()
  let told: string | undefined
  const follow = () => {
    const all = callers.all()
    issuers.use(all.flatMap(({ identities }) => (identities?.jwts ?? []).map(({ source }) => source)))
    const missing = missingClientCa(config, all)
    if (missing !== undefined && missing !== told) log.warn({}, `listen.tls ${missing}`)
    told = missing
  }
  follow()
  callers.onChange(follow)
  return { issuers, authorities, close: () => issuers.close() }
}

/** Callers by client certificate where none is asked for; for people, behind the name of `listen.tls`. */
export function missingClientCa({ listen: { tls } }: Pick<Config, 'listen'>, callers: readonly CallerDefinition[]): string | undefined {
  if (tls?.clientCaFile !== undefined) return undefined
  const names = callers.filter(({ identities }) => identities !== undefined && identities.certificates.length > 0).map(({ name }) => name)
  if (names.length === 0) return undefined
  const some = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
  return `has no clientCaFile, so that no client is asked for a certificate, and callers have a clientCertificate: ${some}`
}
