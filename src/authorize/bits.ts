/** A set of small numbers, 32 to a word. */
export type Bits = number[]

export function emptyBits(words: number): Bits {
  return new Array<number>(words).fill(0)
}

export function setBit(bits: Bits, index: number): void {
  bits[index >> 5] = (bits[index >> 5] ?? 0) | (1 << (index & 31))
}

export function addBits(to: Bits, from: Bits): void {
  for (const [word, value] of from.entries()) to[word] = (to[word] ?? 0) | value
}

/** The first number in the set from `start` on; -1 when there is none. */
export function nextBit(bits: Bits, start: number): number {
  for (let word = start >> 5; word < bits.length; word++) {
    const rest = word === start >> 5 ? (bits[word] ?? 0) & (-1 << (start & 31)) : bits[word] ?? 0
    if (rest !== 0) return (word << 5) + 31 - Math.clz32(rest & -rest)
  }
  return -1
}

const maxShared = 512

/** Sets that are equal, as one: what many callers have in common stays in the processor's cache. Nobody may change them. */
export class SharedBits {
  readonly #known = new Map<string, Bits>()

  share(bits: Bits): Bits {
    const key = bits.join()
    const known = this.#known.get(key)
    if (known !== undefined) return known
    // Those that are in use stay with their users.
    if (this.#known.size >= maxShared) this.#known.clear()
    this.#known.set(key, bits)
    return bits
  }
}

/**
 * Which rules accept a value: those that name it, and those that accept any. Both are
 * one look-up, however many rules there are.
 */
export class Dimension {
  readonly #exact = new Map<string, Bits>()
  #any: Bits
  readonly #words: number

  constructor(words: number) {
    this.#words = words
    this.#any = emptyBits(words)
  }

  acceptAny(rule: number): void {
    setBit(this.#any, rule)
  }

  accept(value: string, rule: number): void {
    let bits = this.#exact.get(value)
    if (bits === undefined) this.#exact.set(value, bits = emptyBits(this.#words))
    setBit(bits, rule)
  }

  /** Once, after the last rule: from here on `of` is a single look-up. */
  seal(shared?: SharedBits): void {
    for (const bits of this.#exact.values()) addBits(bits, this.#any)
    if (shared === undefined) return
    this.#any = shared.share(this.#any)
    for (const [value, bits] of this.#exact) this.#exact.set(value, shared.share(bits))
  }

  of(value: string): Bits {
    return this.#exact.get(value) ?? this.#any
  }
}
