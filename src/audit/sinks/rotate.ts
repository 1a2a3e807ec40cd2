import { rename, rm } from 'node:fs/promises'
import { asidePath, listAside } from './aside.ts'

/** Puts a full log aside, and deletes the oldest beyond `keep`. `at` is in milliseconds since the epoch. */
export async function rotate(path: string, keep: number, at: number): Promise<void> {
  const aside = await listAside(path)
  // Later than all that are there, so that none is written over and, should the clock go back, none is taken for the oldest.
  await rename(path, asidePath(path, Math.max(at, (aside.at(-1)?.at ?? 0) + 1)))
  const kept = Math.max(0, keep - 1)
  for (const { files } of aside.slice(0, Math.max(0, aside.length - kept))) {
    for (const file of files) await rm(file, { force: true })
  }
}
