import { readFile } from 'node:fs/promises'
import { addKey } from '../callers/add-key.ts'
import { readEntries } from '../callers/entries.ts'
import { listFiles, requireCallers } from '../callers/load.ts'
import type { WrittenKey } from '../callers/schema.ts'
import { requireConfig } from '../config/load.ts'
import { parseDuration } from '../config/units.ts'
import { withLock } from '../files/lock.ts'
import { replaceFile } from '../files/replace.ts'
import { digestKey, mintKey } from '../keys/key.ts'
import { messageOf, write } from './output.ts'
import type { Output } from './output.ts'

export interface KeyCreateArgs {
  readonly configFile: string
  readonly caller: string
  /** A duration as in `90d`; without one the key has no end. */
  readonly expires?: string | undefined
}

export interface KeyCreateDeps {
  /** The key and nothing else, so that it can be piped. */
  readonly stdout: Output
  readonly stderr: Output
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** That many random bytes. */
  readonly random: (bytes: number) => Uint8Array
}

/**
 * `portcullis key create`: a key for a caller, in its callers file before it is printed.
 * Returns the exit code: 0 done, 1 a fault in what was given, 2 wrong usage.
 */
export async function keyCreateCommand(args: KeyCreateArgs, deps: KeyCreateDeps): Promise<number> {
  const lifetime = args.expires === undefined ? undefined : parseDuration(args.expires)
  if (args.expires !== undefined && (lifetime ?? 0) <= 0) {
    await write(deps.stderr, 'portcullis key create: --expires takes a duration such as 12h or 90d\n')
    return 2
  }
  try {
    const { key, record, file } = await create(args, lifetime, deps)
    const end = record.expiresAt === undefined ? 'without an end' : `until ${record.expiresAt}`
    await write(deps.stdout, `${key}\n`)
    await write(deps.stderr, `key ${record.id} of caller ${args.caller}, ${end}: its digest is in ${file}. The key itself is shown this once.\n`)
    return 0
  } catch (error) {
    await write(deps.stderr, `portcullis key create: ${messageOf(error)}\n`)
    return 1
  }
}

interface Created {
  readonly key: string
  readonly record: WrittenKey
  readonly file: string
}

async function create({ configFile, caller }: KeyCreateArgs, lifetime: number | undefined, deps: KeyCreateDeps): Promise<Created> {
  const { config } = await requireConfig(configFile)
  if (config.callers.kind !== 'file') throw new Error('the callers are kept in the Kubernetes API')
  const { paths } = config.callers
  const file = await findFile(paths, caller)
  return withLock(file, async () => {
    // Asked under the lock: another command may have added a key, and ids are there once.
    const { keys } = await requireCallers(paths)
    const minted = mintUnused(id => keys.has(id), deps.random)
    const record = toRecord(minted, deps.now(), lifetime)
    await replaceFile(file, addKey(file, await readFile(file, 'utf8'), caller, record)).catch((error: unknown) => {
      throw new Error(`${file} cannot be written: ${messageOf(error)}`, { cause: error })
    })
    return { key: minted.key, record, file }
  })
}

/** Which of the callers files holds a caller. Rejects with FaultsError, or where none does. */
async function findFile(paths: readonly string[], caller: string): Promise<string> {
  await requireCallers(paths)
  for (const file of (await Promise.all(paths.map(listFiles))).flat()) {
    const { callers } = readEntries(file, await readFile(file, 'utf8'))
    if (callers.some(({ value }) => value.name === caller)) return file
  }
  throw new Error(`there is no caller ${JSON.stringify(caller)} in ${paths.join(', ')}; write it there first, under callers:\n`
    + `  - name: ${caller}\n    scopes: []   # what it may do`)
}

function mintUnused(isUsed: (id: string) => boolean, random: KeyCreateDeps['random']): { id: string, key: string } {
  for (;;) {
    const minted = mintKey(random)
    if (!isUsed(minted.id)) return minted
  }
}

function toRecord({ id, key }: { id: string, key: string }, now: number, lifetime: number | undefined): WrittenKey {
  const record = { id, sha256: digestKey(key).toString('hex'), createdAt: formatTime(now) }
  return lifetime === undefined ? record : { ...record, expiresAt: formatTime(now + lifetime) }
}

function formatTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
