import type { Duplex } from 'node:stream'

/** More than any client sends before it was answered. */
const maxEarlyBytes = 65_536

/**
 * Listens to a caller that waits for its tunnel: keeps what it sends early, and tells
 * when it leaves. A caller that ends its side has left: neither protocol has a half-
 * closed opening, and a killed kubectl looks just like this. The function returned
 * stops that, and hands the socket on paused, with the early bytes in front.
 */
export function whileWaiting(caller: Duplex, head: Buffer, onLeave: () => void): () => void {
  const early = [head]
  let bytes = head.length
  const keep = (chunk: Buffer) => {
    early.push(chunk)
    bytes += chunk.length
    if (bytes >= maxEarlyBytes) caller.pause()
  }
  caller.on('data', keep)
  caller.on('end', onLeave)
  caller.on('close', onLeave)
  caller.resume()
  if (caller.destroyed) onLeave()
  return () => {
    caller.off('data', keep)
    caller.off('end', onLeave)
    caller.off('close', onLeave)
    caller.pause()
    if (bytes > 0 && !caller.readableEnded && !caller.destroyed) caller.unshift(Buffer.concat(early))
  }
}
