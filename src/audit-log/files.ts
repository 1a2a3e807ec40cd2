import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

/** A file of a log. */
export interface LogFile {
  readonly path: string
  /** Milliseconds since the epoch at which it was put aside: nothing was written to it later. Undefined: it is still written to. */
  readonly asideAt: number | undefined
}

/**
 * The files of the log that is written to `path`: what rotation put aside, oldest first, compressed or
 * not, then the file itself. What is not there is left out, and an empty list where nothing is. Rejects
 * where the folder cannot be listed, but for one that does not exist.
 */
export async function findLogFiles(path: string): Promise<LogFile[]> {
  const current = await stat(path).then(() => [{ path, asideAt: undefined }], () => [])
  return [...await findAside(path), ...current]
}

/** What rotation put aside of the log at `path`, oldest first. */
export async function findAside(path: string): Promise<LogFile[]> {
  const folder = dirname(path)
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const there = new Set(names)
  const aside = names.flatMap((name) => {
    // Of a file and its compressed copy the copy may be half written yet.
    if (name.endsWith('.gz') && there.has(name.slice(0, -3))) return []
    const asideAt = asideTime(path, name)
    return asideAt === undefined ? [] : [{ path: join(folder, name), asideAt }]
  })
  return aside.sort((a, b) => a.asideAt - b.asideAt)
}

const timeForm = /^(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d\.\d{3})$/

/** When a file of this name was put aside (`audit-2026-11-21T10-00-00.000.log`, as lumberjack names it; `.gz` behind it once compressed). */
function asideTime(path: string, name: string): number | undefined {
  const extension = extname(path)
  const start = `${basename(path, extension)}-`
  const plain = name.endsWith('.gz') ? name.slice(0, -3) : name
  if (!plain.startsWith(start) || !plain.endsWith(extension)) return undefined
  const [, day, hour, minute, second] = timeForm.exec(plain.slice(start.length, plain.length - extension.length)) ?? []
  const time = Date.parse(`${day}${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? undefined : time
}
