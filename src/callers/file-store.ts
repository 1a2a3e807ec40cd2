import { newestChange } from '../files/newest-change.ts'
import { keepReloading } from '../files/reloading.ts'
import type { Reloaded } from '../files/reloading.ts'
import type { watchFiles } from '../files/watch.ts'
import type { Callers } from './callers.ts'
import { loadState } from './load-state.ts'
import type { CallersState } from './state.ts'

export interface FileCallersOptions {
  /** Files and folders. */
  readonly paths: readonly string[]
  /** Names of the clusters that there are, where they are known. */
  readonly clusters?: readonly string[]
  /** Told after every reload, good or bad; and once at the start. */
  readonly report?: (outcome: Reloaded) => void
  readonly now?: () => number
  readonly watch?: typeof watchFiles
  /** Nobody is served yet, so the first load may hold everybody up: it takes half of the time where no thread begins first. */
  readonly starting?: boolean
  /** Of later loads: see `loadState`. */
  readonly asideFrom?: number
}

/**
 * Callers from files, followed as they change. What is in force changes at once and
 * whole; a bad file changes nothing. Rejects with FaultsError where the first state is bad.
 */
export async function createFileCallers(options: FileCallersOptions): Promise<Callers> {
  const { paths, clusters, report = () => undefined, now = Date.now, watch, starting = false } = options
  const listeners = new Set<(since?: number) => void>()
  const closing = new AbortController()
  let current: CallersState | undefined
  let newest = -Infinity
  let asideFrom = starting ? 8 * 1024 * 1024 : options.asideFrom

  async function reload(): Promise<CallersState> {
    const changed = await newestChange(paths) ?? -Infinity
    const next = await loadState(paths, { clusters, now: now(), before: current, signal: closing.signal, asideFrom })
    closing.signal.throwIfAborted()
    current = next
    // Where a file went away, those that are left do not say when.
    const since = changed > newest ? changed : undefined
    newest = Math.max(newest, changed)
    for (const listener of listeners) listener(since)
    return current
  }

  // Followed before it is read: what changes in between is then read again.
  const following = await keepReloading({ paths, reload: async () => (await reload()).warnings, report, ...watch === undefined ? {} : { watch } })
  try {
    report({ ok: true, warnings: (await reload()).warnings })
  } catch (error) {
    following.close()
    throw error
  }
  asideFrom = options.asideFrom
  return {
    findKey: id => current?.keys.get(id),
    openKey: (id, digest) => current?.keys.open(id, digest),
    all: () => current?.callers ?? [],
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      following.close()
      closing.abort(new Error('the callers are not followed any more'))
      listeners.clear()
    },
  }
}
