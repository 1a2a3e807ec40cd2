import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { byPosition, FaultsError, wholeFile } from '../files/fault.ts'
import type { Fault, Path } from '../files/fault.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import type { CallerDefinition, Rule } from '../model/caller.ts'
import { buildCaller, buildKey, buildScope } from './build.ts'
import { KeyTable } from '../keys/key-table.ts'
import { checkCaller } from './check-caller.ts'
import { checkTwins } from './check-identity.ts'
import { checkRules } from './check-rules.ts'
import { checkShadows } from './check-shadow.ts'
import { locateIn, readEntries, soundItems } from './entries.ts'
import type { Entries, Entry, WrittenGrant } from './entries.ts'
import { Report } from './report.ts'

export interface LoadedCallers {
  /** With faults there are none, nor scopes, nor keys: all or nothing. */
  readonly callers: readonly CallerDefinition[]
  /** The rules of every scope, in force or not: what of them is granted, the callers say. */
  readonly scopes: ReadonlyMap<string, readonly Rule[]>
  readonly keys: KeyTable
  /** All of them, in the order of the files. */
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

export interface LoadOptions {
  /** Names of the clusters that there are, where they are known: a caller that names another is warned of. */
  readonly clusters?: readonly string[] | undefined
  /** Milliseconds since the epoch; default: the clock. */
  readonly now?: number
}

/** Reads callers and scopes from files and folders. What is wrong with them is a fault, never a rejection. */
export async function loadCallers(paths: readonly string[], options: LoadOptions = {}): Promise<LoadedCallers> {
  return assembleCallers(await readCallers(paths), options)
}

/** What is written in files and folders, before any of it is held against the rest. */
export async function readCallers(paths: readonly string[]): Promise<readonly Entries[]> {
  const files = (await Promise.all(paths.map(listFiles))).flat()
  return Promise.all(files.map(readOne))
}

/** The same for a start or a command: rejects with FaultsError where there are faults. */
export async function requireCallers(paths: readonly string[], options: LoadOptions = {}): Promise<LoadedCallers> {
  const loaded = await loadCallers(paths, options)
  if (loaded.faults.length > 0) throw new FaultsError(loaded.faults)
  return loaded
}

async function readOne(file: string): Promise<Entries> {
  const read = await readFile(file).catch((error: unknown) => wholeFile(file, whyUnreadable(error)))
  // At once: in pieces, as they are read, it takes many times as long.
  return Buffer.isBuffer(read) ? readEntries(file, read.toString('utf8')) : { scopes: [], callers: [], faults: [read] }
}

/** The files of a folder, in order of their names; dotfiles (`..data` of a mounted Secret) are not among them. */
export async function listFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined)
  // A path that does not exist is a file that cannot be read, and reported as that.
  if (found?.isDirectory() !== true) return [path]
  const names = await readdir(path)
  return names.filter(isCallersFile).sort().map(name => join(path, name))
}

/** By its name, of what is in a folder. */
export function isCallersFile(name: string): boolean {
  return /^[^.].*\.(yaml|yml|json)$/.test(name)
}

/** The callers that the files make together. */
export function assembleCallers(read: readonly Entries[], { clusters, now = Date.now() }: LoadOptions = {}): LoadedCallers {
  const report = new Report()
  report.faults.push(...read.flatMap(({ faults }) => faults))
  const scopes = indexScopes(read.flatMap(({ scopes }) => scopes), report)
  const callers = read.flatMap(({ callers }) => callers)
  for (const caller of callers) checkCaller(caller, { scopes, clusters, now }, report)
  checkTwins(callers, report)
  checkShadows(scopes, callers, report)
  checkNames(callers, 'a caller', 'give one of them another name', ({ value }) => [[['name'], value?.name]], report)
  checkNames(callers, 'a key', 'an id stands for one key of one caller', entry => Array.from(soundItems(entry, ['keys'], entry.value?.keys), ([index, key]) => [['keys', index, 'id'], key.id]), report)

  const faults = byPosition(report.faults)
  const warnings = byPosition(report.warnings)
  if (faults.length > 0) return { callers: [], scopes: new Map(), keys: new KeyTable(), faults, warnings }
  return { ...buildAll(scopes, callers), faults, warnings }
}

function indexScopes(entries: readonly Entry<WrittenGrant>[], report: Report): ReadonlyMap<string, Entry<WrittenGrant>> {
  for (const entry of entries) checkRules(entry, ['rules'], entry.value.rules, entry.value.clusterRole, report)
  checkNames(entries, 'a scope', 'give one of them another name', ({ value }) => [[value.clusterRole ? ['metadata', 'name'] : ['name'], value.name]], report)
  return new Map(entries.map(entry => [entry.value.name, entry]))
}

type Named = readonly [path: Path, name: string]

/** Names that must be there once, over all files: which one is meant would depend on their order. */
function checkNames<T>(entries: readonly Entry<T>[], what: string, help: string, namesOf: (entry: Entry<T>) => readonly Named[], report: Report): void {
  const seen = new Map<string, { readonly entry: Entry<unknown>, readonly path: Path }>()
  for (const entry of entries) {
    for (const [path, name] of namesOf(entry)) {
      if (!entry.sound(path)) continue
      const first = seen.get(name)
      if (first === undefined) seen.set(name, { entry, path })
      else report.fault(entry, path, `is there twice: ${what} ${name} is also at ${placeOf(first.entry, first.path)}; ${help}`)
    }
  }
}

function placeOf(entry: Entry<unknown>, path: Path): string {
  const { file, line, column, subject } = locateIn(entry, path, '')
  return `${file}:${line}:${column}${subject === undefined ? '' : ` (${subject})`}`
}

function buildAll(scopes: ReadonlyMap<string, Entry<WrittenGrant>>, entries: Entries['callers']) {
  const built = new Map([...scopes].map(([name, { value }]) => [name, buildScope(value)]))
  const callers = entries.map(({ value, document }) => buildCaller(value, built, () => dirname(document.locate({ path: [], message: '' }).file)))
  const keys = new KeyTable()
  for (const [index, caller] of callers.entries()) {
    for (const key of entries[index]?.value.keys ?? []) keys.add(buildKey(key, caller))
  }
  return { callers, scopes: new Map([...built].map(([name, { rules }]) => [name, rules])), keys }
}
