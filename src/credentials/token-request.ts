import type { Client } from '../clusters/client.ts'
import type { Fetched } from '../clusters/cluster.ts'
import { asFields, parseFields } from '../json-fields.ts'
import type { Account } from '../model/verdict.ts'
import type { Material } from './followed.ts'
import { Renewing, type RenewingOptions } from './renewing.ts'
import { timeOf } from './times.ts'
import { readToken } from './token.ts'

export interface TokenRequestOptions extends Pick<RenewingOptions, 'log' | 'now' | 'random' | 'schedule'> {
  /** The API server under the credential that asks for the tokens; closed with this one. */
  readonly bootstrap: Pick<Client, 'fetch' | 'credential' | 'close'>
  /** Whose tokens; undefined: the bootstrap's own account. */
  readonly serviceAccount: Account | undefined
  /** Empty: the API server's own. */
  readonly audiences: readonly string[]
  /** Milliseconds; the API server may give another. Undefined: its default. */
  readonly lifetime: number | undefined
}

/** Of an answer, in bytes: tokens are a thousandth of it. */
const maxSize = 1024 * 1024

/** Short-lived tokens from the TokenRequest API (KEP-1205). Begin with `start`. */
export function createTokenRequest(options: TokenRequestOptions): Renewing {
  return new TokenRequest(options)
}

class TokenRequest extends Renewing {
  readonly bootstrap: TokenRequestOptions['bootstrap']
  readonly #options: TokenRequestOptions

  constructor(options: TokenRequestOptions) {
    const { bootstrap: { credential }, serviceAccount } = options
    const whose = serviceAccount === undefined ? 'its own account' : nameOf(serviceAccount)
    super({
      ...options,
      kind: 'tokenRequest',
      source: `a TokenRequest for ${whose} with ${credential.facts().source}`,
      renewal: 'requested again at 80 % of its life',
      issue: signal => requestToken(options, signal),
    })
    this.#options = options
    this.bootstrap = options.bootstrap
  }

  override close(): void {
    super.close()
    const { bootstrap, log } = this.#options
    bootstrap.close().catch((err: unknown) => log.warn({ err }, 'the connections of a bootstrap credential did not close'))
  }
}

async function requestToken(options: TokenRequestOptions, signal: AbortSignal): Promise<Material> {
  const { bootstrap } = options
  const account = options.serviceAccount ?? bootstrap.credential.facts().claims.account
  if (account === undefined) {
    throw new Error('the bootstrap credential does not say which service account it is of: name the one whose tokens are wanted in tokenRequest.serviceAccount')
  }
  const target = `/api/v1/namespaces/${encodeURIComponent(account.namespace)}/serviceaccounts/${encodeURIComponent(account.name)}/token`
  const headers = ['Content-Type', 'application/json', 'Accept', 'application/json']
  const answer = await bootstrap.fetch(target, headers, { method: 'POST', body: bodyOf(options), maxSize, signal })
  if (answer.status !== 200 && answer.status !== 201) throw new Error(whyNot(answer, account, bootstrap.credential.facts().claims.user))
  return readAnswer(answer, account)
}

function bodyOf({ audiences, lifetime }: TokenRequestOptions): string {
  return JSON.stringify({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      ...audiences.length === 0 ? {} : { audiences },
      ...lifetime === undefined ? {} : { expirationSeconds: Math.floor(lifetime / 1000) },
    },
  })
}

function whyNot({ status }: Fetched, account: Account, user = 'the bootstrap credential'): string {
  switch (status) {
    case 403: return `${user} may not request tokens of ${nameOf(account)}: grant it, by a Role in namespace ${account.namespace}, `
      + `verbs [create], apiGroups [""], resources [serviceaccounts/token], resourceNames [${account.name}]`
    case 404: return `the service account ${nameOf(account)} does not exist, so there are no tokens of it: was it deleted, or is it in another namespace or cluster?`
    default: return `the TokenRequest for ${nameOf(account)} was answered with status ${status}`
  }
}

/** Nothing of what cannot be read is repeated: a token may be in it. */
function readAnswer({ body }: Fetched, account: Account): Material {
  const { token, expirationTimestamp } = asFields(parseFields(body)?.['status'])
  const until = timeOf(Date.parse(String(expirationTimestamp)))
  if (typeof token !== 'string' || until === undefined) throw unreadable(account)
  try {
    const { presented, claims } = readToken(token)
    const { user = `system:serviceaccount:${account.namespace}:${account.name}`, expiresAt = until } = claims
    return { presented, claims: { ...claims, user, account: claims.account ?? account, expiresAt } }
  } catch (cause) {
    throw unreadable(account, cause)
  }
}

function unreadable(account: Account, cause?: unknown): Error {
  return new Error(`the TokenRequest for ${nameOf(account)} was answered with something that is no token with an end`, cause === undefined ? {} : { cause })
}

function nameOf({ namespace, name }: Account): string {
  return `${namespace}/${name}`
}
