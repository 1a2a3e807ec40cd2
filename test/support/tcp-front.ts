import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Scope } from './scope.ts'

/** A way to a server that can be cut, shut and opened again. Bytes pass as they are. */
export interface TcpFront {
  readonly port: number
  /** Connections that came through so far. */
  readonly accepted: number
  /** Ends every connection without a word. */
  cut(): void
  /** Nobody gets through from now on. */
  shut(): void
  open(): void
}

/** `shut`: from the start. */
export async function startTcpFront(t: Scope, port: number, { shut = false } = {}): Promise<TcpFront> {
  const sockets = new Set<Socket>()
  let closed = shut
  let accepted = 0
  const server = createServer((near) => {
    if (closed) return near.destroy()
    accepted += 1
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => { /* the other end is told by its close */ })
      socket.once('close', () => sockets.delete(socket))
    }
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    near.pipe(far)
    far.pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => { for (const socket of sockets) socket.destroy() }
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() { return accepted },
    cut,
    shut() {
      closed = true
      cut()
    },
    open() { closed = false },
  }
}
