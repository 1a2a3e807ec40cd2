import { redacted } from '../redaction/redact.ts'

/** What was taken of a text, and from where on it may yet become a secret. */
export interface Found {
  readonly clean: string
  readonly held: string
}

/** Characters of a secret that it is looked up by. */
const prefix = 4
const buckets = 1 << 16

/**
 * Looks for many secrets in a text that comes in pieces. One pass, whatever their number: a character
 * is looked at again only where a secret may begin. Secrets shorter than four characters are none.
 */
export class SecretFinder {
  readonly #secrets: readonly string[]
  readonly #byHash = new Map<number, string[]>()
  readonly #begins = new Uint8Array(buckets)

  constructor(secrets: readonly string[]) {
    // The longest first: another may be its beginning.
    this.#secrets = secrets.filter(({ length }) => length >= prefix).sort((one, other) => other.length - one.length)
    for (const secret of this.#secrets) {
      const hash = hashOf(secret, 0)
      this.#begins[hash] = 1
      this.#byHash.set(hash, [...this.#byHash.get(hash) ?? [], secret])
    }
  }

  /** Whole secrets are taken out; what stands at the end and may be the beginning of one is held, for the text that follows. */
  find(text: string): Found {
    let clean = ''
    let from = 0
    for (let at = 0; at <= text.length - prefix;) {
      if (this.#begins[hashOf(text, at)] === 0) {
        at += 1
        continue
      }
      const secret = this.#at(text, at)
      if (secret === undefined) {
        at += 1
      } else if (at + secret.length > text.length) {
        return { clean: clean + text.slice(from, at), held: text.slice(at) }
      } else {
        clean += text.slice(from, at) + redacted
        at += secret.length
        from = at
      }
    }
    const end = this.#endOf(text, from)
    return { clean: clean + text.slice(from, end), held: text.slice(end) }
  }

  /** The longest that stands there, or may when more has come. */
  #at(text: string, at: number): string | undefined {
    return this.#byHash.get(hashOf(text, at))?.find(secret => secret.length > text.length - at
      ? secret.startsWith(text.slice(at))
      : text.startsWith(secret, at))
  }

  /** Where in its last characters, but not before `from`, a secret may begin. */
  #endOf(text: string, from: number): number {
    for (let at = Math.max(from, text.length - prefix + 1); at < text.length; at += 1) {
      const end = text.slice(at)
      if (this.#secrets.some(secret => secret.startsWith(end))) return at
    }
    return text.length
  }
}

function hashOf(text: string, at: number): number {
  return (text.charCodeAt(at) + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2) * 961 + text.charCodeAt(at + 3) * 29_791) & (buckets - 1)
}
