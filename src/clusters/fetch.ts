import type { Dispatcher } from 'undici'
import { assertOwnRequest } from '../headers/request.ts'
import { isCertificateRefused } from '../upstream-errors.ts'
import type { Cluster, Fetched } from './cluster.ts'
import { Exchange, type ExchangeOptions } from './exchange.ts'

export type Upstream = Pick<Cluster, 'origin' | 'basePath' | 'credential' | 'own' | 'timeouts' | 'rejected'>

/** See `Cluster.fetch`. `accepted` is told when our credential was. */
export function createFetch(upstream: Upstream, accepted: () => void = () => {}): Cluster['fetch'] {
  const { credential, timeouts } = upstream
  return async (target, headers, options = {}) => {
    const exchange = { ...options, within: timeouts.response }
    const presented = credential.present()
    let answer = await ask(upstream, target, headers, exchange)
    if (options.keep401 === true && 'status' in answer) return answer
    if (isRejection(answer) && await credential.renew(presented)) answer = await ask(upstream, target, headers, exchange)
    if (isRejection(answer)) throw upstream.rejected('alert' in answer ? answer.alert : undefined)
    accepted()
    return answer
  }
}

/** Our certificate was refused within TLS. */
interface Refused {
  readonly alert: Error
}

function isRejection(answer: Fetched | Refused): answer is Refused | (Fetched & { status: 401 }) {
  return 'alert' in answer || answer.status === 401
}

function ask(...request: Parameters<typeof send>): Promise<Fetched | Refused> {
  return send(...request).catch((error: unknown) => {
    if (isCertificateRefused(error)) return { alert: error as Error }
    throw error
  })
}

async function send(upstream: Upstream, target: string, headers: readonly string[], options: ExchangeOptions): Promise<Fetched> {
  const { origin, basePath, credential, own } = upstream
  const { method = 'GET', body = null } = options
  const { authorization } = credential.present()
  const request: Dispatcher.DispatchOptions = { origin, path: basePath + target, method, headers: ownHeaders(origin, authorization, headers), body }
  const first = new Exchange(options)
  try {
    return await first.run(own, request)
  } catch (error) {
    if (!first.repeatable) throw error
    return await new Exchange(options).run(own, request)
  }
}

/** The headers of a request of our own. Throws ProxyError where one of `more` says who asks. */
export function ownHeaders(origin: string, authorization: string | undefined, more: readonly string[]): string[] {
  const headers = [
    // As every request that is passed on: undici drops a connection when this name changes.
    'Host', new URL(origin).host,
    'User-Agent', 'portcullis',
    ...(authorization === undefined ? [] : ['Authorization', authorization]),
    ...more,
  ]
  assertOwnRequest(headers, authorization)
  return headers
}
