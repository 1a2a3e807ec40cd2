import { access, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

/**
 * Puts a full log aside under the name that the API server's own log would get
 * (`audit-2026-11-21T10-00-00.000.log`, as lumberjack names it) and deletes the
 * oldest beyond `keep`. `at` is in milliseconds since the epoch.
 */
export async function rotate(path: string, keep: number, at: number): Promise<void> {
  await rename(path, await freeName(path, at))
  const folder = dirname(path)
  const aside = (await readdir(folder)).filter(name => isAside(path, name)).sort()
  for (const name of aside.slice(0, Math.max(0, aside.length - keep))) await rm(join(folder, name), { force: true })
}

/** Renaming onto a name that is taken would delete what is there. */
async function freeName(path: string, at: number): Promise<string> {
  for (let time = at; ; time++) {
    const name = asideName(path, time)
    if (await access(name).then(() => false, () => true)) return name
  }
}

function asideName(path: string, at: number): string {
  const { stem, extension } = split(path)
  const time = new Date(at).toISOString().slice(0, -1).replaceAll(':', '-')
  return join(dirname(path), `${stem}-${time}${extension}`)
}

function isAside(path: string, name: string): boolean {
  const { stem, extension } = split(path)
  if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) return false
  const time = name.slice(stem.length + 1, name.length - extension.length)
  return /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/.test(time)
}

function split(path: string): { stem: string, extension: string } {
  const extension = extname(path)
  return { stem: basename(path, extension), extension }
}
