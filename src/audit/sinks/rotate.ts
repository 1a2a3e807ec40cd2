import { rename, rm } from 'node:fs/promises'
import { asidePath, listAside } from './aside.ts'
import type { Seal } from './seal.ts'

export interface RotateOptions {
  /** How many files put aside are kept. */
  readonly keep: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly seal?: Seal | undefined
}

/** Puts a full log aside, signed, and deletes the oldest beyond `keep`. */
export async function rotate(path: string, { keep, at, seal }: RotateOptions): Promise<void> {
  const aside = await listAside(path)
  // Later than all that are there, so that none is written over and, should the clock go back, none is taken for the oldest.
  const target = asidePath(path, Math.max(at, (aside.at(-1)?.at ?? 0) + 1))
  // First, for what is put aside without a signature is not sound.
  await seal?.sign(target)
  await seal?.move(target)
  await rename(path, target)
  const kept = Math.max(0, keep - 1)
  for (const { files } of aside.slice(0, Math.max(0, aside.length - kept))) {
    for (const file of files) await rm(file, { force: true })
  }
}
