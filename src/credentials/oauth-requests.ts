import tls from 'node:tls'
import { createClient, type ClientOptions } from '../clusters/client.ts'
import type { Fetched, FetchOptions } from '../clusters/cluster.ts'
import { noClaims } from './claims.ts'
import type { Credential } from './credential.ts'

export interface AskOptions extends Pick<ClientOptions, 'name' | 'server' | 'ca' | 'tlsServerName' | 'timeouts'> {
  readonly signal: AbortSignal
  /** PEM; default: the authorities that Node trusts. */
  readonly trusted?: readonly string[] | undefined
}

export interface Question extends Pick<FetchOptions, 'method' | 'body'> {
  readonly headers?: readonly string[]
  /** The one thing that this request proves us with; default: nothing. */
  readonly authorization?: string
}

/** One request to an https URL, answered with whatever the answer is, redirects and 401s too. Rejects with ProxyError where there is none. */
export type Ask = (url: URL, question: Question) => Promise<Fetched>

/** Of an answer of a login, in bytes; they are small. */
const maxSize = 1 << 20
/** Milliseconds. */
const longestStep = 15_000

/** Of one step of a login: whoever got a 401 may wait for all of them. */
export function stepTimeouts({ connect, response }: AskOptions['timeouts']): AskOptions['timeouts'] {
  return { connect: Math.min(connect, longestStep), response: Math.min(response, longestStep) }
}

/**
 * Every request has connections of its own, under TLS that is verified: a login is rare, and
 * what one request proves us with can go nowhere else.
 */
export function createAsk({ name, server, ca, tlsServerName, timeouts, signal, trusted = trustedByNode() }: AskOptions): Ask {
  const api = new URL(server).origin
  return async (url, { authorization, headers = [], ...rest }) => {
    const client = createClient({
      name, server: url.origin, credential: presenting(authorization),
      ...url.origin === api ? { ca, tlsServerName } : { ca: beside(ca, trusted), tlsServerName: undefined },
      timeouts: stepTimeouts(timeouts),
    })
    try {
      return await client.fetch(url.pathname + url.search, headers, { ...rest, maxSize, signal, keep401: true })
    } finally {
      await client.close()
    }
  }
}

/**
 * The OAuth server is behind the router, which mostly has another certificate than the API
 * server: of the cluster's own authority, or of a public one, which `oc` takes as well.
 */
function beside(ca: string | undefined, trusted: readonly string[]): string | undefined {
  return ca === undefined ? undefined : [ca, ...trusted].join('\n')
}

/** With NODE_EXTRA_CA_CERTS and --use-system-ca where Node tells of them (22.15 and later). */
export function trustedByNode(): readonly string[] {
  const { getCACertificates } = tls as { readonly getCACertificates?: (type: 'default') => string[] }
  return getCACertificates?.('default') ?? tls.rootCertificates
}

function presenting(authorization: string | undefined): Credential {
  const presented = { authorization, certificate: undefined }
  return {
    present: () => presented,
    renew: async () => false,
    facts: () => ({ kind: 'oauthSession', source: 'a login', renewal: 'none', claims: noClaims, trouble: undefined }),
    close() {},
  }
}
