import type { Dispatcher } from 'undici'
import type { Credential } from '../credentials/credential.ts'
import { credentialRejected } from '../upstream-errors.ts'
import type { Cluster, Fetched } from './cluster.ts'
import { Exchange, type ExchangeOptions } from './exchange.ts'

export interface Upstream {
  readonly origin: string
  readonly basePath: string
  readonly credential: Credential
  readonly short: Dispatcher
  readonly timeouts: { readonly response: number }
}

/** See `Cluster.fetch`. */
export function createFetch(upstream: Upstream): Cluster['fetch'] {
  const { credential, timeouts } = upstream
  return async (target, headers, options = {}) => {
    const exchange = { ...options, within: timeouts.response }
    const presented = credential.authorization()
    const answer = await send(upstream, target, headers, presented, exchange)
    if (answer.status !== 401) return answer
    if (!await credential.renew(presented)) throw credentialRejected(credential.describe())
    const second = await send(upstream, target, headers, credential.authorization(), exchange)
    if (second.status === 401) throw credentialRejected(credential.describe())
    return second
  }
}

async function send(
  { origin, basePath, short }: Upstream, target: string, headers: readonly string[],
  authorization: string | undefined, options: ExchangeOptions,
): Promise<Fetched> {
  const request: Dispatcher.DispatchOptions = {
    origin,
    path: basePath + target,
    method: 'GET',
    headers: [...ownHeaders(origin, authorization), ...headers],
  }
  const first = new Exchange(options)
  try {
    return await first.run(short, request)
  } catch (error) {
    if (!first.repeatable) throw error
    return await new Exchange(options).run(short, request)
  }
}

/** What every request of our own says. */
export function ownHeaders(origin: string, authorization: string | undefined): string[] {
  return [
    // As every request that is passed on: undici drops a connection when this name changes.
    'Host', new URL(origin).host,
    'User-Agent', 'portcullis',
    ...(authorization === undefined ? [] : ['Authorization', authorization]),
  ]
}
