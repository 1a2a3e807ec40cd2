import { backOff } from '../back-off.ts'
import type { Credential, Presented } from '../credentials/credential.ts'
import type { Account } from '../model/verdict.ts'
import { scheduleUnreferenced, type Schedule } from '../schedule.ts'
import { Asking } from './asking.ts'
import type { Cluster } from './cluster.ts'
import { accountOf, askIdentity, identityOfAccount, type Identity } from './identity.ts'

export interface OwnAccountOptions {
  readonly credential: Pick<Credential, 'present' | 'facts'>
  readonly fetch: Cluster['fetch']
  readonly log?: { warn(facts: object, message: string): void, debug(facts: object, message: string): void } | undefined
  readonly schedule?: Schedule
}

export interface Known {
  /** Undefined while it is pending, and where the API server does not tell. */
  readonly account: Account | undefined
  /** True until the first definite answer: any namespace may be ours. */
  readonly pending: boolean
}

/** What the API server told, and what the credential said of itself then. */
interface Told {
  readonly claimed: string | undefined
  /** Undefined: it does not tell. */
  readonly identity: Identity | undefined
  readonly known: Known
}

/** How often in a row the answer has to be none until it is believed, and milliseconds between. */
interface Row {
  readonly times: number
  readonly every: number
}

const pending: Known = { account: undefined, pending: true }
const nobody: Known = { account: undefined, pending: false }
const once: Row = { times: 1, every: 0 }
/** Within what a start waits: where it is never told, no caller should meet the doubt. */
const brief: Row = { times: 4, every: 500 }
/** RBAC refuses everybody while an API server is still starting, and what is in front of it answers in its place. */
const long: Row = { times: 5, every: 2500 }
const slowestAfterNo = 600_000

/**
 * Whose the credential is: by its own claims, else by what the API server says, asked beside the
 * requests and again for every credential that is new. Once it is known no lack of an answer changes it.
 */
export class OwnAccount {
  readonly tried: Promise<void>
  /** See Asking. */
  readonly answered: Promise<void>
  readonly #options: OwnAccountOptions
  readonly #asking: Asking
  #askedFor: Presented | undefined
  #told: Told | undefined
  #failed = false
  #noes = 0
  #warned = false

  constructor(options: OwnAccountOptions) {
    this.#options = options
    this.#asking = new Asking(signal => this.#ask(signal), options.schedule)
    this.tried = this.#asking.tried
    this.answered = this.#asking.answered
  }

  current(): Known {
    const { account, user } = this.#options.credential.facts().claims
    const told = this.#latest(user)
    return account === undefined ? told?.known ?? pending : { account, pending: false }
  }

  /** Undefined where it is not known, or not yet. */
  identity(): Identity | undefined {
    const { account, user } = this.#options.credential.facts().claims
    const told = this.#latest(user)
    return account === undefined ? told?.identity : identityOfAccount(account)
  }

  /** See Asking. */
  soon(): void {
    this.#asking.soon()
  }

  close(): void {
    this.#asking.close()
  }

  /** Nearly every renewal presents the same account anew, so the last answer stands while it is asked for again. */
  #latest(claimed: string | undefined): Told | undefined {
    const presented = this.#presented()
    if (presented !== undefined && presented !== this.#askedFor) this.#asking.again()
    return this.#toldOf(claimed)
  }

  /** Unless the credential itself names somebody else than it did then. */
  #toldOf(claimed: string | undefined): Told | undefined {
    return claimed === undefined || claimed === this.#told?.claimed ? this.#told : undefined
  }

  #presented(): Presented | undefined {
    try {
      return this.#options.credential.present()
    } catch {
      return undefined
    }
  }

  async #ask(signal: AbortSignal): Promise<number | undefined> {
    const { credential, log } = this.#options
    const { account, user } = credential.facts().claims
    this.#askedFor = this.#presented()
    if (account !== undefined) return this.#take(user, identityOfAccount(account))
    try {
      const identity = await this.#askInRow(this.#toldOf(user), signal)
      return identity === undefined ? this.#takeNo(user) : this.#take(user, identity)
    } catch (err) {
      this.#failed = true
      log?.debug({ err }, 'whose our credential is is not known yet')
      return undefined
    }
  }

  /** Undefined where there was no answer often enough. */
  async #askInRow(before: Told | undefined, signal: AbortSignal): Promise<Identity | undefined> {
    const { fetch, schedule = scheduleUnreferenced } = this.#options
    const toldOnce = this.#told?.identity !== undefined
    const row = before !== undefined ? once : this.#failed || toldOnce ? long : brief
    for (let time = 1; ; time++) {
      const answer = await askIdentity(fetch, signal)
      if (typeof answer !== 'string') return answer
      if (time === row.times || (answer === 'absent' && !toldOnce)) return undefined
      await pause(row.every, schedule, signal)
    }
  }

  #take(claimed: string | undefined, identity: Identity): number {
    this.#told = { claimed, identity, known: { account: accountOf(identity), pending: false } }
    this.#noes = 0
    return Infinity
  }

  #takeNo(claimed: string | undefined): number {
    if (this.#toldOf(claimed)?.identity === undefined) {
      this.#told = { claimed, identity: undefined, known: nobody }
      this.#warn()
    }
    this.#noes += 1
    return backOff(this.#noes + 3, slowestAfterNo)
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    const { credential, log } = this.#options
    log?.warn({ credential: credential.facts().source }, 'neither the credential nor the API server says whose it is: the guard cannot know our own namespace, and route own-credential holds for all-namespace requests alone')
  }
}

/** Rejects when it is called off. */
function pause(ms: number, schedule: Schedule, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const cancel = schedule(ms, resolve)
    signal.addEventListener('abort', () => {
      cancel()
      reject(signal.reason as Error)
    }, { once: true })
  })
}
