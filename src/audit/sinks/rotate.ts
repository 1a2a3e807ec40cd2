import { rename } from 'node:fs/promises'
import { asidePath, listAside } from './aside.ts'
import type { Seal } from './seal.ts'

export interface RotateOptions {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly seal?: Seal | undefined
}

/** Puts a full log aside, signed. */
export async function rotate(path: string, { at, seal }: RotateOptions): Promise<void> {
  const newest = (await listAside(path)).at(-1)
  // Later than all that are there, so that none is written over and, should the clock go back, none is taken for the oldest.
  const target = asidePath(path, Math.max(at, (newest?.at ?? 0) + 1))
  // First, for what is put aside without a signature is not sound.
  await seal?.sign(target)
  await seal?.move(target)
  await rename(path, target)
}
