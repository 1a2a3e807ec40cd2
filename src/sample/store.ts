import type { KubeObject } from './json.ts'
import { namespaceOf } from './json.ts'
import { ApiError } from './status.ts'

export interface Change {
  readonly revision: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly storage: string
  readonly object: KubeObject
  readonly previous: KubeObject | undefined
  readonly size: number
}

export interface StoreLimits {
  readonly objects: number
  readonly bytes: number
  readonly changes: number
}

const sizeOf = (object: KubeObject) => JSON.stringify(object).length
const keyOf = (object: KubeObject) => `${namespaceOf(object)}/${object.metadata.name}`

/**
 * Objects by collection, namespace and name, with one revision counter for
 * all and a bounded history of changes, as etcd has. What is stored is never
 * changed in place: a write stores a new object.
 */
export class Store {
  readonly #limits: StoreLimits
  readonly #collections = new Map<string, Map<string, KubeObject>>()
  readonly #history: Change[] = []
  readonly #wakers = new Set<() => void>()
  #revision = 1000
  #objects = 0
  #bytes = 0
  #historyBytes = 0
  #forgotten = 0

  constructor(limits: StoreLimits) {
    this.#limits = limits
  }

  get revision(): number {
    return this.#revision
  }

  get(storage: string, namespace: string, name: string): KubeObject | undefined {
    return this.#collections.get(storage)?.get(`${namespace}/${name}`)
  }

  /** Sorted by namespace and name, the order in which pages are cut. */
  list(storage: string, namespace = ''): KubeObject[] {
    return sorted([...this.#collections.get(storage)?.values() ?? []], namespace)
  }

  /** The collection as it was at a revision, or undefined when the history does not reach back so far. */
  listAt(storage: string, namespace: string, revision: number): KubeObject[] | undefined {
    const since = this.since(revision)
    if (since === undefined) return undefined
    const then = new Map(this.#collections.get(storage))
    for (const change of since.toReversed()) {
      if (change.storage !== storage) continue
      if (change.previous === undefined) then.delete(keyOf(change.object))
      else then.set(keyOf(change.object), change.previous)
    }
    return sorted([...then.values()], namespace)
  }

  /** Stores an object under the next revision and returns it as stored. */
  put(storage: string, object: KubeObject): KubeObject {
    const previous = this.get(storage, namespaceOf(object), object.metadata.name)
    const growth = sizeOf(object) - (previous === undefined ? 0 : sizeOf(previous))
    this.#refuseBeyondLimits(previous === undefined ? 1 : 0, growth)
    const stored = this.#withRevision(object)
    const collection = this.#collections.get(storage) ?? new Map<string, KubeObject>()
    this.#collections.set(storage, collection.set(keyOf(stored), stored))
    this.#objects += previous === undefined ? 1 : 0
    this.#bytes += growth
    this.#record(previous === undefined ? 'ADDED' : 'MODIFIED', storage, stored, previous)
    return stored
  }

  /** Removes an object and returns it as it was last, under the revision of its removal. */
  remove(storage: string, object: KubeObject): KubeObject {
    const removed = this.#withRevision(object)
    this.#collections.get(storage)?.delete(keyOf(object))
    this.#objects -= 1
    this.#bytes -= sizeOf(object)
    this.#record('DELETED', storage, removed, object)
    return removed
  }

  /** The changes after a revision, or undefined when some of them are forgotten. */
  since(revision: number): readonly Change[] | undefined {
    if (revision >= this.#revision) return []
    if (revision < this.#forgotten) return undefined
    const oldest = this.#history[0]
    if (oldest === undefined || revision < oldest.revision - 1) return undefined
    return this.#history.slice(revision - oldest.revision + 1)
  }

  /** Forgets every change, as etcd does when it is compacted: no watch can be replayed from before now. */
  compact(): void {
    this.#forgotten = this.#revision
    this.#history.length = 0
    this.#historyBytes = 0
  }

  /** Resolves with the next change, after `ms`, or when the signal aborts. */
  async changed(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#wakers.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      this.#wakers.add(done)
    })
  }

  #withRevision(object: KubeObject): KubeObject {
    this.#revision += 1
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } }
  }

  #refuseBeyondLimits(objects: number, bytes: number): void {
    const { objects: most, bytes: room } = this.#limits
    if (this.#objects + objects > most || (bytes > 0 && this.#bytes + bytes > room)) {
      throw new ApiError(403, 'Forbidden', `exceeded quota: the sample cluster holds ${most} objects and ${room} bytes at most`)
    }
  }

  #record(type: Change['type'], storage: string, object: KubeObject, previous: KubeObject | undefined): void {
    const change = { revision: this.#revision, type, storage, object, previous, size: sizeOf(object) }
    this.#history.push(change)
    this.#historyBytes += change.size
    while (this.#history.length > this.#limits.changes || this.#historyBytes > this.#limits.bytes) {
      this.#historyBytes -= this.#history.shift()?.size ?? 0
    }
    for (const wake of [...this.#wakers]) wake()
  }
}

function sorted(objects: KubeObject[], namespace: string): KubeObject[] {
  const kept = namespace === '' ? objects : objects.filter((object) => namespaceOf(object) === namespace)
  return kept.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}
