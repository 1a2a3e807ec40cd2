import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { readEntries } from '../entries.ts'
import { isCallersFile } from '../load.ts'
import type { ReadFile } from './read-files.ts'

/** Where a new caller goes: the file that was asked for, the first with callers, the first that there is, or a new one in the folder. */
export async function chooseFile(files: readonly ReadFile[], paths: readonly string[], into: string | undefined): Promise<ReadFile> {
  const named = files.find(({ file }) => file === into)
  if (named !== undefined) return named
  const found = files.find(({ entries }) => entries.callers.length > 0)
    ?? files.find(({ text }) => /^[ \t{]*["']?callers["']?[ \t]*:/m.test(text))
    ?? files.find(({ file }) => paths.includes(file))
  if (found !== undefined) return found
  const [folder = ''] = (await Promise.all(paths.map(async path => (await stat(path)).isDirectory() ? [path] : []))).flat()
  const file = join(folder, 'callers.yaml')
  return files.find(other => other.file === file) ?? { file, text: '', entries: readEntries(file, '') }
}

/** A file as the config's own paths lead to it, so that it is there once. Throws where it would not be read. */
export function placeWithin(paths: readonly string[], file: string): string {
  const itself = paths.find(path => resolve(path) === resolve(file))
  if (itself !== undefined) return itself
  const folder = paths.find(path => resolve(path) === dirname(resolve(file)))
  if (folder !== undefined && isCallersFile(basename(file))) return join(folder, basename(file))
  throw new Error(`${file} would not be read: callers come from ${paths.join(', ')}, and of a folder from its *.yaml, *.yml and *.json`)
}
