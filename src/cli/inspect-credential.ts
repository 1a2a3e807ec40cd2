import type { Client } from '../clusters/client.ts'
import { askIdentity } from '../clusters/identity.ts'
import type { ClusterConfig, Config } from '../config/config.ts'
import { accountOfUser } from '../credentials/claims.ts'
import { ProxyError } from '../errors.ts'
import type { Account } from '../model/verdict.ts'
import { openClient, type OpenOptions } from './open-client.ts'
import { operatorMessageOf } from './output.ts'

/** What may be told of a cluster's credential; times in milliseconds since the epoch, null where it does not say. */
export interface Inspected {
  readonly cluster: string
  readonly kind: string
  readonly source: string | null
  readonly user: string | null
  /** Where the user is a service account. */
  readonly account: Account | null
  /** Who named the user: the credential itself, or the cluster that was asked. */
  readonly userFrom: 'credential' | 'cluster' | null
  readonly issuer: string | null
  readonly audience: readonly string[]
  readonly issuedAt: number | null
  readonly notBefore: number | null
  readonly expiresAt: number | null
  readonly boundTo: readonly string[]
  readonly renewal: string | null
  /** Why there is none, or no newer one. */
  readonly trouble: string | null
  /** Whether the cluster takes it; null where that was not asked. */
  readonly accepted: boolean | null
  /** Why not, or why that was not asked. */
  readonly acceptedReason: string | null
  /** False where it cannot be had, has ended or is not accepted. */
  readonly usable: boolean
}

export interface InspectOptions extends OpenOptions {
  /** Milliseconds for asking the cluster who we are; undefined: it is not asked. */
  readonly askWithin: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Never rejects: what is wrong is part of the answer. */
export async function inspectCredential(cluster: ClusterConfig, config: Config, options: InspectOptions): Promise<Inspected> {
  const nothing = {
    cluster: cluster.name, kind: cluster.credential.kind, source: null, user: null, account: null, userFrom: null, issuer: null, audience: [],
    issuedAt: null, notBefore: null, expiresAt: null, boundTo: [], renewal: null,
    accepted: null, acceptedReason: 'there is no credential',
  }
  let client: Client
  try {
    client = await openClient(cluster, config, options)
  } catch (error) {
    return { ...nothing, trouble: operatorMessageOf(error), usable: false }
  }
  try {
    return { ...nothing, ...await inspect(client, options) }
  } finally {
    // What is still under way ends by itself, within its time limits.
    client.close().catch(() => {})
  }
}

async function inspect(client: Client, options: InspectOptions): Promise<Omit<Inspected, 'cluster' | 'kind'>> {
  const { user, accepted, acceptedReason } = await whose(client, options)
  // After asking: a 401 may have renewed it.
  const { source, renewal, claims, trouble } = client.credential.facts()
  const { expiresAt, notBefore, issuedAt, issuer, audience, boundTo } = claims
  const now = options.now()
  const expired = expiresAt !== undefined && expiresAt <= now
  const troubles = [
    ...expired ? ['it has expired'] : [],
    ...notBefore !== undefined && notBefore > now ? ['it is not valid yet; do the clocks agree?'] : [],
    ...trouble === undefined ? [] : [trouble],
  ]
  const name = claims.user ?? user ?? null
  return {
    source, renewal, audience, boundTo, issuer: issuer ?? null,
    user: name, account: claims.account ?? accountOfUser(name ?? '') ?? null,
    userFrom: claims.user !== undefined ? 'credential' : user !== undefined ? 'cluster' : null,
    issuedAt: issuedAt ?? null, notBefore: notBefore ?? null, expiresAt: expiresAt ?? null,
    trouble: troubles.length === 0 ? null : troubles.join('; '), accepted, acceptedReason, usable: !expired && accepted !== false,
  }
}

/** The cluster is asked of every credential: of a deleted account, or of another audience, it says nothing itself. */
async function whose({ fetch }: Client, { askWithin }: InspectOptions): Promise<Pick<Inspected, 'accepted' | 'acceptedReason'> & { user?: string }> {
  if (askWithin === undefined) return { accepted: null, acceptedReason: '--offline' }
  const signal = AbortSignal.timeout(askWithin)
  try {
    const identity = await Promise.race([askIdentity(fetch, signal), aborted(signal)])
    if (typeof identity === 'string') return { accepted: null, acceptedReason: 'the API server does not tell' }
    return { accepted: true, acceptedReason: null, user: identity.user }
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'CredentialRejected') return { accepted: false, acceptedReason: error.message }
    return { accepted: null, acceptedReason: signal.aborted ? `there was no answer within ${askWithin / 1000} s` : operatorMessageOf(error) }
  }
}

/** After a 401 a renewal is waited for as well, and that knows nothing of the signal. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }) })
}
