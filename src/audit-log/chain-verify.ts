import { ChainCheck, type Checked } from './chain-check.ts'
import { eachLine } from './chain-lines.ts'
import { inOrder } from './chain-order.ts'

export interface VerifyOptions {
  /** Told of bytes as they are read. */
  readonly onRead?: (bytes: number) => void
}

export interface Verified extends Checked {
  /** Oldest first. */
  readonly files: readonly string[]
}

/**
 * Checks the hash chain over the files of one log, plain or `.gz`, in whatever order they are given.
 * Rejects where one cannot be read; what is wrong with the lines is no rejection but the first fault.
 */
export async function verifyChain(given: readonly string[], { onRead }: VerifyOptions = {}): Promise<Verified> {
  const files = await inOrder([...new Set(given)])
  const check = new ChainCheck()
  for (const file of files) {
    let line = 0
    await eachLine(file, (bytes, ended) => check.take(bytes, ended, { file, line: ++line }), onRead === undefined ? {} : { onRead })
  }
  return { ...check.end(), files }
}
