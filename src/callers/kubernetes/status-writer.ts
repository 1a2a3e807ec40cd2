import { setImmediate as nextTurn } from 'node:timers/promises'
import { scheduleUnreferenced, type Schedule } from '../../schedule.ts'
import type { WrittenGrant } from '../entries.ts'
import type { WrittenCaller } from '../schema.ts'
import { ApiFailure, patchStatus, type ApiObject, type StoreCluster } from './api.ts'
import type { Assembled } from './assemble.ts'
import type { Held } from './held.ts'
import type { Plural } from './names.ts'
import { callerStatus, scopeStatus } from './status.ts'
import { Uses } from './uses.ts'

export interface StatusWriterOptions {
  readonly namespace: string
  readonly cluster: () => StoreCluster
  readonly log: { warn(facts: object, message: string): void, debug(facts: object, message: string): void }
  readonly now: () => number
  /** Milliseconds between two thorough rounds; and by how much newer a use has to be. */
  readonly every: number
  readonly random?: () => number
  readonly schedule?: Schedule
}

/** Requests of our own under way at a time: the data path has the rest. */
const abreast = 4
/** Writes in one round; what is left is next. */
const mostWrites = 1000
/** Every process writes what changed, and whichever is first does: between them lies chance. */
const soon = 1500
/** Where our account may not write, it may one day. */
const refusedFor = 600_000
const slice = 500
/** Of what one object says: with others it may go well. */
const ofOneObject = [400, 413, 422]

/**
 * Writes into the objects what became of them, beside the requests. Every process is as good as any: one
 * writes at most once a minute a caller, only what is newer than what is there, and gives way (409) to whoever
 * was first. Nothing waits for it, and what cannot be written is left.
 */
export class StatusWriter {
  readonly #options: Required<StatusWriterOptions>
  readonly #stop = new AbortController()
  readonly #seen: Record<Plural, Map<string, ApiObject>> = { callers: new Map(), scopes: new Map() }
  readonly #uses = new Uses()
  #assembled: Assembled | undefined
  #callers: ReadonlyMap<string, Held<WrittenCaller>> = new Map()
  #scopes: ReadonlyMap<string, Held<WrittenGrant>> = new Map()
  #cancel: (() => void) | undefined
  #underWay = false
  #thoroughAt: number
  #again = false
  #refusedAt = -Infinity
  #warned = false
  readonly #unwritable = new Set<string>()

  constructor(options: StatusWriterOptions) {
    this.#options = { random: Math.random, schedule: scheduleUnreferenced, ...options }
    this.#thoroughAt = options.now()
  }

  seen(plural: Plural, object: ApiObject, what: 'there' | 'gone'): void {
    const { name } = object.metadata
    if (what === 'there') this.#seen[plural].set(name, object)
    else this.#seen[plural].delete(name)
    if (what === 'gone') this.#unwritable.delete(`${plural}/${name}`)
    if (what === 'gone' && plural === 'callers') this.#uses.forget(name)
  }

  /** Of callers that are there: nobody else could fill this. */
  used(caller: string, credentialId: string, at: number): void {
    const held = this.#callers.get(caller)
    if (held !== undefined) this.#uses.add(caller, held.inForce?.keys ?? [], credentialId, at)
  }

