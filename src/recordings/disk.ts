import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file that is being written. */
export interface DiskFile {
  /** All of it, or a rejection, after which some of it may be there. */
  write(bytes: Buffer): Promise<void>
  truncate(size: number): Promise<void>
  /** Resolves when it would survive a loss of power. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Disk {
  /** A new one, that only we may read. Rejects where it is there already. */
  create(path: string): Promise<DiskFile>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
}

export const realDisk: Disk = {
  async create(path) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'wx', 0o600)
    return {
      async write(bytes) {
        for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten
      },
      truncate: size => file.truncate(size),
      sync: () => file.datasync(),
      close: () => file.close(),
    }
  },
  rename: (from, to) => rename(from, to),
  remove: path => rm(path, { force: true }),
}

/** Of one that hangs. */
export const diskTooLate = 'the disk did not answer in time'
