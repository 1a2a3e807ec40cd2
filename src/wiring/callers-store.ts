import { createFilesStore } from '../callers/edit/files-store.ts'
import type { CallersStore } from '../callers/store.ts'
import type { Config } from '../config/config.ts'

export interface CallersStoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly env: Readonly<Record<string, string | undefined>>
  /** The file that a new caller goes into; default: the store chooses. */
  readonly into?: string | undefined
}

/** Where the config says that callers are kept, for a command. */
export async function openCallersStore({ callers }: Config, { now, into }: CallersStoreOptions): Promise<CallersStore> {
  return createFilesStore({ paths: callers.paths, now, into })
}
