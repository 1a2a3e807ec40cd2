import { createFilesStore } from '../callers/edit/files-store.ts'
import type { CallersStore } from '../callers/store.ts'
import type { Config } from '../config/config.ts'
import { editStore } from './stored-callers.ts'

export interface CallersStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly env: Readonly<Record<string, string | undefined>>
  /** The file that a new caller goes into; default: the store chooses. */
  readonly into?: string | undefined
}

/** Where the config says that callers are kept, for a command. */
export async function openCallersStore(config: Config, { now, into, env }: CallersStoreOptions): Promise<CallersStore> {
  const { callers } = config
  if (callers.kind === 'kubernetes') {
    if (into !== undefined) throw new Error('--file is for callers in files; here they are kept in the Kubernetes API')
    return editStore(config, callers, { now, env })
  }
  return createFilesStore({ paths: callers.paths, now, into })
}
