import type { Socket } from 'node:net'
import { Agent, Pool, type Dispatcher } from 'undici'
import { noteStaleSocket } from '../upstream-errors.ts'
import { createConnector, idleFor, maxHeaderSize, secureContextOf, type ConnectorOptions } from './connector.ts'
import { createHttp2Dispatcher } from './http2-agent.ts'

export interface AgentOptions extends ConnectorOptions {
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  /** Scheme, host and port of the one server whose long-running requests share HTTP/2 connections; undefined: HTTP/1.1 alone. */
  readonly http2?: string | undefined
}

/**
 * What both agents have. Silence says nothing about a body: a quiet watch lasts for
 * hours, so there is no body timeout. HTTP/1.1 only: undici ends every request of an
 * HTTP/2 connection that says GOAWAY.
 */
export const commonAgentOptions = {
  allowH2: false,
  pipelining: 1,
  bodyTimeout: 0,
  keepAliveTimeout: idleFor,
  keepAliveMaxTimeout: idleFor,
  maxHeaderSize,
} as const

/** As all of undici's are. */
export type ClosableDispatcher = Dispatcher & { readonly closed: boolean }

export interface Agents {
  readonly short: ClosableDispatcher
  readonly long: ClosableDispatcher
  /** Cuts what is under way, also where they are closing. */
  destroy(): Promise<void>
}

/**
 * Two sets of connections to one API server: `short` is bounded, so that a burst
 * queues here and not over there; `long` is not, since every watch holds one, or a
 * stream of one with `http2`.
 */
export function createAgents(options: AgentOptions): Agents {
  const secureContext = secureContextOf(options)
  const connect = createConnector(options, secureContext, { allowH2: false, onConnect: watchForDeath })
  const pools = new Set<Pool>()
  // An agent that is closing has forgotten its pools, and what hangs on them could not be cut.
  const factory = (origin: string | URL, poolOptions: object): Pool => {
    for (const pool of pools) if (pool.destroyed) pools.delete(pool)
    const pool = new Pool(origin, poolOptions)
    pools.add(pool)
    return pool
  }
  const common = { ...commonAgentOptions, connect, factory }
  const long = new Agent({ ...common, headersTimeout: 0 })
  const shared = options.http2 === undefined ? undefined : createHttp2Dispatcher({
    origin: options.http2, otherwise: long, timeouts: options.timeouts,
    connect: createConnector(options, secureContext, { allowH2: true, onConnect() {} }),
  })
  return {
    short: new Agent({ ...common, connections: 256, headersTimeout: options.timeouts.response }),
    long: shared ?? long,
    destroy: async () => { await Promise.all([shared?.destroy(), ...[...pools].map(pool => pool.destroy())]) },
  }
}

function watchForDeath(socket: Socket): void {
  socket.once('error', (error) => {
    if (socket.bytesRead > 0) noteStaleSocket(error)
    // A server that refuses our certificate in TLS 1.3 says so after the handshake, and closes: undici would tell of the closing alone.
    else socket.destroy(error)
  })
}
