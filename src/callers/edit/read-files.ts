import { isDeepStrictEqual } from 'node:util'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FaultsError, wholeFile } from '../../files/fault.ts'
import { whyUnreadable } from '../../files/unreadable.ts'
import { readEntries } from '../entries.ts'
import type { Entries } from '../entries.ts'
import { assembleCallers, listFiles } from '../load.ts'
import type { LoadOptions } from '../load.ts'

/** A callers file as it was read; `text` is empty where there is none yet and one may be made. */
export interface ReadFile {
  readonly file: string
  readonly text: string
  readonly entries: Entries
}

/**
 * All callers files, by name and text. `made`: a file that is to be among them though it is
 * not there. Rejects with FaultsError where one cannot be read.
 */
export async function readTexts(paths: readonly string[], made?: string): Promise<ReadonlyMap<string, string>> {
  const files = new Set([...(await Promise.all(paths.map(listFiles))).flat(), ...made === undefined ? [] : [made]])
  return new Map(await Promise.all([...files].map(async (file): Promise<[string, string]> => [file, await readText(file, file === made)])))
}

async function readText(file: string, mayBeMade: boolean): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (mayBeMade && (error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new FaultsError([wholeFile(file, whyUnreadable(error))])
  }
}

/** Rejects with FaultsError where what is in them is not sound. */
export async function readSound(texts: ReadonlyMap<string, string>, options: LoadOptions): Promise<readonly ReadFile[]> {
  const files: ReadFile[] = []
  for (const [file, text] of texts) {
    files.push({ file, text, entries: readEntries(file, text) })
    // A large file takes its time: whoever waits is told so in between.
    await new Promise(setImmediate)
  }
  requireSound(files, options)
  return files
}

export function requireSound(files: readonly ReadFile[], options: LoadOptions): void {
  const { faults } = assembleCallers(files.map(({ entries }) => entries), options)
  if (faults.length > 0) throw new FaultsError(faults)
}

export async function areUnchanged(texts: ReadonlyMap<string, string>, paths: readonly string[], made?: string): Promise<boolean> {
  return isDeepStrictEqual([...await readTexts(paths, made)], [...texts])
}

/** The folders that callers files are in: each has one lock, whichever of its files a config names. */
export async function foldersOf(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map(async path => (await stat(path).catch(() => undefined))?.isDirectory() === true ? path : dirname(path)))
}
