import type { WrittenKey } from '../callers/schema.ts'
import { findStored, openStore, type CallersDeps } from './callers-deps.ts'
import { durationWords } from './duration-words.ts'
import { formatTime, sameForm, stateOf, type KeyState } from './key-life.ts'
import { askLastUsed, type LastUsed } from './last-used.ts'
import { write } from './output.ts'
import { runCommand } from './run-command.ts'
import { formatTable, type Column } from './table.ts'

export interface KeyListArgs {
  readonly configFile: string
  /** Of this one alone. */
  readonly caller?: string | undefined
  readonly json?: boolean | undefined
}

/** Times in RFC 3339; null: there is none, or it is not known. */
interface Row {
  readonly id: string
  readonly caller: string
  readonly createdAt: string | null
  readonly expiresAt: string | null
  readonly revokedAt: string | null
  readonly lastUsedAt: string | null
  readonly state: KeyState
}

/** `portcullis key list`: every key, by caller and age. Returns the exit code: 0, or 1 where the callers cannot be read. */
export function keyListCommand({ configFile, caller, json = false }: KeyListArgs, deps: CallersDeps): Promise<number> {
  return runCommand('key list', deps.stderr, async () => {
    const { config, store } = await openStore(configFile, deps)
    const [current, used] = await Promise.all([store.read(), askLastUsed(config.admin)])
    const callers = caller === undefined ? current.callers : [findStored(current, caller)]
    const now = deps.now()
    const rows = callers.flatMap(({ value }) => value.keys.map(key => rowOf(key, value.name, used, now))).sort(byCallerAndAge)
    await write(deps.stdout, json ? `${JSON.stringify(rows, null, 2)}\n` : formatTable(columns(now), rows))
    if (!used.known) await write(deps.stderr, `when keys were last used is not known: ${used.why}\n`)
    return 0
  })
}

function rowOf(key: WrittenKey, caller: string, used: LastUsed, now: number): Row {
  const at = used.known ? used.at.get(key.id) : undefined
  return {
    id: key.id, caller, createdAt: sameForm(key.createdAt), expiresAt: sameForm(key.expiresAt), revokedAt: sameForm(key.revokedAt),
    lastUsedAt: at === undefined ? null : formatTime(at), state: stateOf(key, now),
  }
}

function byCallerAndAge(a: Row, b: Row): number {
  return compare(a.caller, b.caller) || compare(a.createdAt ?? '', b.createdAt ?? '') || compare(a.id, b.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function columns(now: number): Column<Row>[] {
  return [
    { head: 'ID', cell: ({ id }) => id },
    { head: 'CALLER', cell: ({ caller }) => caller },
    { head: 'CREATED', cell: ({ createdAt }) => createdAt ?? '-' },
    { head: 'EXPIRES', cell: ({ expiresAt }) => expiresAt ?? 'never' },
    { head: 'LAST USED', cell: ({ lastUsedAt }) => lastUsedAt === null ? '-' : `${durationWords(Math.max(now - Date.parse(lastUsedAt), 0))} ago` },
    { head: 'STATE', cell: ({ state }) => state },
  ]
}
