import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { isRecording } from './names.ts'

export interface TidyOptions {
  readonly folder: string
  /** Milliseconds since its last line after which a recording is deleted. */
  readonly keepFor: number
  /** Files that are open here: an idle session may be older than that. */
  readonly open: Iterable<string>
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Deletes recordings that are too old, also those that a crash left in the middle. A folder that is not there has none. */
export async function tidyRecordings({ folder, keepFor, open, now }: TidyOptions): Promise<void> {
  // Other processes tell by this that it is somebody's.
  for (const path of open) await utimes(path, now / 1000, now / 1000).catch(() => {})
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const name of names.filter(isRecording)) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }))
    if (now - mtimeMs >= keepFor) await rm(path, { force: true })
  }
}

/** How often to look: an open recording is touched twice before another process may think it old. */
export function tidyEvery(keepFor: number): number {
  return Math.max(1_000, Math.min(keepFor / 3, 3_600_000))
}
