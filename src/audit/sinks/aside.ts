import { readdir } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

/** A log that was put aside, and when. */
export interface Aside {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** As it was named, without what compressing adds. */
  readonly path: string
  /** All that there is of it: itself, compressed or not, and its signature. */
  readonly files: readonly string[]
}

/** What stands behind the name of a log that was compressed or signed. */
export const asideSuffixes = { plain: '', packed: '.gz', signature: '.jws' } as const

/** Oldest first. */
export async function listAside(path: string): Promise<Aside[]> {
  const folder = dirname(path)
  const found = new Map<number, string[]>()
  for (const name of await readdir(folder)) {
    const at = timeOf(path, name)
    if (at !== undefined) found.set(at, [...found.get(at) ?? [], join(folder, name)])
  }
  return [...found].sort(([a], [b]) => a - b).map(([at, files]) => ({ at, path: asidePath(path, at), files }))
}

/** The name that the API server's own log would get (`audit-2026-11-21T10-00-00.000.log`, as lumberjack names it). */
export function asidePath(path: string, at: number): string {
  const extension = extname(path)
  return join(dirname(path), `${basename(path, extension)}-${new Date(at).toISOString().slice(0, -1).replaceAll(':', '-')}${extension}`)
}

/** The one of its files that has the lines. */
export function linesOf({ files }: Aside): string | undefined {
  return files.find(file => !file.endsWith(asideSuffixes.signature))
}

/** When a file of this name was put aside; undefined for any other file. */
function timeOf(path: string, name: string): number | undefined {
  const extension = extname(path)
  for (const suffix of Object.values(asideSuffixes)) {
    const plain = suffix !== '' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
    const time = plain.slice(basename(path, extension).length + 1, plain.length - extension.length)
    const parsed = Date.parse(`${time.replace(/T(\d\d)-(\d\d)-(\d\d)/, 'T$1:$2:$3')}Z`)
    if (!Number.isNaN(parsed) && basename(asidePath(path, parsed)) === plain) return parsed
  }
  return undefined
}
