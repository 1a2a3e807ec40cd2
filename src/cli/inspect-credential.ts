import type { Client } from '../clusters/client.ts'
import { askIdentity } from '../clusters/identity.ts'
import type { ClusterConfig, Config } from '../config/config.ts'
import { accountOfUser } from '../credentials/claims.ts'
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
  /** Why there is none, or no newer one, or why nobody knows whose it is. */
  readonly trouble: string | null
  /** False where it cannot be had, or has ended. */
  readonly usable: boolean
}

export interface InspectOptions extends OpenOptions {
  /** Milliseconds for asking the cluster who we are. */
  readonly askWithin: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Never rejects: what is wrong is part of the answer. */
export async function inspectCredential(cluster: ClusterConfig, config: Config, options: InspectOptions): Promise<Inspected> {
  const nothing = {
    cluster: cluster.name, kind: cluster.credential.kind, source: null, user: null, account: null, userFrom: null, issuer: null, audience: [],
    issuedAt: null, notBefore: null, expiresAt: null, boundTo: [], renewal: null,
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
  const { user, trouble } = await whose(client, options)
  // After asking: a 401 may have renewed it.
  const { source, renewal, claims, trouble: ofCredential } = client.credential.facts()
  const { expiresAt, notBefore, issuedAt, issuer, audience, boundTo } = claims
  const now = options.now()
  const expired = expiresAt !== undefined && expiresAt <= now
  const troubles = [
    ...expired ? ['it has expired'] : [],
    ...notBefore !== undefined && notBefore > now ? ['it is not valid yet; do the clocks agree?'] : [],
    ...[ofCredential, trouble].filter(text => text !== undefined),
  ]
  const name = claims.user ?? user ?? null
  return {
    source, renewal, audience, boundTo, issuer: issuer ?? null,
    user: name, account: claims.account ?? accountOfUser(name ?? '') ?? null,
    userFrom: claims.user !== undefined ? 'credential' : user !== undefined ? 'cluster' : null,
    issuedAt: issuedAt ?? null, notBefore: notBefore ?? null, expiresAt: expiresAt ?? null,
    trouble: troubles.length === 0 ? null : troubles.join('; '), usable: !expired,
  }
}

/** The cluster is asked where the credential does not name its user. */
async function whose({ credential, fetch }: Client, { askWithin }: InspectOptions): Promise<{ user?: string, trouble?: string }> {
  if (credential.facts().claims.user !== undefined) return {}
  const signal = AbortSignal.timeout(askWithin)
  try {
    const identity = await askIdentity(fetch, signal)
    return typeof identity === 'string' ? { trouble: 'whose it is could not be asked: the API server does not tell' } : { user: identity.user }
  } catch (error) {
    const why = signal.aborted ? `there was no answer within ${askWithin / 1000} s` : operatorMessageOf(error)
    return { trouble: `whose it is could not be asked: ${why}` }
  }
}
