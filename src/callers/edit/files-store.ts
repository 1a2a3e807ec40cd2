import { isDeepStrictEqual } from 'node:util'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from '../../files/lock.ts'
import { removeLeftovers, replaceFile } from '../../files/replace.ts'
import { checkSchema } from '../../files/schema.ts'
import { readEntries } from '../entries.ts'
import type { Entry } from '../entries.ts'
import { callerSchema } from '../schema.ts'
import type { CallersChange, CallersStore, Stored, StoredCallers } from '../store.ts'
import { addCaller, callerLines } from './add-caller.ts'
import { chooseFile, placeWithin } from './choose-file.ts'
import { editCaller } from './edit-caller.ts'
import { inlineYaml } from './notation.ts'
import { pieceOf } from './piece.ts'
import { changedKeys, planOf } from './plan.ts'
import type { Plan } from './plan.ts'
import { areUnchanged, foldersOf, readSound, readTexts, requireSound } from './read-files.ts'
import type { ReadFile } from './read-files.ts'

export interface FilesStoreOptions {
  /** Files and folders. */
  readonly paths: readonly string[]
  /** Where a caller is added; it may be made. Throws where none of the paths leads there. Default: the first file that has callers. */
  readonly into?: string | undefined
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined
  /** Milliseconds to wait for other commands; each takes seconds where callers are thousands. */
  readonly patience?: number
}

/** How often a change is decided anew when somebody who takes no lock, an editor, writes meanwhile. */
const attempts = 5

/** Callers in files and folders, for the commands: read, and changed without touching another byte. */
export function createFilesStore({ paths, into: asked, now = Date.now, patience = 60_000 }: FilesStoreOptions): CallersStore {
  const into = asked === undefined ? undefined : placeWithin(paths, asked)

  async function attempt(decide: (current: StoredCallers) => readonly CallersChange[]): Promise<string | undefined> {
    const texts = await readTexts(paths, into)
    const files = await readSound(texts, { now: now() })
    const plan = planOf(decide(toStored(files)))
    if (plan === undefined) return ''
    const written = plan.made === undefined ? requireHolder(files, plan.caller) : await chooseFile(files, paths, into)
    const text = changeFile(written, plan)
    const after = { file: written.file, text, entries: readEntries(written.file, text) }
    if (!isAsMeant(written, after, plan)) throw byHand(written.file, plan)
    requireSound([...files.filter(({ file }) => file !== written.file), after], { now: now() })
    return await write(written.file, text, () => areUnchanged(texts, paths, into)) ? written.file : undefined
  }
  return {
    async read() {
      return toStored(await readSound(await readTexts(paths), { now: now() }))
    },
    async change(decide) {
      return locked(await foldersOf(paths), patience, async () => {
        for (let turn = 0; turn < attempts; turn += 1) {
          const file = await attempt(decide)
          if (file !== undefined) return file
        }
        throw new Error(`${paths.join(', ')} changed underneath ${attempts} times: something else writes there all the time. Nothing was changed; try again`)
      })
    },
  }
}

function toStored(files: readonly ReadFile[]): StoredCallers {
  return { callers: files.flatMap(({ entries }) => entries.callers.map(stored)), scopes: files.flatMap(({ entries }) => entries.scopes.map(stored)) }
}

function stored<T>({ value, path, document }: Entry<T>): Stored<T> {
  return {
    value,
    // Looked up where it is asked for: of thousands that takes long.
    get where() {
      const { file, line, column } = document.locate({ path, message: '' })
      return `${file}:${line}:${column}`
    },
  }
}

function requireHolder(files: readonly ReadFile[], caller: string): ReadFile {
  const file = files.find(({ entries }) => entries.callers.some(({ value }) => value.name === caller))
  if (file === undefined) throw new Error(`no file has a caller ${caller}`)
  return file
}

function changeFile({ file, text }: ReadFile, plan: Plan): string {
  // What Node puts in the place of other bytes: they would be lost.
  if (text.includes('\uFFFD')) throw new Error(`${file} holds bytes that are not UTF-8, which would not survive a change: write it as UTF-8 first`)
  const piece = pieceOf(file, text)
  const changed = plan.made === undefined ? editCaller(piece, plan) : addCaller(piece, plan.made)
  if (changed === undefined) throw byHand(file, plan)
  return changed
}

/** Whether all is what it was but the one caller, and that is what was meant. */
function isAsMeant({ entries: before }: ReadFile, { entries: after }: ReadFile, plan: Plan): boolean {
  const values = <T>(entries: readonly Entry<T>[]) => entries.map(({ value }) => value)
  const found = values(after.callers)
  const expected = values(before.callers).map(caller => caller.name === plan.caller ? { ...caller, keys: changedKeys(caller.keys, plan) } : caller)
  if (plan.made !== undefined) {
    const place = found.findIndex(({ name }) => name === plan.caller)
    expected.splice(place === -1 ? 0 : place, 0, checkSchema(callerSchema, plan.made).value)
  }
  return after.faults.length === 0 && isDeepStrictEqual(values(after.scopes), values(before.scopes)) && isDeepStrictEqual(found, expected)
}

function byHand(file: string, { caller, made, keys, fields }: Plan): Error {
  const how = made !== undefined
    ? `write it there yourself, under callers:\n${callerLines(made).map((line, index) => `  ${index === 0 ? '- ' : '  '}${line}`).join('\n')}`
    : keys.length > 0
      ? `write caller ${caller} as a mapping of its own, with a list of keys: keys: []`
      : `write it there yourself, into the keys of caller ${caller}:\n${[...fields].map(([id, values]) => `  ${id}: ${inlineYaml(values)}`).join('\n')}`
  return new Error(`${file} is written in a way that a command cannot be sure of, and nothing was changed: ${how}`)
}

async function write(file: string, text: string, still: () => Promise<boolean>): Promise<boolean> {
  try {
    await removeLeftovers(file)
    return await replaceFile(file, text, { still })
  } catch (error) {
    throw unwritable(file, error)
  }
}

/** In one order, so that of two commands none waits for the other's. */
async function locked<T>(folders: readonly string[], patience: number, work: () => Promise<T>): Promise<T> {
  const real = [...new Set(await Promise.all(folders.map(folder => realpath(folder).catch((error: unknown) => { throw unwritable(folder, error) }))))].sort()
  let working = false
  const within = real.reduceRight<() => Promise<T>>((inner, folder) => () => withLock(join(folder, '.callers'), inner, { patience }), () => {
    working = true
    return work()
  })
  return within().catch((error: unknown) => {
    throw working || (error as NodeJS.ErrnoException).code === undefined ? error : unwritable(real.join(', '), error)
  })
}

function unwritable(where: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException
  const mounted = code === 'EROFS' ? '; what is mounted from a Secret or a ConfigMap is to be changed where it comes from' : ''
  return new Error(`${where} cannot be written: ${message}${mounted}`, { cause: error })
}
