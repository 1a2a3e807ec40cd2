import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

/**
 * Puts a full log aside under the name that the API server's own log would get
 * (`audit-2026-11-21T10-00-00.000.log`, as lumberjack names it) and deletes the
 * oldest beyond `keep`. `at` is in milliseconds since the epoch.
 */
export async function rotate(path: string, keep: number, at: number): Promise<void> {
  const folder = dirname(path)
  const times = (await readdir(folder)).flatMap(name => timeOf(path, name) ?? []).sort((a, b) => a - b)
  // Later than all that are there, so that none is written over and, should the clock go back, none is taken for the oldest.
  const time = Math.max(at, (times.at(-1) ?? 0) + 1)
  await rename(path, join(folder, asideName(path, time)))
  const kept = Math.max(0, keep - 1)
  for (const old of times.slice(0, Math.max(0, times.length - kept))) {
    await rm(join(folder, asideName(path, old)), { force: true })
  }
}

function asideName(path: string, time: number): string {
  const extension = extname(path)
  return `${basename(path, extension)}-${new Date(time).toISOString().slice(0, -1).replaceAll(':', '-')}${extension}`
}

/** When a file of this name was put aside; undefined for any other file. */
function timeOf(path: string, name: string): number | undefined {
  const extension = extname(path)
  const time = name.slice(basename(path, extension).length + 1, name.length - extension.length)
  const parsed = Date.parse(`${time.replace(/T(\d\d)-(\d\d)-(\d\d)/, 'T$1:$2:$3')}Z`)
  return !Number.isNaN(parsed) && asideName(path, parsed) === name ? parsed : undefined
}
