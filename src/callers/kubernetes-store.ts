import { ProxyError } from '../errors.ts'
import type { Callers } from './callers.ts'
import type { WrittenGrant } from './entries.ts'
import { whyFailed, type ApiObject, type StoreCluster } from './kubernetes/api.ts'
import { Assembly, type Assembled } from './kubernetes/assemble.ts'
import { holdCaller, holdScope, type Held } from './kubernetes/held.ts'
import { forgetChecked, heldOf } from './kubernetes/holding.ts'
import { Informed } from './kubernetes/informed.ts'
import type { Plural } from './kubernetes/names.ts'
import { checkCallerObject, checkScopeObject, isSameState, messageOf } from './kubernetes/objects.ts'
import { FaultsTold } from './kubernetes/tell-faults.ts'
import { StatusWriter } from './kubernetes/status-writer.ts'
import type { WrittenCaller } from './schema.ts'

export interface KubernetesCallersOptions {
  readonly namespace: string
  /** The cluster as it is now. Throws where there is none of that name. */
  readonly cluster: () => StoreCluster
  /** Names of the clusters that there are. */
  readonly clusters: readonly string[]
  readonly log: StoreLog
  /** Whether all there is is sound, told after every change; the first time when all was read. */
  readonly report?: (ok: boolean) => void
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Milliseconds between two rounds of writing statuses. */
  readonly statusEvery?: number
}

type StoreLog = Record<'info' | 'warn' | 'error' | 'debug', (facts: object, message: string) => void>

/** How the store is, for `/readyz`. Milliseconds. */
export interface StoreHealth {
  /** False until callers and scopes were read once: nobody can be let in. */
  readonly loaded: boolean
  /** How long nothing could be heard of changes; undefined: all is well. */
  readonly outOfTouchFor: number | undefined
  readonly why: string | undefined
  /** Why what was read last is not in force. */
  readonly broken?: string | undefined
}

export interface KubernetesCallers extends Callers {
  /** Resolves when all was read once; never where it is closed before. */
  readonly loaded: Promise<void>
  /** Throws the refusal of whoever comes before. */
  requireLoaded(): void
  health(): StoreHealth
  /** A request of a caller came, by a key of that id. */
  used(caller: string, credentialId: string, at: number): void
  /** The cluster may be another one now. */
  follow(): void
}

/**
 * Callers from the Kubernetes API: what is in force follows the objects `callers` and `scopes` of one
 * namespace. Each object is sound or not by itself, so one bad object holds nobody else up. Never rejects:
 * while the API cannot be reached the last state stays, and before there is one nobody is let in.
 */
export function createKubernetesCallers(options: KubernetesCallersOptions): KubernetesCallers {
  const store = new KubernetesStore(options)
  store.start()
  return store
}

class KubernetesStore implements KubernetesCallers {
  readonly loaded: Promise<void>
  readonly #options: Required<KubernetesCallersOptions>
  readonly #listeners = new Set<() => void>()
  readonly #assembly = new Assembly()
  readonly #informed: Readonly<Record<Plural, Informed>>
  readonly #trouble: Record<Plural, { readonly since: number, readonly error: unknown } | undefined>
  readonly #status: StatusWriter
  readonly #told: FaultsTold
  #cluster: StoreCluster | undefined
  #callers = new Map<string, Held<WrittenCaller>>()
  #scopes = new Map<string, Held<WrittenGrant>>()
  #assembled: Assembled | undefined
  #updating = false
  #dirty = false
  #broken: string | undefined
  #closed = false
  #tellLoaded = () => {}

