import { redactKeys } from '../keys/redact.ts'
import { redacted } from '../redaction/redact.ts'
import { SecretFinder } from './secret-finder.ts'

/** What may be the beginning of an API key, plain or in base64, at the end of a text. */
const beginningOfKey = /(?:p(?:c(?:l(?:(?:_|%(?:5f?)?)(?:[0-9a-z]{1,16}(?:(?:_|%(?:5f?)?)[0-9a-z]*)?)?)?)?)?|c(?:G(?:N(?:s(?:X[\w+/-]*={0,2})?)?)?)?)$/i
/** Longer than a key is in any of its forms. */
const longestKey = 256
/** Of a secret that broke off, so much tells nothing. */
const harmless = 7

/**
 * A text that comes in pieces, without the secrets that are held and without API keys, also where one
 * stands in several pieces: what may be the beginning of one is kept back until it is known.
 */
export class HeldBack {
  readonly #known: () => readonly string[]
  /** What may become a known secret, and behind that what may become a key. */
  #text = ''
  #perhapsKey = ''

  constructor(known: () => readonly string[]) {
    this.#known = known
  }

  /** What can be written by now. */
  push(text: string): string {
    const { clean, held } = finderOf(this.#known()).find(this.#text + text)
    this.#text = held
    return this.#withoutKeys(clean)
  }

  /** The rest. What was to become a secret and did not come to its end is half of one. */
  end(): string {
    const rest = this.#text.length > harmless ? redacted : this.#text
    this.#text = ''
    const all = redactKeys(this.#perhapsKey + rest)
    this.#perhapsKey = ''
    return all
  }

  #withoutKeys(fresh: string): string {
    const text = this.#perhapsKey + fresh
    const tail = text.slice(-longestKey)
    const begins = beginningOfKey.exec(tail)?.index
    // One that long is none, and what is at its beginning is hidden all the same.
    const at = begins === undefined || begins === 0 && text.length > longestKey ? text.length : text.length - tail.length + begins
    this.#perhapsKey = text.slice(at)
    return redactKeys(text.slice(0, at))
  }
}

/** One for all sessions, as long as the secrets stay the same: to make one of hundreds takes milliseconds. */
const finders = new WeakMap<readonly string[], SecretFinder>()

function finderOf(known: readonly string[]): SecretFinder {
  const finder = finders.get(known) ?? new SecretFinder(known)
  finders.set(known, finder)
  return finder
}
