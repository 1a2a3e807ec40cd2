import { isDeepStrictEqual } from 'node:util'
import { backOff } from '../back-off.ts'
import { ProxyError } from '../errors.ts'
import { scheduleUnreferenced, type Schedule } from '../schedule.ts'
import { noClaims } from './claims.ts'
import type { Credential, CredentialFacts, Presented } from './credential.ts'
import type { Material } from './followed.ts'
import { timestamp } from './times.ts'

export interface RenewingOptions extends Pick<CredentialFacts, 'kind' | 'source' | 'renewal'> {
  /**
   * Obtains a new one. `claims.issuedAt` and `claims.expiresAt` say when it renews; without an
   * end it renews after a 401 alone. Rejects with an Error that repeats no secret; a ProxyError
   * is what callers are told while there is none at all.
   */
  readonly issue: (signal: AbortSignal) => Promise<Material>
  readonly log: Pick<RenewalLog, 'info' | 'warn' | 'error'>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** From 0 to 1. */
  readonly random?: () => number
  readonly schedule?: Schedule
}

interface RenewalLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** Of a credential's life, after which it is renewed: client-go's and the kubelet's figure. */
const renewAfter = 0.8
/** So much of its life earlier at most: replicas that started together do not renew together. */
const jitter = 0.05
const second = 1000
const slowestRetry = 60 * second
/** Between two attempts, however many 401s ask for one. */
const atMostEvery = second
/** A credential that was taken for so long was a good one: the 401 after it is no sign of a loop. */
const calm = 60 * second
/** For an attempt that hangs: whoever got a 401 waits no longer, while it goes on. */
const longestWait = 10 * second
/** Timers overflow beyond 24 days, and stand still while a machine sleeps. */
const longestTimer = 3600 * second

/**
 * A credential that is obtained and renewed by ourselves, kept in memory alone: at 80 % of its
 * life, and after a 401. One renewal at a time; one that fails is tried again with back-off
 * while the present one lasts, and after it. Where a 401 meets what the last 401 brought, further
 * ones renew with back-off too: whoever can provoke them would have us log in for ever.
 * Begin with `start`.
 */
export class Renewing implements Credential {
  readonly #options: Required<RenewingOptions>
  readonly #closed = new AbortController()
  #material: Material | undefined
  #obtainedAt = 0
  #error: Error | undefined
  #failures = 0
  #attempt: Promise<void> | undefined
  #awaited: Promise<void> | undefined
  #endedAt = -Infinity
  /** Renewals in a row that a 401 asked for. */
  #forced = 0
  #refused: Presented | undefined
  #cancel: () => void = () => {}

  constructor(options: RenewingOptions) {
    this.#options = { now: Date.now, random: Math.random, schedule: scheduleUnreferenced, ...options }
  }

  /** The first attempt. Rejects where it fails; it is tried again all the same until `close`. */
  async start(): Promise<void> {
    await this.#renew()
    if (this.#error !== undefined) throw this.#error
  }

  present(): Presented {
    if (this.#material !== undefined) return this.#material.presented
    if (this.#error instanceof ProxyError) throw new ProxyError(this.#error.code, this.#error.message, { cause: this.#error.cause })
    throw new ProxyError('CredentialRejected', `Portcullis has no credential for this cluster at present (${this.#options.kind})`, { cause: this.#error })
  }

  async renew(rejected: Presented): Promise<boolean> {
    if (this.#material?.presented === rejected) await this.#force(rejected)
    return this.#material !== undefined && this.#material.presented !== rejected
  }

  facts(): CredentialFacts {
    const { kind, source, renewal } = this.#options
    return { kind, source, renewal, claims: this.#material?.claims ?? noClaims, trouble: this.#error?.message }
  }

  close(): void {
    this.#closed.abort(new Error('the credential is no longer used'))
    this.#cancel()
  }

  /** Never rejects. Whoever asks while one is under way shares it. */
  #renew(): Promise<void> {
    this.#attempt ??= this.#issue().finally(() => {
      this.#endedAt = this.#options.now()
      this.#attempt = undefined
      this.#awaited = undefined
      this.#planNext()
    })
    return this.#attempt
  }

  async #force(rejected: Presented): Promise<void> {
    if (this.#attempt === undefined) {
      if (!this.#mayForce(rejected)) return
      this.#forced += 1
    }
    await this.#waitForAttempt()
  }

  #mayForce(rejected: Presented): boolean {
    if (this.#refused !== rejected) {
      this.#refused = rejected
      if (this.#since(this.#obtainedAt) >= calm) this.#forced = 0
    }
    return this.#forced === 0 || this.#since(this.#endedAt) >= backOff(this.#forced, slowestRetry)
  }

  /** One wait for all who ask: who asks late is answered when the first one is. */
  #waitForAttempt(): Promise<void> {
    this.#awaited ??= new Promise((resolve) => {
      const attempt = this.#renew()
      const cancel = this.#options.schedule(longestWait, resolve)
      void attempt.finally(() => {
        cancel()
        resolve()
      })
    })
    return this.#awaited
  }

  async #issue(): Promise<void> {
    this.#cancel()
    // Timers of ours keep no process alive, but this one is waited for: by a start, by a command, with nothing else open.
    const awake = setInterval(() => {}, longestTimer)
    try {
      await this.#pause(atMostEvery - this.#since(this.#endedAt))
      this.#take(this.#alive(await this.#options.issue(this.#closed.signal)))
    } catch (error) {
      this.#fail(error as Error)
    } finally {
      clearInterval(awake)
    }
  }

