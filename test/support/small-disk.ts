import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from './scope.ts'

/** A file system of its own that is soon full. */
export interface SmallDisk {
  readonly folder: string
  /** Leaves not a byte; what is there already stays. */
  fill(): void
  /** Room again. */
  free(): void
}

/** A tmpfs of so many KiB, or undefined where this process may not mount one. */
export function smallDisk(t: Scope, kibibytes: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=0700`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return undefined
  }
  t.teardown(() => {
    // Lazily: a file of it that is still open must not keep it mounted under its name.
    execFileSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  const ballast = join(folder, '.ballast')
  return {
    folder,
    fill() {
      try {
        for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
    free: () => rmSync(ballast, { force: true }),
  }
}
