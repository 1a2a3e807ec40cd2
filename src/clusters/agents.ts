import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { Agent, buildConnector, Pool } from 'undici'
import type { ClientCertificate } from '../credentials/credential.ts'
import { noteStaleSocket } from '../upstream-errors.ts'
import { createDial } from './http1/dial.ts'
import { createHttp1Sender } from './http1/sender.ts'
import type { Sender } from './sender.ts'

export interface AgentOptions {
  /** Of the API server: scheme, host and port. */
  readonly origin: string
  /** PEM; undefined: Node's own store. */
  readonly ca: string | undefined
  /** Empty where the server is an address: RFC 6066 allows no address in SNI. */
  readonly servername: string
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  readonly certificate?: ClientCertificate | undefined
}

/** Below the 90 s after which the API server closes an idle connection (apiserver, secure_serving.go). */
const idle = 60_000

/** Of answers, in bytes. */
const maxHeaderSize = 65_536

/**
 * What agents have. Silence says nothing about a body: a quiet watch lasts for
 * hours, so there is no body timeout. HTTP/1.1 only: one broken HTTP/2 connection
 * would take every request on it along.
 */
export const commonAgentOptions = {
  allowH2: false,
  pipelining: 1,
  bodyTimeout: 0,
  keepAliveTimeout: idle,
  keepAliveMaxTimeout: idle,
  maxHeaderSize,
} as const

export interface Agents {
  /** For callers' requests that end soon: bounded, so that a burst queues here and not over there. */
  readonly short: Sender
  /** For long-running ones: not bounded, since every watch holds a connection. */
  readonly long: Sender
  /** For requests of our own. */
  readonly own: Agent
  /** Cuts what is under way, also where they are closing. */
  destroy(): Promise<void>
}

/** Three sets of connections to one API server. */
export function createAgents(options: AgentOptions): Agents {
  const connect = createConnector(options)
  const pools = new Set<Pool>()
  // An agent that is closing has forgotten its pools, and what hangs on them could not be cut.
  const factory = (origin: string | URL, poolOptions: object): Pool => {
    for (const pool of pools) if (pool.destroyed) pools.delete(pool)
    const pool = new Pool(origin, poolOptions)
    pools.add(pool)
    return pool
  }
  const dial = createDial({ ...options, timeout: options.timeouts.connect })
  const sender = { dial, idle, now: () => performance.now() }
  const [short, long] = [createHttp1Sender({ ...sender, connections: 256 }), createHttp1Sender(sender)]
  return {
    short, long,
    own: new Agent({ ...commonAgentOptions, connect, factory, connections: 256, headersTimeout: options.timeouts.response }),
    destroy: async () => { await Promise.all([short.destroy(), long.destroy(), ...[...pools].map(pool => pool.destroy())]) },
  }
}

/**
 * undici writes a request only after `secureConnect`, which Node emits only for a
 * certificate that it could verify: no token leaves before. `rejectUnauthorized` is
 * spelled out because NODE_TLS_REJECT_UNAUTHORIZED would change its default.
 */
function createConnector({ ca, servername, timeouts, certificate }: AgentOptions): buildConnector.connector {
  const dial = buildConnector({
    // Made once: one for each connection takes some 25 KiB and half a millisecond, and every watch is a connection.
    secureContext: createSecureContext({ ...ca === undefined ? {} : { ca }, ...certificate }),
    rejectUnauthorized: true,
    allowH2: false,
    timeout: timeouts.connect,
    keepAliveInitialDelay: 30_000,
  })
  return (target, callback) => {
    // undici would take the name of a request's Host header before the one configured.
    const named = servername === '' ? withoutServername(target) : { ...target, servername }
    dial(named, (...outcome) => {
      if (outcome[0] === null) watchForDeath(outcome[1])
      callback(...outcome)
    })
  }
}

function withoutServername({ servername: _, ...target }: buildConnector.Options): buildConnector.Options {
  return target
}

function watchForDeath(socket: Socket): void {
  socket.once('error', (error) => {
    if (socket.bytesRead > 0) noteStaleSocket(error)
    // A server that refuses our certificate in TLS 1.3 says so after the handshake, and closes: undici would tell of the closing alone.
    else socket.destroy(error)
  })
}
