import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Resolves when a stream has room again, or is closed. */
export async function drained(stream: Writable): Promise<void> {
  if (stream.destroyed) return
  const done = new AbortController()
  const { signal } = done
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).finally(() => done.abort())
}
