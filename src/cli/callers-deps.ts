import type { StoredCallers, CallersStore, Stored } from '../callers/store.ts'
import type { WrittenCaller } from '../callers/schema.ts'
import type { Config } from '../config/config.ts'
import { requireConfig } from '../config/load.ts'
import { openCallersStore } from './callers-store.ts'
import type { Output } from './output.ts'
import type { Watched } from './saying.ts'

/** What the commands about callers, keys and scopes read and write. */
export interface CallersDeps {
  /** What was asked for, and nothing else, so that it can be piped. */
  readonly stdout: Output
  readonly stderr: Watched
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export interface Opened {
  readonly config: Config
  readonly store: CallersStore
}

/** Rejects with FaultsError where the config is bad. `into`: the file that a new caller goes into. */
export async function openStore(configFile: string, { now, env }: CallersDeps, into?: string): Promise<Opened> {
  const { config } = await requireConfig(configFile)
  return { config, store: await openCallersStore(config, { now, env, into }) }
}

/** Throws where there is no such caller, and says how to make one. */
export function findStored({ callers }: StoredCallers, name: string): Stored<WrittenCaller> {
  const found = callers.find(({ value }) => value.name === name)
  if (found !== undefined) return found
  const [first] = callers
  const others = first === undefined ? 'there are none yet' : 'portcullis caller list names those that there are'
  throw new Error(`there is no caller ${JSON.stringify(name)}; ${others}. To add it: portcullis caller add ${name} --scope SCOPE`)
}
