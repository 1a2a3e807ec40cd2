import type { Socket } from 'node:net'
import { Agent, Pool } from 'undici'
import { noteStaleSocket } from '../upstream-errors.ts'
import { createConnector, idleFor, maxHeaderSize, secureContextOf, type ConnectorOptions } from './connector.ts'
import { createDial } from './http1/dial.ts'
import { createHttp1Sender } from './http1/sender.ts'
import { createHttp2Sender } from './http2/sender.ts'
import type { Sender } from './sender.ts'

export interface AgentOptions extends ConnectorOptions {
  /** Of the API server: scheme, host and port. */
  readonly origin: string
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number, readonly response: number }
  /** Let long-running requests share HTTP/2 connections. */
  readonly http2?: boolean | undefined
}

/**
 * What undici's agent has. Silence says nothing about a body: a quiet watch lasts for
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

export interface Agents {
  /** For callers' requests that end soon: bounded, so that a burst queues here and not over there. */
  readonly short: Sender
  /** For long-running ones: not bounded, since every watch holds a connection, or a stream of one with `http2`. */
  readonly long: Sender
  /** For requests of our own. */
  readonly own: Agent
  /** Cuts what is under way, also where they are closing. */
  destroy(): Promise<void>
}

/** Three sets of connections to one API server. */
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
  const { short, long } = sendersOf(options, secureContext)
  return {
    short, long,
    own: new Agent({ ...commonAgentOptions, connect, factory, connections: 256, headersTimeout: options.timeouts.response }),
    destroy: async () => { await Promise.all([short.destroy(), long.destroy(), ...[...pools].map(pool => pool.destroy())]) },
  }
}

function sendersOf(options: AgentOptions, secureContext: ReturnType<typeof secureContextOf>): Pick<Agents, 'short' | 'long'> {
  const { origin, servername, timeouts } = options
  const dial = createDial({ origin, servername, secureContext, timeout: timeouts.connect })
  const sender = { dial, idle: idleFor, now: () => performance.now() }
  const long = createHttp1Sender(sender)
  return {
    short: createHttp1Sender({ ...sender, connections: 256 }),
    long: options.http2 !== true ? long : createHttp2Sender({
      origin, otherwise: long, timeouts, connect: createConnector(options, secureContext, { allowH2: true, onConnect() {} }),
    }),
  }
}

function watchForDeath(socket: Socket): void {
  socket.once('error', (error) => {
    if (socket.bytesRead > 0) noteStaleSocket(error)
    // A server that refuses our certificate in TLS 1.3 says so after the handshake, and closes: undici would tell of the closing alone.
    else socket.destroy(error)
  })
}
