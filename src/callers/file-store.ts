import type { Fault } from '../files/fault.ts'
import { newestChange } from '../files/newest-change.ts'
import { keepReloading } from '../files/reloading.ts'
import type { Reloaded } from '../files/reloading.ts'
import type { watchFiles } from '../files/watch.ts'
import type { Callers } from './callers.ts'
import { LoadThread } from './load-aside.ts'
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
  /** Nobody is served yet, so the first load may hold everybody up: without a thread, which begins first, it takes half of the time. */
  readonly starting?: boolean
  /** Of every load, the first one too unless `starting`: see `loadState`. */
  readonly asideFrom?: number
}

/** Bytes of files that a start reads without a thread. */
const atStart = 8 * 1024 * 1024

/**
 * Callers from files, followed as they change. What is in force changes at once and
 * whole; a bad file changes nothing. Rejects with FaultsError where the first state is bad.
 */
export async function createFileCallers(options: FileCallersOptions): Promise<Callers> {
  const { paths, report = () => undefined, watch, starting = false, asideFrom } = options
  const state = new FileState(options)
  // Followed before it is read: what changes in between is then read again.
  const following = await keepReloading({ paths, reload: () => state.reload(asideFrom), report, ...watch === undefined ? {} : { watch } })
  try {
    report({ ok: true, warnings: await state.reload(starting ? atStart : asideFrom) })
  } catch (error) {
    following.close()
    state.close()
    throw error
  }
  return {
    findKey: id => state.current?.keys.get(id),
    openKey: (id, digest) => state.current?.keys.open(id, digest),
    all: () => state.current?.callers ?? [],
    onChange: listener => state.onChange(listener),
    close() {
      following.close()
      state.close()
    },
  }
}

class FileState {
  current: CallersState | undefined
  readonly #options: Pick<FileCallersOptions, 'paths' | 'clusters' | 'now'>
  readonly #listeners = new Set<(since?: number) => void>()
  readonly #closing = new AbortController()
  readonly #thread = new LoadThread()
  #last: Promise<unknown> = Promise.resolve()
  #newest = -Infinity

  constructor(options: Pick<FileCallersOptions, 'paths' | 'clusters' | 'now'>) {
    this.#options = options
  }

  /** One at a time: of two, the one that read first may be done last, and would put what is old in the place of what is new. */
  reload(asideFrom: number | undefined): Promise<readonly Fault[]> {
    const turn = this.#last.then(() => this.#load(asideFrom))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  onChange(listener: (since?: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#closing.abort(new Error('the callers are not followed any more'))
    this.#thread.close()
    this.#listeners.clear()
  }

  async #load(asideFrom: number | undefined): Promise<readonly Fault[]> {
    const { paths, clusters, now = Date.now } = this.#options
    const { signal } = this.#closing
    signal.throwIfAborted()
    const changed = await newestChange(paths) ?? -Infinity
    const next = await loadState(paths, { clusters, now: now(), before: this.current, signal, asideFrom, thread: this.#thread })
    signal.throwIfAborted()
    this.current = next
    // Where a file went away, those that are left do not say when.
    const since = changed > this.#newest ? changed : undefined
    this.#newest = Math.max(this.#newest, changed)
    for (const listener of this.#listeners) listener(since)
    return next.warnings
  }
}