  constructor(options: KubernetesCallersOptions) {
    this.#options = { report: () => undefined, now: Date.now, statusEvery: 60_000, ...options }
    this.loaded = new Promise((resolve) => { this.#tellLoaded = resolve })
    const { namespace, cluster, log, now, statusEvery } = this.#options
    this.#told = new FaultsTold(log)
    this.#status = new StatusWriter({ namespace, cluster, log, now, every: statusEvery })
    const pending = { since: now(), error: new Error('the API server has not answered yet') }
    this.#trouble = { callers: pending, scopes: pending }
    this.#informed = { callers: this.#inform('callers'), scopes: this.#inform('scopes') }
  }

  start(): void {
    this.#cluster = this.#currentCluster()
    for (const informed of Object.values(this.#informed)) informed.start()
  }

  requireLoaded(): Assembled {
    if (this.#assembled !== undefined) return this.#assembled
    throw new ProxyError('UpstreamUnreachable', 'the callers are not known yet: their store has not answered since the start', { retryAfter: 1 })
  }

  findKey(id: string) {
    return this.requireLoaded().keys.get(id)
  }

  openKey(id: string, digest: Buffer) {
    return this.requireLoaded().keys.open(id, digest)
  }

  all() {
    return this.#assembled?.callers ?? []
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  health(): StoreHealth {
    const troubles = Object.values(this.#trouble).filter(trouble => trouble !== undefined)
    const first = troubles.sort((a, b) => a.since - b.since)[0]
    return {
      loaded: this.#assembled !== undefined,
      outOfTouchFor: first === undefined ? undefined : Math.max(0, this.#options.now() - first.since),
      why: first === undefined ? undefined : this.#explain(first.error),
      broken: this.#broken,
    }
  }

  used(caller: string, credentialId: string, at: number): void {
    this.#status.used(caller, credentialId, at)
  }

  follow(): void {
    if (this.#closed || this.#currentCluster() === this.#cluster) return
    this.start()
  }

  close(): void {
    this.#closed = true
    for (const informed of Object.values(this.#informed)) informed.close()
    this.#status.close()
    this.#listeners.clear()
  }

  #inform(plural: Plural): Informed {
    const { namespace, cluster } = this.#options
    return new Informed({
      plural, namespace, cluster,
      onObject: (object, what) => this.#object(plural, object, what),
      onListed: () => this.#changed(),
      onContact: error => this.#contact(plural, error),
    })
  }

  #currentCluster(): StoreCluster | undefined {
    try {
      return this.#options.cluster()
    } catch {
      return undefined
    }
  }

  #explain(error: unknown): string {
    return whyFailed(error, this.#cluster?.name ?? '', this.#options.namespace)
  }

  #contact(plural: Plural, error: unknown): void {
    const before = this.#trouble[plural]
    if (error === undefined) {
      this.#trouble[plural] = undefined
      if (before !== undefined && this.#assembled !== undefined) this.#options.log.info({ resource: plural }, 'the callers\' store is heard again')
      return
    }
    this.#trouble[plural] = { since: before?.since ?? this.#options.now(), error }
    const level = before?.error === undefined || this.#explain(before.error) !== this.#explain(error) ? 'warn' : 'debug'
    this.#options.log[level]({ resource: plural, reason: this.#explain(error) }, 'the callers\' store is out of touch; the last state stays in force')
  }

  /** Most changes are of statuses, which say nothing of what is in force. */
  #object(plural: Plural, object: ApiObject, what: 'there' | 'gone'): void {
    this.#status.seen(plural, object, what)
    const held = this.#held(plural).get(object.metadata.name)
    if (what === 'gone' || !isSameState(held?.checked, object)) this.#changed()
  }

  #held(plural: Plural): ReadonlyMap<string, Held<unknown>> {
    return plural === 'callers' ? this.#callers : this.#scopes
  }

  #changed(): void {
    this.#dirty = true
    if (this.#updating || this.#closed) return
    this.#updating = true
    setImmediate(() => {
      this.#update().catch((err: unknown) => this.#failed(err)).finally(() => {
        this.#updating = false
        if (this.#dirty) this.#changed()
      })
    })
  }

  /** A revocation may be among what is not in force: it must not look as if all were well. */
  #failed(err: unknown): void {
    this.#broken = messageOf(err)
    this.#options.log.error({ err }, 'the callers could not be put together; the last state stays in force')
    this.#options.report(false)
  }

  async #update(): Promise<void> {
    while (this.#dirty && !this.#closed) {
      this.#dirty = false
      const callers = this.#informed.callers.objects()
      const scopes = this.#informed.scopes.objects()
      // Both, or a scope that is on its way would look like one that is not there.
      if (callers === undefined || scopes === undefined) return
      const context = { namespace: this.#options.namespace, clusters: this.#options.clusters, now: this.#options.now() }
      this.#scopes = await heldOf(scopes, this.#scopes, (object, before) => holdScope(checkScopeObject(object, context), before))
      this.#callers = await heldOf(callers, this.#callers, (object, before) => holdCaller(checkCallerObject(object, context), object, before, context.now))
      if (this.#closed) return
      this.#commit()
      this.#broken = undefined
      forgetChecked(callers, this.#callers)
      forgetChecked(scopes, this.#scopes)
    }
  }

  #commit(): void {
    const first = this.#assembled === undefined
    const assembled = this.#assembly.assemble([...this.#callers.values()], [...this.#scopes.values()])
    this.#assembled = assembled
    for (const listener of this.#listeners) listener()
    this.#tell(assembled)
    this.#status.assembled(assembled, this.#callers, this.#scopes)
    const { callers: { length: callers }, keys: { size: keys }, scopes: { size: scopes } } = assembled
    this.#options.log[first ? 'info' : 'debug']({ callers, keys, scopes }, first ? 'callers loaded' : 'callers changed')
    if (first) this.#tellLoaded()
  }

  #tell({ callerFaults, scopeFaults, warnings }: Assembled): void {
    const faults = [...scopeFaults.values(), ...callerFaults.values()].flat()
    this.#options.report(faults.length === 0)
    this.#told.tell(faults, [...[...this.#scopes.values(), ...this.#callers.values()].flatMap(({ checked }) => checked.warnings), ...warnings])
  }
}
