import type { Credential, Presented } from '../credentials/credential.ts'
import type { Account } from '../model/verdict.ts'
import type { Schedule } from '../schedule.ts'
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

const pending: Known = { account: undefined, pending: true }
/** RBAC refuses everybody while an API server is still starting. */
const askAgainAfterNo = 600_000

/**
 * Whose the credential is: by its own claims, else by what the API server says, asked beside the
 * requests and again for every credential that is new.
 */
export class OwnAccount {
  readonly tried: Promise<void>
  readonly #options: OwnAccountOptions
  readonly #asking: Asking
  #askedFor: Presented | undefined
  #told: Told | undefined
  #warned = false

  constructor(options: OwnAccountOptions) {
    this.#options = options
    this.#asking = new Asking(signal => this.#ask(signal), options.schedule)
    this.tried = this.#asking.tried
  }

  current(): Known {
    const { account } = this.#options.credential.facts().claims
    return account === undefined ? this.#latest()?.known ?? pending : { account, pending: false }
  }

  /** Undefined where it is not known, or not yet. */
  identity(): Identity | undefined {
    const { account } = this.#options.credential.facts().claims
    return account === undefined ? this.#latest()?.identity : identityOfAccount(account)
  }

  close(): void {
    this.#asking.close()
  }

  /**
   * Nearly every renewal presents the same account anew, so the last answer stands while it is asked
   * for again, unless the credential itself names somebody else than it did then.
   */
  #latest(): Told | undefined {
    const presented = this.#presented()
    if (presented !== undefined && presented !== this.#askedFor) this.#asking.again()
    return this.#told?.claimed === this.#options.credential.facts().claims.user ? this.#told : undefined
  }

  #presented(): Presented | undefined {
    try {
      return this.#options.credential.present()
    } catch {
      return undefined
    }
  }

  async #ask(signal: AbortSignal): Promise<number | undefined> {
    const { credential, fetch, log } = this.#options
    const { account, user } = credential.facts().claims
    this.#askedFor = this.#presented()
    if (account !== undefined) return Infinity
    try {
      const identity = await askIdentity(fetch, signal)
      this.#told = { claimed: user, identity, known: { account: identity && accountOf(identity), pending: false } }
      if (identity === undefined) this.#warn()
      return identity === undefined ? askAgainAfterNo : Infinity
    } catch (err) {
      log?.debug({ err }, 'whose our credential is is not known yet')
      return undefined
    }
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    this.#options.log?.warn({}, 'neither the credential nor the API server says whose it is: the guard cannot know our own namespace, and route own-credential holds for all-namespace requests alone')
  }
}
