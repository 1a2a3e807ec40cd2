import { open, rename, type FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Chain } from '../../audit-log/chain.ts'
import type { Sign } from '../../audit-log/chain-sign.ts'
import { asideSuffixes } from './aside.ts'

/** Signs what a file has of the chain: beside it, a line a signature, so that none of before is lost. */
export interface Seal {
  /** The file as it is, under the name that it has or is about to get. Rejects where it cannot be signed. */
  sign(name: string): Promise<void>
  /** The signatures go where the file is about to go. */
  move(path: string): Promise<void>
}

export interface SealOptions {
  readonly path: string
  readonly chain: Pick<Chain, 'segment'>
  readonly sign: Sign
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export function createSeal({ path, chain, sign, now }: SealOptions): Seal {
  const beside = `${path}${asideSuffixes.signature}`
  return {
    async sign(name) {
      const segment = chain.segment()
      if (segment === undefined) return
      const { first, last } = segment
      const jws = await sign({ file: basename(name), lines: last.sequence - first.sequence + 1, first, last, signedAt: new Date(now()).toISOString() })
      const file = await open(beside, 'a+', 0o600)
      try {
        await cutHalfLine(file)
        await file.writeFile(`${jws}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    async move(to) {
      // A file without a line of the chain has no signature.
      await rename(beside, `${to}${asideSuffixes.signature}`).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOENT') throw error })
    },
  }
}

/** What a crash or a full disk left of a signature would spoil the next one in the same line: a sound log would look forged. */
async function cutHalfLine(file: FileHandle): Promise<void> {
  const there = await file.readFile()
  const whole = there.lastIndexOf(10) + 1
  if (whole < there.length) await file.truncate(whole)
}
