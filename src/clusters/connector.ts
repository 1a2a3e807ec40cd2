import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { buildConnector } from 'undici'
import type { ClientCertificate } from '../credentials/credential.ts'

export interface ConnectorOptions {
  /** PEM; undefined: Node's own store. */
  readonly ca: string | undefined
  /** Empty where the server is an address: RFC 6066 allows no address in SNI. */
  readonly servername: string
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number }
  readonly certificate?: ClientCertificate | undefined
}

export interface Protocol {
  /** Offer h2 by ALPN beside http/1.1; which of them it is, the socket's `alpnProtocol` says. */
  readonly allowH2: boolean
  /** Told of a socket as soon as its TLS is up. */
  readonly onConnect: (socket: Socket) => void
}

/** Milliseconds that a connection is kept without a use: below the 90 s after which the API server closes it (apiserver, secure_serving.go). */
export const idleFor = 60_000

/** Bytes, of all heads of an answer, those of 1xx among them, and of its trailers. */
export const maxHeaderSize = 65_536

/** What a connector trusts and proves, made once: one for each connection takes some 25 KiB and half a millisecond. */
export function secureContextOf({ ca, certificate }: ConnectorOptions): SecureContext {
  return createSecureContext({ ...ca === undefined ? {} : { ca }, ...certificate })
}

/**
 * Dials by verified TLS, and by nothing else. The socket is handed over only after
 * `secureConnect`, which Node emits only for a certificate that it could verify: no token
 * leaves before. `rejectUnauthorized` is spelled out because NODE_TLS_REJECT_UNAUTHORIZED
 * would change its default.
 */
export function createConnector({ servername, timeouts }: ConnectorOptions, secureContext: SecureContext, { allowH2, onConnect }: Protocol): buildConnector.connector {
  const dial = buildConnector({
    secureContext,
    rejectUnauthorized: true,
    allowH2,
    timeout: timeouts.connect,
    keepAliveInitialDelay: 30_000,
  })
  return (target, callback) => {
    // undici would take the name of a request's Host header before the one configured.
    const named = servername === '' ? withoutServername(target) : { ...target, servername }
    dial(named, (...outcome) => {
      if (outcome[0] === null) onConnect(outcome[1])
      callback(...outcome)
    })
  }
}

function withoutServername({ servername: _, ...target }: buildConnector.Options): buildConnector.Options {
  return target
}
