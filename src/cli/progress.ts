import type { Watched } from './saying.ts'
import { silence } from './saying.ts'

export interface Progress {
  /** Bytes more. */
  readonly add: (bytes: number) => void
  /** Takes the line away again. */
  end(): void
}

const every = 500

/** How far a long read is, on one line of a terminal, once it has taken longer than somebody waits without a word. */
export function createProgress(what: string, total: number, stderr: Watched, now: () => number = () => performance.now()): Progress {
  if (stderr.isTTY !== true) return { add() {}, end() {} }
  let [read, shown] = [0, false]
  let next = now() + silence
  return {
    add(bytes) {
      read += bytes
      if (now() < next) return
      next = now() + every
      shown = true
      stderr.write(`\r${what}: ${Math.floor(100 * read / Math.max(1, total))} % of ${Math.ceil(total / 1024 ** 2)} MiB`, () => {})
    },
    end() {
      if (shown) stderr.write('\r\u001b[K', () => {})
    },
  }
}
