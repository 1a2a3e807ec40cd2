import { redacted } from '../redaction/redact.ts'

/** What was taken of a text, and from where on it may yet become a secret. */
export interface Found {
  readonly clean: string
  readonly held: string
}

/** Characters of the shortest secret that is one. */
const shortest = 4
const buckets = 1 << 16

/** Of the secrets that begin alike: what they have in common behind the node above, and how each goes on. */
interface Node {
  readonly label: string
  /** Whether one ends here. */
  readonly ends: boolean
  readonly next: ReadonlyMap<number, Node>
}

/**
 * Looks for many secrets in a text that comes in pieces. One pass, whatever their number and however
 * alike they begin: a character is looked at again only where a secret may begin, and then as often
 * as the longest secret is long, at most. Secrets shorter than four characters are none.
 */
export class SecretFinder {
  readonly #root: Node
  /** By the first four characters: where none of these stands, the tree need not be asked. */
  readonly #begins = new Uint8Array(buckets)

  constructor(secrets: readonly string[]) {
    const sorted = [...new Set(secrets)].filter(({ length }) => length >= shortest).sort(byCodeUnits)
    for (const secret of sorted) this.#begins[hashOf(secret, 0)] = 1
    this.#root = { label: '', ends: false, next: branches(sorted, 0) }
  }

  /** Whole secrets are taken out, the longest that stands there; what stands at the end and may be the beginning of one, or of a longer one, is held, for the text that follows. */
  find(text: string): Found {
    let clean = ''
    let from = 0
    for (let at = 0; at < text.length;) {
      const length = this.#mayBegin(text, at) ? this.#lengthAt(text, at) : 0
      if (length === 'open') return { clean: clean + text.slice(from, at), held: text.slice(at) }
      if (length > 0) {
        clean += text.slice(from, at) + redacted
        from = at + length
      }
      at += Math.max(1, length)
    }
    return { clean: clean + text.slice(from), held: '' }
  }

  #mayBegin(text: string, at: number): boolean {
    return at > text.length - shortest || this.#begins[hashOf(text, at)] === 1
  }

  /** Of the longest secret that stands there, or 0; `open` where the text ends within one. */
  #lengthAt(text: string, at: number): number | 'open' {
    let length = 0
    let end = at
    for (let node = this.#root; ;) {
      if (end === text.length) return node.next.size > 0 ? 'open' : length
      const next = node.next.get(text.charCodeAt(end))
      if (next === undefined) return length
      const { label } = next
      if (label.length > text.length - end) return label.startsWith(text.slice(end)) ? 'open' : length
      if (!text.startsWith(label, end)) return length
      end += label.length
      if (next.ends) length = end - at
      node = next
    }
  }
}

/** Of sorted texts that are equal up to `depth`, and longer. */
function branches(sorted: readonly string[], depth: number): Map<number, Node> {
  const found = new Map<number, Node>()
  for (let from = 0; from < sorted.length;) {
    const first = sorted[from] ?? ''
    const code = first.charCodeAt(depth)
    let to = from + 1
    while (sorted[to]?.charCodeAt(depth) === code) to += 1
    found.set(code, nodeOf(sorted.slice(from, to), depth))
    from = to
  }
  return found
}

function nodeOf(sorted: readonly string[], depth: number): Node {
  const first = sorted[0] ?? ''
  const last = sorted.at(-1) ?? ''
  let end = depth
  while (end < first.length && first.charCodeAt(end) === last.charCodeAt(end)) end += 1
  const ends = first.length === end
  return { label: first.slice(depth, end), ends, next: branches(ends ? sorted.slice(1) : sorted, end) }
}

function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : 1
}

function hashOf(text: string, at: number): number {
  return (text.charCodeAt(at) + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2) * 961 + text.charCodeAt(at + 3) * 29_791) & (buckets - 1)
}