  assembled(assembled: Assembled, callers: ReadonlyMap<string, Held<WrittenCaller>>, scopes: ReadonlyMap<string, Held<WrittenGrant>>): void {
    this.#assembled = assembled
    this.#callers = callers
    this.#scopes = scopes
    if (this.#underWay) this.#again = true
    else this.#plan(soon * (0.2 + this.#options.random()))
  }

  close(): void {
    this.#stop.abort()
    this.#cancel?.()
  }

  #plan(wait: number): void {
    if (this.#stop.signal.aborted) return
    this.#cancel?.()
    this.#cancel = this.#options.schedule(wait, () => {
      this.#round().catch((err: unknown) => this.#options.log.debug({ err }, 'statuses could not be written'))
    })
  }

  async #round(): Promise<void> {
    const { now, every, random } = this.#options
    this.#underWay = true
    this.#again = false
    const thorough = now() >= this.#thoroughAt + every
    if (thorough) this.#thoroughAt = now()
    let complete = true
    try {
      if (now() >= this.#refusedAt + refusedFor) complete = await this.#writeAll(thorough)
    } finally {
      this.#underWay = false
      const next = Math.max(0, this.#thoroughAt + every - now()) + soon * random()
      this.#plan(this.#again || !complete ? Math.min(soon * (0.5 + random()), next) : next)
    }
  }

  /** False where some are left. */
  async #writeAll(thorough: boolean): Promise<boolean> {
    const names: (readonly [Plural, string])[] = [...this.#scopes.keys()].map(name => ['scopes', name])
    for (const name of this.#callers.keys()) names.push(['callers', name])
    // Peers that begin at the same time begin elsewhere.
    const from = Math.floor(this.#options.random() * names.length)
    const queue = [...names.slice(from), ...names.slice(0, from)]
    let written = 0
    let looked = 0
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined && written < mostWrites && !this.#stop.signal.aborted; next = queue.pop()) {
        looked += 1
        if (looked % slice === 0) await nextTurn()
        const patch = this.#patchOf(...next, thorough)
        if (patch === undefined) continue
        written += 1
        if (!await this.#write(...next, patch)) queue.length = 0
      }
    }
    await Promise.all(Array.from({ length: abreast }, work))
    return queue.length === 0
  }

  #patchOf(plural: Plural, name: string, thorough: boolean): object | undefined {
    const object = this.#seen[plural].get(name)
    if (object === undefined || this.#assembled === undefined) return undefined
    const { callerFaults, scopeFaults, holders } = this.#assembled
    const facts = { now: this.#options.now(), newerBy: this.#options.every, thorough }
    const status = plural === 'callers'
      ? ofHeld(this.#callers.get(name), held => callerStatus(object, held, this.#uses.of(name), { ...facts, faults: callerFaults.get(name) ?? [] }))
      : ofHeld(this.#scopes.get(name), held => scopeStatus(object, held, holders.get(name) ?? 0, { ...facts, faults: scopeFaults.get(name) ?? [] }))
    return status === undefined ? undefined : { metadata: { resourceVersion: object.metadata.resourceVersion }, status }
  }

  /** False where there is no sense in going on. */
  async #write(plural: Plural, name: string, patch: object): Promise<boolean> {
    const { namespace, cluster, log } = this.#options
    try {
      await patchStatus(cluster(), plural, namespace, name, patch, this.#stop.signal)
      return true
    } catch (err) {
      // Somebody else wrote it in between, or took it away: what is there now is as good.
      if (err instanceof ApiFailure && (err.statusCode === 409 || err.statusCode === 404)) return true
      if (err instanceof ApiFailure && ofOneObject.includes(err.statusCode)) {
        this.#tellUnwritable(plural, name, err)
        return true
      }
      if (err instanceof ApiFailure && err.statusCode === 403) this.#refused(err)
      else log.debug({ err, resource: plural, name }, 'a status could not be written')
      return false
    }
  }

  #tellUnwritable(plural: Plural, name: string, { message: reason }: ApiFailure): void {
    const object = `${plural}/${name}`
    if (!this.#unwritable.has(object)) this.#options.log.warn({ resource: plural, name, reason }, 'the API server does not take the status of this object: kubectl get shows what it was')
    this.#unwritable.add(object)
  }

  #refused(err: ApiFailure): void {
    this.#refusedAt = this.#options.now()
    if (this.#warned) return
    this.#warned = true
    this.#options.log.warn({ reason: err.message }, 'our account may not write the status of callers and scopes (portcullis rbac prints what it needs): kubectl get shows neither faults nor last use')
  }
}

function ofHeld<T>(held: Held<T> | undefined, status: (held: Held<T>) => object | undefined): object | undefined {
  return held === undefined ? undefined : status(held)
}
