import { timingSafeEqual } from 'node:crypto'
import type { KeyRecord } from './key-record.ts'

/** Bytes of a slot, a line of the processor's cache: the record's number, from 1; the two halves of its id; unused; the digest. */
const slotSize = 64
const digestAt = 16
const digestLength = 32

/** Each character is a byte of its own: of another form two ids could be alike. */
const form = /^[0-9A-Za-z]{8}$/

// Compared with where an id is unknown, so that an answer's time does not tell which ids exist.
const nobodys = Buffer.alloc(digestLength)

/**
 * Keys by id. All that a look-up compares lies together: in a Map of records it is spread over
 * the heap, and with ten thousand keys a look-up waits for memory longer than it works.
 */
export class KeyTable {
  readonly #records: KeyRecord[] = []
  /** Open addressing with linear probing, at most half full. */
  #slots = new Slots(16)

  get size(): number {
    return this.#records.length
  }

  /** A key that is there already is replaced. Throws RangeError where the id has not the form of one. */
  add(record: KeyRecord): void {
    if (!form.test(record.id)) throw new RangeError('the id of a key is 8 letters and digits')
    const known = this.#slots.numberOf(record.id)
    if (known !== 0) this.#records[known - 1] = record
    else if (this.#records.push(record) * 2 > this.#slots.count) return this.#grow()
    this.#slots.put(record, known === 0 ? this.#records.length : known)
  }

  get(id: string): KeyRecord | undefined {
    return form.test(id) ? this.#records[this.#slots.numberOf(id) - 1] : undefined
  }

  /** The record of the key whose digest this is (SHA-256, 32 bytes); undefined where the id is unknown or another key's, which takes as long. */
  open(id: string, digest: Buffer): KeyRecord | undefined {
    const number = form.test(id) ? this.#slots.numberOf(id) : 0
    const same = timingSafeEqual(digest, number === 0 ? nobodys : this.#slots.digestOf(id))
    return same ? this.#records[number - 1] : undefined
  }

  values(): IterableIterator<KeyRecord> {
    return this.#records.values()
  }

  #grow(): void {
    this.#slots = new Slots(this.#slots.count * 2)
    for (const [index, record] of this.#records.entries()) this.#slots.put(record, index + 1)
  }
}

class Slots {
  readonly count: number
  readonly #bytes: Buffer
  readonly #words: Int32Array

  /** `count`: a power of two. */
  constructor(count: number) {
    this.count = count
    this.#words = new Int32Array(count * slotSize / 4)
    this.#bytes = Buffer.from(this.#words.buffer)
  }

  /** 0 where there is none of that id. */
  numberOf(id: string): number {
    return this.#words[this.#find(id) / 4] ?? 0
  }

  digestOf(id: string): Buffer {
    const at = this.#find(id) + digestAt
    return this.#bytes.subarray(at, at + digestLength)
  }

  put({ id, sha256 }: KeyRecord, number: number): void {
    const at = this.#find(id)
    this.#words.set([number, halfOf(id, 0), halfOf(id, 4)], at / 4)
    sha256.copy(this.#bytes, at + digestAt)
  }

  /** The offset of the slot where an id is, or would be. */
  #find(id: string): number {
    const [first, second] = [halfOf(id, 0), halfOf(id, 4)]
    let slot = ((Math.imul(first, 0x9E3779B1) ^ Math.imul(second, 0x85EBCA6B)) >>> 8) & (this.count - 1)
    for (;;) {
      const at = slot * slotSize / 4
      if (this.#words[at] === 0 || (this.#words[at + 1] === first && this.#words[at + 2] === second)) return slot * slotSize
      slot = (slot + 1) & (this.count - 1)
    }
  }
}

function halfOf(id: string, from: number): number {
  return id.charCodeAt(from) | (id.charCodeAt(from + 1) << 8) | (id.charCodeAt(from + 2) << 16) | (id.charCodeAt(from + 3) << 24)
}