  /** Taken all the same, it would be due at once, over and over. */
  #alive(material: Material): Material {
    const { expiresAt } = material.claims
    if (expiresAt === undefined || expiresAt > this.#options.now()) return material
    throw new Error(`${this.#options.source} gave a credential that expired at ${timestamp(expiresAt)} already; is it an old one that was kept, or do the clocks disagree?`)
  }

  #pause(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve()
    const { signal } = this.#closed
    return new Promise((resolve, reject) => {
      const cancel = this.#options.schedule(ms, () => {
        signal.removeEventListener('abort', stop)
        resolve()
      })
      const stop = () => {
        cancel()
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Milliseconds. A clock that was set back tells of none that could be waited for. */
  #since(time: number): number {
    const passed = this.#options.now() - time
    return passed < 0 ? Infinity : passed
  }

  #take(material: Material): void {
    // The same secret is the same object: after a 401 it is no other one.
    const same = isDeepStrictEqual(material.presented, this.#material?.presented)
    this.#material = same && this.#material !== undefined ? { presented: this.#material.presented, claims: material.claims } : material
    this.#obtainedAt = this.#options.now()
    if (this.#failures > 0) this.#options.log.info({ expiresAt: this.#expiresAt() }, 'the credential is renewed again')
    this.#failures = 0
    this.#error = undefined
  }

  #fail(error: Error): void {
    if (this.#closed.signal.aborted) return
    this.#error = error
    this.#failures += 1
    const { log } = this.#options
    const facts = { err: error, expiresAt: this.#expiresAt() }
    if (this.#failures > 1) return
    if (this.#material === undefined) log.error(facts, 'there is no credential: it could not be obtained; it will be tried again')
    else log.warn(facts, 'the credential could not be renewed; it will be tried again while the present one lasts')
  }

  #expiresAt(): string | undefined {
    const at = this.#material?.claims.expiresAt
    return at === undefined ? undefined : timestamp(at)
  }

  /** `atMost`: what was left by the time that has passed since, wherever the clock was set to. */
  #planNext(atMost = Infinity): void {
    if (this.#closed.signal.aborted) return
    const ideal = this.#failures > 0 ? this.#retryWait() : this.#renewWait()
    if (ideal === undefined) return
    const wait = Math.min(ideal, atMost)
    this.#cancel = this.#options.schedule(Math.min(wait, longestTimer), () => {
      if (wait > longestTimer) return this.#planNext(wait - longestTimer)
      if (this.#failures === 0) this.#forced = 0
      void this.#renew()
    })
  }

  #retryWait(): number {
    return backOff(this.#failures, slowestRetry) * (0.5 + this.#options.random() / 2)
  }

  /** Undefined: it says of no end. */
  #renewWait(): number | undefined {
    const { expiresAt, issuedAt = this.#obtainedAt } = this.#material?.claims ?? noClaims
    if (expiresAt === undefined) return undefined
    const begin = Math.max(issuedAt, 0)
    const share = renewAfter - jitter * this.#options.random()
    // One that begins later than now was dated by a clock that is ahead of ours: it lives from now.
    const renewAt = Math.min(begin, this.#obtainedAt) + (expiresAt - begin) * share
    // Handed out late in its life, as an exec plugin does with what it keeps: then 80 % of what was left, not over and over until its end.
    const late = this.#obtainedAt + (expiresAt - this.#obtainedAt) * renewAfter
    return Math.max((renewAt > this.#obtainedAt ? renewAt : late) - this.#options.now(), 0)
  }
}
