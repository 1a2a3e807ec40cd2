import type { Duplex } from 'node:stream'

/**
 * Ends `socket` and reads on, discarding, until the other side has ended too, or for
 * `ms` at most. Closing with bytes unread would be a reset, and a reset overtakes what
 * is still on its way to the reader (RFC 9112 §9.6).
 */
export function closeWithin(socket: Duplex, ms: number): void {
  if (socket.destroyed) return
  if (!socket.writableEnded) socket.end()
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), ms)
  socket.once('close', () => clearTimeout(timer))
}

/** The same, but a slow reader gets every byte first, however long that takes: `ms` count from the last one. */
export function closeFlushed(socket: Duplex, ms: number): void {
  if (socket.destroyed) return
  socket.resume()
  if (socket.writableEnded) return
  socket.end()
  if (socket.writableFinished) closeWithin(socket, ms)
  else socket.once('finish', () => closeWithin(socket, ms))
}

/** Resolves when `socket` is closed, also where it already is. Never rejects. */
export function closed(socket: Duplex): Promise<void> {
  if (socket.closed) return Promise.resolve()
  return new Promise(resolve => socket.once('close', () => resolve()))
}
