import { ProxyError } from '../errors.ts'
import type { Claims } from '../credentials/claims.ts'
import type { Credential } from '../credentials/credential.ts'
import { describeCredential } from '../credentials/describe.ts'
import { whyRejected } from '../credentials/diagnose.ts'
import { createAccepts } from './accepts.ts'
import { createAgents } from './agents.ts'
import type { Cluster } from './cluster.ts'
import { CurrentAgents, serverNameOf } from './current-agents.ts'
import { createFetch } from './fetch.ts'

export interface ClientOptions {
  /** As in the config; for messages. */
  readonly name: string
  /** An https URL, with a path where the API server is behind one. */
  readonly server: string
  /** PEM; undefined: the authorities that Node trusts. */
  readonly ca: string | undefined
  /** The name in SNI and in the certificate; undefined: the host of `server`. */
  readonly tlsServerName: string | undefined
  /** Closed with the client. */
  readonly credential: Credential
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  /** Let long-running requests share HTTP/2 connections; default: HTTP/1.1, one connection each. */
  readonly http2?: boolean
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** Connections to one API server under one credential, and requests of our own. */
export type Client = Pick<Cluster, 'origin' | 'basePath' | 'credential' | 'timeouts' | 'short' | 'long' | 'own' | 'tls' | 'rejected' | 'accepts' | 'fetch' | 'close' | 'destroy'>

/** Opens no connection by itself. Throws for a `server` that is no https URL. */
export function createClient(options: ClientOptions): Client {
  const { credential, timeouts, ca, http2 = false } = options
  const { origin, basePath } = readServer(options.server)
  const servername = serverNameOf(options.server, options.tlsServerName)
  const agents = new CurrentAgents(certificate => createAgents({ origin, ca, servername, timeouts, certificate, http2 }))
  const history = createHistory(options)
  // Throws where there is no credential: then no connection is to be had either.
  const current = () => agents.under(credential.present().certificate)
  const client: Client = {
    origin, basePath, credential, timeouts,
    get short() { return current().short },
    get long() { return current().long },
    get own() { return current().own },
    tls: () => ({ ca, servername, ...credential.present().certificate }),
    rejected: history.rejected,
    accepts: presented => accepts(presented),
    fetch: (target, headers, fetchOptions) => fetch(target, headers, fetchOptions),
    async close() {
      // Nothing is renewed for a cluster that is no longer asked; what is under way has what it presented.
      credential.close()
      await agents.close()
    },
    async destroy() {
      credential.close()
      await agents.destroy()
    },
  }
  const fetch = createFetch(client, history.accepted)
  const accepts = createAccepts({ credential, fetch })
  return client
}

/** What the API server took last, for telling why it takes no more. */
function createHistory({ name, credential, now = Date.now }: ClientOptions) {
  let accepted: Claims | undefined
  return {
    accepted: () => { accepted = credential.facts().claims },
    rejected: (alert?: Error) => {
      const facts = credential.facts()
      const trouble = facts.trouble === undefined ? '' : `; ${facts.trouble}`
      const why = whyRejected(facts, { now: now(), accepted })
      return new ProxyError('CredentialRejected',
        `the API server of cluster "${name}" rejected the credential of Portcullis itself (${why})`,
        { cause: new Error(`the API server rejected ${describeCredential(facts)} (${why})${trouble}`, alert === undefined ? {} : { cause: alert }) })
    },
  }
}

/** The token is never sent where nobody proved who they are, so only https. */
function readServer(server: string): { origin: string, basePath: string } {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url === undefined || url.protocol !== 'https:') throw new Error('server must be an https URL')
  if (url.username + url.password + url.search + url.hash !== '') {
    throw new Error('server may have a host, a port and a path, nothing else')
  }
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') }
}
