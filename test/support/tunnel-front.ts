import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Cluster } from '../../src/clusters/cluster.ts'
import { asProxyError, toStatus, type ProxyError } from '../../src/errors.ts'
import { rawHead } from '../../src/headers/raw-head.ts'
import type { Admitted } from '../../src/model/admitted.ts'
import type { Recordings } from '../../src/recordings/recordings.ts'
import { createStreams } from '../../src/streams/open-streams.ts'
import type { Streams } from '../../src/streams/streams.ts'
import { createTunnel, type Tunnel } from '../../src/tunnel/tunnel.ts'
import { admitted, arrival, resolved, trailOf, type RecordedTrail } from './builders.ts'
import { watchLeaks } from './leak-watch.ts'
import { noRecordings } from './no-recordings.ts'
import { Queue } from './queue.ts'
import type { Scope } from './scope.ts'

/** One upgrade that came to the front, and what the tunnel made of it. */
export interface Passed {
  readonly admitted: Admitted
  readonly socket: Socket
  readonly trail: RecordedTrail
  /** Resolves when the tunnel is over; with the error it rejected with. */
  readonly over: Promise<ProxyError | undefined>
}

export interface Front {
  readonly port: number
  readonly streams: Streams
  /** What recheck says from now on. */
  allow(answer: boolean): void
  next(): Promise<Passed>
}

/** A server that admits every upgrade and hands it to the tunnel, as listen does. With `recordings` the policy wants each recorded. */
export async function startFront(
  t: Scope, cluster: Cluster, overrides: Parameters<typeof admitted>[0] = {}, recordings?: Recordings,
): Promise<Front> {
  let allowed = true
  const leaks = watchLeaks(t, [cluster.credential.present().authorization?.replace('Bearer ', '') ?? ''])
  const streams = createStreams({ recheck: ({ caller }) => allowed ? caller : undefined, now: Date.now })
  const tunnel = createTunnel({ clusters: { find: () => cluster, all: () => [cluster] }, streams, recordings: recordings ?? noRecordings })
  const passed = new Queue<Passed>()
  const server = createServer((_request, response) => { response.writeHead(418).end() })
  const sockets = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    sockets.add(socket)
    // As a server's own timeouts would; a tunnel must not end by them.
    socket.setTimeout(5, () => socket.destroy())
    const letIn = admit(request, overrides)
    const trail = trailOf([], { recorded: recordings !== undefined })
    passed.put({ admitted: letIn, socket, trail, over: pass(tunnel, letIn, { socket, head, trail }) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    server.close()
    streams.close()
  })
  const { port } = server.address() as AddressInfo
  await leaks.port(port, 'the front')
  return { port, streams, allow: (answer) => { allowed = answer }, next: () => passed.take() }
}

function admit(request: IncomingMessage, overrides: Parameters<typeof admitted>[0]): Admitted {
  const { method = '', url: target = '', rawHeaders } = request
  return admitted({
    arrival: arrival({ method, target, rawHeaders, upgrade: true, receivedAt: Date.now() }),
    resolved: resolved({ target, longRunning: true }),
    ...overrides,
  })
}

async function pass(tunnel: Tunnel, admitted: Admitted, upgrade: Parameters<Tunnel>[1]): Promise<ProxyError | undefined> {
  try {
    await tunnel(admitted, upgrade)
    return undefined
  } catch (thrown) {
    const error = asProxyError(thrown)
    const body = JSON.stringify(toStatus(error))
    upgrade.socket.on('error', () => {})
    upgrade.socket.resume()
    upgrade.socket.end(Buffer.concat([
      rawHead(error.status, 'Refused', ['Content-Length', String(body.length), 'Connection', 'close']), Buffer.from(body),
    ]))
    return error
  }
}
