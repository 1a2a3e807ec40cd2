import { formsOf } from '../headers/credential-forms.ts'

export interface HeldSecretsOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** Milliseconds that a secret is still known after it was replaced: requests that carried it may fail for so long. */
const keptFor = 600_000
/** Of those, the latest: every line that is written is searched for each. So many that renewals one after the other push out none that is still valid. */
const mostKept = 300
/** Characters; what is shorter stands in too many words that are no secret. */
const shortest = 8

/**
 * Every secret that the credentials in force hold, for whoever has to keep them out of
 * what is written: an opaque one has no form by which it could be told. In memory alone.
 */
export class HeldSecrets {
  readonly #now: () => number
  readonly #held = new Map<object, readonly string[]>()
  /** Until when a secret that nobody holds any more is known. */
  readonly #past = new Map<string, number>()
  #forms: readonly string[] | undefined
  #formsUntil = Infinity

  constructor({ now = Date.now }: HeldSecretsOptions = {}) {
    this.#now = now
  }

  /** A place for what one credential holds. What is put there replaces what was, which is forgotten some minutes later. */
  holder(): (secrets: readonly string[]) => void {
    const owner = {}
    return (secrets) => {
      for (const secret of this.#held.get(owner) ?? []) this.#retire(secret)
      if (secrets.length === 0) this.#held.delete(owner)
      else this.#held.set(owner, secrets)
      this.#forms = undefined
    }
  }

  #retire(secret: string): void {
    // Deleted first, so that the map stays in the order of their ends.
    this.#past.delete(secret)
    this.#past.set(secret, this.#now() + keptFor)
    const [oldest] = this.#past.keys()
    if (this.#past.size > mostKept && oldest !== undefined) this.#past.delete(oldest)
  }

  /** Each in every form in which it may be written, the longest first: one may be a part of another. */
  forms(): readonly string[] {
    if (this.#forms === undefined || this.#now() >= this.#formsUntil) this.#compile()
    return this.#forms ?? []
  }

  #compile(): void {
    const now = this.#now()
    for (const [secret, until] of this.#past) if (until <= now) this.#past.delete(secret)
    const secrets = [...[...this.#held.values()].flat(), ...this.#past.keys()].filter(({ length }) => length >= shortest)
    const forms = secrets.flatMap(secret => [...formsOf(secret), ...formsOf(JSON.stringify(secret).slice(1, -1))])
    this.#forms = [...new Set(forms)].sort((one, other) => other.length - one.length)
    this.#formsUntil = Math.min(...this.#past.values())
  }
}
