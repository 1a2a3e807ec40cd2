import type { BaseLogger } from 'pino'
import type { Schedule } from '../schedule.ts'
import { Asking } from './asking.ts'
import type { Cluster } from './cluster.ts'
import type { Identity } from './identity.ts'
import { askRestrictedNamespaces } from './scc-questions.ts'

export interface SccOptions {
  readonly fetch: Cluster['fetch']
  /** Nothing is asked where that is not OpenShift. */
  readonly openshift: () => boolean
  /** Whose grants count; undefined: not known. */
  readonly identity: () => Identity | undefined
  readonly log?: Pick<BaseLogger, 'debug'> | undefined
  readonly schedule?: Schedule
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

const none: ReadonlySet<string> = new Set()
/** Grants change, and projects come. */
const askEvery = 600_000
/** An API server that restarts makes no caller wait; one that says nothing any more is not believed for ever. */
const holds = 2 * askEvery

/** Where pods that we create are held to the restricted constraints, asked beside the requests. */
export class RestrictedNamespaces {
  readonly tried: Promise<void>
  /** See Asking. */
  readonly answered: Promise<void>
  readonly #options: SccOptions
  readonly #now: () => number
  readonly #asking: Asking
  #answer: { readonly of: string, readonly at: number, readonly namespaces: ReadonlySet<string> } | undefined

  constructor(options: SccOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#asking = new Asking(signal => this.#ask(signal), options.schedule)
    this.tried = this.#asking.tried
    this.answered = this.#asking.answered
  }

  /** Empty where nothing is known: then the guard stays everywhere. */
  current(): ReadonlySet<string> {
    const answer = this.#answer
    if (answer === undefined) return none
    if (this.#options.identity()?.user !== answer.of) {
      this.#asking.again()
      return none
    }
    return this.#now() - answer.at <= holds ? answer.namespaces : none
  }

  /** See Asking. */
  soon(): void {
    this.#asking.soon()
  }

  close(): void {
    this.#asking.close()
  }

  async #ask(signal: AbortSignal): Promise<number | undefined> {
    const { fetch, openshift, identity: whose, log } = this.#options
    const identity = whose()
    if (!openshift()) return askEvery
    if (identity === undefined) return undefined
    try {
      const at = this.#now()
      this.#answer = { of: identity.user, at, namespaces: await askRestrictedNamespaces({ fetch, identity, signal }) }
      return askEvery
    } catch (err) {
      log?.debug({ err }, 'which security context constraints our account may use is not known yet')
      return undefined
    }
  }
}
