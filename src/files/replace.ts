import { randomBytes } from 'node:crypto'
import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export interface ReplaceOptions {
  /** Asked just before the file is replaced, when all else is done: false leaves it as it is. */
  readonly still?: () => Promise<boolean>
}

/**
 * Puts a new text in a file's place, whole or not at all, and for good: a reader, or a machine
 * that stops at any moment, finds the old or the new; once this resolves, the new. A symbolic
 * link stays one, permissions and owner stay; a file that is not there is made. Resolves with
 * whether it was replaced.
 */
export async function replaceFile(path: string, text: string, { still = async () => true }: ReplaceOptions = {}): Promise<boolean> {
  const { target, owned } = await look(path)
  // A dotfile, so that a folder of callers files does not take it for one of its own.
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`)
  try {
    await writeDurably(temporary, text, owned)
    if (!await still()) {
      await rm(temporary, { force: true })
      return false
    }
    await rename(temporary, target)
    // Else the name itself may still be the old file's after a power cut.
    await syncFolder(dirname(target))
    return true
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Temporary files of processes that were killed. Only for who holds the file's lock: nobody is writing another one. */
export async function removeLeftovers(path: string): Promise<void> {
  const { target } = await look(path)
  const name = `.${basename(target)}.`
  const left = (await readdir(dirname(target))).filter(file => file.startsWith(name) && /^[0-9a-f]{12}$/.test(file.slice(name.length)))
  await Promise.all(left.map(file => rm(join(dirname(target), file), { force: true })))
}

interface Owned {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

async function look(path: string): Promise<{ target: string, owned: Owned | undefined }> {
  try {
    const target = await realpath(path)
    const { mode, uid, gid } = await stat(target)
    return { target, owned: { mode: mode & 0o777, uid, gid } }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { target: join(await realpath(dirname(path)), basename(path)), owned: undefined }
  }
}

async function writeDurably(path: string, text: string, owned: Owned | undefined): Promise<void> {
  const file = await open(path, 'wx', owned?.mode ?? 0o666)
  try {
    if (owned !== undefined) await keepOwned(file, owned)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** What root writes is still read by the user that serve runs as. */
async function keepOwned(file: FileHandle, { mode, uid, gid }: Owned): Promise<void> {
  const own = await file.stat()
  if (own.uid !== uid || own.gid !== gid) {
    // Only root gives files away; to a group of its own anybody may.
    await file.chown(uid, gid).catch(() => file.chown(own.uid, gid)).catch((cause: unknown) => {
      throw new Error('its owner and group would be others: do it as its owner, or as root', { cause })
    })
  }
  // The umask may have taken bits away that the file had, and a change of the owner does.
  await file.chmod(mode)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
