import { timingSafeEqual } from 'node:crypto'
import type { KeyRecord } from './key-record.ts'

/** Bytes of a slot, a line of the processor's cache: the record's number, from 1; the two halves of its id; unused; the digest. */
const slotSize = 64
const digestAt = 16
const digestLength = 32

/** Each character is a byte of its own: of another form two ids could be alike. */
const form = /^[0-9A-Za-z]{8}$/

/**
 * Keys by id. All that a look-up compares lies together: in a Map of records it is spread over
 * the heap, and with ten thousand keys a look-up waits for memory longer than it works.
 */
export class KeyTable {
  readonly #records: KeyRecord[] = []
  #slots: Slots

  /** `expected`: how many keys there will be; more make it grow, which takes a moment. */
  constructor(expected = 0) {
    this.#slots = new Slots(expected)
  }

  get size(): number {
    return this.#records.length
  }

  /** A key that is there already is replaced. Throws RangeError where id or digest have not the form of one. */
  add(record: KeyRecord): void {
    if (!form.test(record.id)) throw new RangeError('the id of a key is 8 letters and digits')
    if (record.sha256.length !== digestLength) throw new RangeError('the digest of a key is 32 bytes')
    const known = this.#slots.numberOf(this.#slots.find(record.id))
    if (known !== 0) this.#records[known - 1] = record
    else if (this.#records.push(record) > this.#slots.most) this.#grow()
    this.#slots.put(record, known === 0 ? this.#records.length : known)
  }

  get(id: string): KeyRecord | undefined {
    return form.test(id) ? this.#records[this.#slots.numberOf(this.#slots.find(id)) - 1] : undefined
  }

  /** The record of the key whose digest this is (SHA-256, 32 bytes). Undefined where the id is another key's or unknown: that is compared with zeros, and takes as long. */
  open(id: string, digest: Buffer): KeyRecord | undefined {
    if (!form.test(id)) return undefined
    const at = this.#slots.find(id)
    const same = timingSafeEqual(digest, this.#slots.digestAt(at))
    return same ? this.#records[this.#slots.numberOf(at) - 1] : undefined
  }

  values(): IterableIterator<KeyRecord> {
    return this.#records.values()
  }

  #grow(): void {
    this.#slots = new Slots(2 * this.#records.length)
    for (const [index, record] of this.#records.slice(0, -1).entries()) this.#slots.put(record, index + 1)
  }
}

/** Open addressing with linear probing, at most half full. */
class Slots {
  /** Keys that there is room for. */
  readonly most: number
  readonly #mask: number
  readonly #bytes: Buffer
  readonly #words: Int32Array

  constructor(expected: number) {
    this.most = 2 ** Math.ceil(Math.log2(Math.max(8, expected)))
    this.#mask = 2 * this.most - 1
    this.#words = new Int32Array(2 * this.most * slotSize / 4)
    this.#bytes = Buffer.from(this.#words.buffer)
  }

  /** The offset of the slot where an id is, or would be. */
  find(id: string): number {
    const [first, second] = [halfOf(id, 0), halfOf(id, 4)]
    let slot = ((Math.imul(first, 0x9E3779B1) ^ Math.imul(second, 0x85EBCA6B)) >>> 8) & this.#mask
    for (;;) {
      const at = slot * slotSize / 4
      if (this.#words[at] === 0 || (this.#words[at + 1] === first && this.#words[at + 2] === second)) return slot * slotSize
      slot = (slot + 1) & this.#mask
    }
  }

  /** 0: the slot is empty. */
  numberOf(offset: number): number {
    return this.#words[offset / 4] ?? 0
  }

  digestAt(offset: number): Buffer {
    return this.#bytes.subarray(offset + digestAt, offset + digestAt + digestLength)
  }

  put({ id, sha256 }: KeyRecord, number: number): void {
    const offset = this.find(id)
    this.#words[offset / 4] = number
    this.#words[offset / 4 + 1] = halfOf(id, 0)
    this.#words[offset / 4 + 2] = halfOf(id, 4)
    sha256.copy(this.#bytes, offset + digestAt)
  }
}

function halfOf(id: string, from: number): number {
  return id.charCodeAt(from) | (id.charCodeAt(from + 1) << 8) | (id.charCodeAt(from + 2) << 16) | (id.charCodeAt(from + 3) << 24)
}
