import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * When the newest of these files became what it is, in milliseconds since the epoch: written, or renamed to
 * here, by the file system's clock. Of a folder, the files in it. Undefined where none can be asked.
 */
export async function newestChange(paths: readonly string[]): Promise<number | undefined> {
  const times = (await Promise.all(paths.map(changesIn))).flat()
  return times.length === 0 ? undefined : Math.max(...times)
}

async function changesIn(path: string): Promise<number[]> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) return found === undefined ? [] : [found.ctimeMs]
  const names = await readdir(path).catch(() => [])
  const files = await Promise.all(names.filter(name => !name.startsWith('.')).map(name => stat(join(path, name)).catch(() => undefined)))
  return files.flatMap(file => file?.isFile() === true ? [file.ctimeMs] : [])
}
