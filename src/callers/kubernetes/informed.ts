import { setTimeout as delay } from 'node:timers/promises'
import type { Informer, ObjectCache } from '@kubernetes/client-node'
import { backOff } from '../../back-off.ts'
import { ApiFailure, listAll, type ApiObject, type StoreCluster } from './api.ts'
import { pathOf, type Plural } from './names.ts'
import { createWatch } from './watch.ts'

export interface InformedOptions {
  readonly plural: Plural
  readonly namespace: string
  /** The cluster as it is now. Throws where there is none. */
  readonly cluster: () => StoreCluster
  /** An object came, changed or went. */
  readonly onObject: (object: ApiObject, what: 'there' | 'gone') => void
  /** All there is was read. */
  readonly onListed: () => void
  /** What keeps us from hearing of changes; undefined: nothing any more. */
  readonly onContact: (trouble: unknown) => void
  /** From 0 to 1. */
  readonly random?: () => number
  /** Milliseconds, monotonic. */
  readonly now?: () => number
}

const second = 1000
/** A revocation may be waiting. */
const slowest = 10 * second
/** After a watch that had worked: replicas that lose it together do not come back together. */
const atOnce = 50
/** An answer that says no so often in a row may be about the version that is asked from: then all is read anew. */
const stubborn = 4

interface Cache extends Informer<ApiObject>, ObjectCache<ApiObject> {}

/**
 * The objects of one collection, followed by an informer of @kubernetes/client-node. What breaks is begun
 * again from where it stood, what is compacted (410) is listed anew, and until then all stays as it was.
 */
export class Informed {
  readonly #options: Required<InformedOptions>
  #run: Run | undefined
  #closed = false

  constructor(options: InformedOptions) {
    this.#options = { random: Math.random, now: () => performance.now(), ...options }
  }

  /** Begins, or begins anew: another cluster's versions mean nothing to what was read of the first. */
  start(): void {
    if (this.#closed) return
    this.#run?.stop()
    const run = new Run(this.#options)
    this.#run = run
    run.start().catch((error: unknown) => this.#options.onContact(error))
  }

  /** Undefined until all was read once since the start. */
  objects(): readonly ApiObject[] | undefined {
    return this.#run?.objects()
  }

  close(): void {
    this.#closed = true
    this.#run?.stop()
  }
}

class Run {
  readonly #options: Required<InformedOptions>
  readonly #stop = new AbortController()
  #cache: Cache | undefined
  #listed = false
  #failures = 0
  #stale = false
  readonly #beganAt = { list: -Infinity, watch: -Infinity }

  constructor(options: Required<InformedOptions>) {
    this.#options = options
  }

  objects(): readonly ApiObject[] | undefined {
    return this.#listed ? this.#cache?.list() : undefined
  }

  async start(): Promise<void> {
    const { plural, namespace, onObject } = this.#options
    // It takes more than half a second and tens of megabytes to load: only for who needs it.
    const clientNode = await import('@kubernetes/client-node')
    if (this.#stop.signal.aborted) return
    const watch = createWatch(clientNode, {
      cluster: this.#options.cluster, random: this.#options.random, begin: () => this.#begin(),
      onListed: () => this.#whileRunning(() => { this.#listed = true; this.#options.onListed() }),
      onConnect: () => this.#whileRunning(() => { this.#failures = 0; this.#options.onContact(undefined) }),
    })
    const cache = new clientNode.ListWatch<ApiObject>(pathOf(plural, namespace), watch, () => this.#list(), false) as Cache
    this.#cache = cache
    cache.on('add', object => this.#whileRunning(() => onObject(object, 'there')))
    cache.on('update', object => this.#whileRunning(() => onObject(object, 'there')))
    cache.on('delete', object => this.#whileRunning(() => onObject(object, 'gone')))
    cache.on('error', error => this.#whileRunning(() => void this.#again(cache, error)))
    await cache.start()
  }

  stop(): void {
    this.#stop.abort()
    void this.#cache?.stop()
  }

  /** client-node goes on to watch after a list that was under way at its stop. */
  #whileRunning(act: () => void): void {
    if (!this.#stop.signal.aborted) act()
  }

  async #list() {
    await this.#pace('list')
    return listAll(this.#options.cluster(), this.#options.plural, this.#options.namespace, this.#stop.signal)
  }

  async #begin(): Promise<void> {
    await this.#pace('watch')
    if (!this.#stale) return
    this.#stale = false
    throw new ApiFailure(410, 'the API server would not go on from the version that was read')
  }

  /** The informer lists and watches anew at once, whatever it met: an API server that ends every watch would be asked without end. */
  async #pace(what: 'list' | 'watch'): Promise<void> {
    const wait = this.#beganAt[what] + second - this.#options.now()
    if (wait > 0) await delay(wait, undefined, { ref: false, signal: this.#stop.signal })
    this.#stop.signal.throwIfAborted()
    this.#beganAt[what] = this.#options.now()
  }

  async #again(cache: Cache, error: unknown): Promise<void> {
    this.#failures += 1
    this.#options.onContact(error)
    this.#stale = this.#failures % stubborn === 0 && error instanceof ApiFailure
    const wait = this.#failures === 1 && this.#listed ? atOnce * this.#options.random() : backOff(Math.max(this.#failures - 1, 1), slowest)
    try {
      await delay(wait, undefined, { ref: false, signal: this.#stop.signal })
    } catch {
      // Stopped while waiting.
      return
    }
    await cache.start()
  }
}
