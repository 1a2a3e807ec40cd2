import type { Writable } from 'node:stream'

/** Bytes: a TLS record, which is what the pieces of large answers are. */
const size = 16 * 1024
/** Bytes up to which node's own pool serves. */
const small = 4 * 1024
/** Kept for the next: together a MiB. */
const most = 64
const free: Buffer[] = []

/**
 * Writes a piece whose memory its owner overwrites afterwards. Its copy lies in memory that is used again as soon as it
 * was taken, for garbage outside of the heap is collected late: with a new piece for each, a large list spends more on
 * collecting than on all else. What was not written well is not used again: who still looks at it is not known.
 */
export function writeCopy(to: Pick<Writable, 'write'>, chunk: Uint8Array): boolean {
  if (chunk.length <= small || chunk.length > size) return to.write(Buffer.from(chunk))
  const memory = free.pop() ?? Buffer.allocUnsafeSlow(size)
  memory.set(chunk)
  return to.write(memory.subarray(0, chunk.length), (error) => {
    // node says null, undefined or an error.
    if (!(error instanceof Error) && free.length < most) free.push(memory)
  })
}
