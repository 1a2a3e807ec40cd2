import { backOff } from '../back-off.ts'
import type { Watch, watchFiles } from '../files/watch.ts'
import type { KeySource } from '../model/identity.ts'
import type { Schedule } from '../schedule.ts'
import type { Issuer } from './issuer.ts'
import type { IssuerKey } from './key-set.ts'
import type { ReadSource } from './read-source.ts'

export interface FollowedIssuerOptions {
  readonly source: KeySource
  readonly read: ReadSource
  readonly watch: typeof watchFiles
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly schedule: Schedule
  /** The set became another. */
  readonly changed: () => void
  readonly log: { warn(facts: object, message: string): void, info(facts: object, message: string): void }
}

/** Milliseconds. How old a set gets before it is read again, beside the requests. */
export const freshFor = 10 * 60_000
/** Between two readings that tokens of unknown ids ask for: whoever makes such tokens up must not make us ask the issuer. */
export const coolDown = 30_000
/** How long the last good set of an issuer that cannot be reached is used on: a key that was given up meanwhile would be good for as long. */
export const staleFor = 24 * 3_600_000
const slowestRetry = 60_000

/** Reads a source at once, in the background, and again before it is old, when its files change, and when a token names a key that it lacks. */
export class FollowedIssuer implements Issuer {
  readonly #options: FollowedIssuerOptions
  readonly #closing = new AbortController()
  #keys: readonly IssuerKey[] | undefined
  #reading: Promise<void> | undefined
  #readAt = -Infinity
  #triedAt = -Infinity
  #failures = 0
  #trouble: string | undefined
  #callOff: (() => void) | undefined
  #dueAt = Infinity
  #watch: Watch | undefined

  constructor(options: FollowedIssuerOptions) {
    this.#options = options
    const { source, watch } = options
    const file = source.kind === 'file' ? source.file : source.caFile
    void this.#read()
    if (file !== undefined) void watch([file], () => void this.#readAgain()).then(following => this.#follow(following))
  }

  async find(id: string | undefined): Promise<readonly IssuerKey[] | undefined> {
    if (this.#keys === undefined && this.#reading !== undefined) await this.#reading
    const found = this.#matching(id)
    if (found === undefined || found.length > 0 || id === undefined) return found
    await this.#readForUnknown()
    return this.#matching(id)
  }

  holds(digest: string): boolean {
    return this.#current()?.some(key => key.digest === digest) === true
  }

  close(): void {
    this.#closing.abort(new Error('this issuer is not used any more'))
    this.#callOff?.()
    this.#watch?.close()
  }

  #follow(following: Watch): void {
    if (this.#closing.signal.aborted) return following.close()
    this.#watch = following
    // What changed before it was followed was missed. An authorities' file is read with each request.
    if (this.#options.source.kind === 'file') void this.#readAgain()
  }

  #matching(id: string | undefined): readonly IssuerKey[] | undefined {
    const keys = this.#current()
    return id === undefined ? keys : keys?.filter(key => key.id === id)
  }

  #current(): readonly IssuerKey[] | undefined {
    // A file that turned bad is an accident of ours; an issuer out of reach may be somebody's doing.
    if (this.#options.source.kind !== 'file' && this.#options.now() - this.#readAt >= staleFor) return undefined
    return this.#keys
  }

  async #readForUnknown(): Promise<void> {
    // A file is followed: it says nothing new.
    if (this.#options.source.kind === 'file') return
    const wait = this.#triedAt + coolDown - this.#options.now()
    if (this.#reading !== undefined || wait <= 0) return this.#read()
    this.#readIn(wait)
  }

  async #readAgain(): Promise<void> {
    await this.#reading
    if (!this.#closing.signal.aborted) await this.#read()
  }

  /** Never rejects. Calls at the same time share one reading. */
  #read(): Promise<void> {
    this.#callOff?.()
    this.#callOff = undefined
    const { source, read, now } = this.#options
    this.#triedAt = now()
    this.#reading ??= read(source, this.#closing.signal)
      .then(keys => this.#take(keys), (error: unknown) => this.#keep((error as Error).message))
      .finally(() => { this.#reading = undefined })
    return this.#reading
  }

  #take(keys: readonly IssuerKey[]): void {
    if (this.#closing.signal.aborted) return
    const { now, changed, log, source } = this.#options
    const before = setOf(this.#current())
    this.#keys = keys
    this.#readAt = now()
    this.#failures = 0
    if (this.#trouble !== undefined) log.info({ source: nameOf(source) }, 'the keys of an issuer can be had again')
    this.#trouble = undefined
    if (source.kind !== 'file') this.#readIn(freshFor)
    if (setOf(keys) !== before) changed()
  }

  #keep(trouble: string): void {
    if (this.#closing.signal.aborted) return
    const { log, source, changed } = this.#options
    this.#failures += 1
    if (trouble !== this.#trouble) log.warn({ source: nameOf(source), trouble }, 'the keys of an issuer cannot be had: the last good ones stay in use')
    this.#trouble = trouble
    if (source.kind !== 'file') this.#readIn(backOff(this.#failures, slowestRetry))
    // What stood on a set that is too old by now ends.
    if (this.#keys !== undefined && this.#current() === undefined) {
      this.#keys = undefined
      changed()
    }
  }

  /** Never later than it was to be already. */
  #readIn(ms: number): void {
    const dueAt = this.#options.now() + ms
    if (this.#closing.signal.aborted || (this.#callOff !== undefined && this.#dueAt <= dueAt)) return
    this.#callOff?.()
    this.#dueAt = dueAt
    this.#callOff = this.#options.schedule(ms, () => void this.#read())
  }
}

function setOf(keys: readonly IssuerKey[] | undefined): string | undefined {
  return keys?.map(({ id, digest }) => `${digest} ${id ?? ''}`).sort().join('\n')
}

export function nameOf(source: KeySource): string {
  switch (source.kind) {
    case 'file': return source.file
    case 'uri': return source.uri
    case 'discovery': return source.issuer
  }
}
