import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const form = /^pcl_([0-9A-Za-z]{8})_[0-9A-Za-z]{43}([0-9A-Za-z]{6})$/
const checksumLength = 6

export type KeyReading =
  | { readonly kind: 'key', readonly id: string }
  /** Begins like a key, but its form or checksum is off: a typo or a piece, never a key of anybody. */
  | { readonly kind: 'mistyped' }
  | { readonly kind: 'other' }

/** `pcl_<id>_<secret><checksum>`; says nothing about whether anybody holds that key. */
export function readKey(text: string): KeyReading {
  if (!text.startsWith('pcl_')) return { kind: 'other' }
  const [, id, checksum] = form.exec(text) ?? []
  if (id === undefined || checksum !== checksumOf(text.slice(0, -checksumLength))) return { kind: 'mistyped' }
  return { kind: 'key', id }
}

/** A new key: 256 random bits as 43 base62 digits. `random` returns that many random bytes. */
export function mintKey(random: (bytes: number) => Uint8Array): { readonly id: string, readonly key: string } {
  const id = base62(toBigInt(random(8)) % 62n ** 8n, 8)
  const body = `pcl_${id}_${base62(toBigInt(random(32)), 43)}`
  return { id, key: body + checksumOf(body) }
}

/** What is stored of a key: SHA-256 of the whole, 32 bytes. */
export function digestKey(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

function checksumOf(body: string): string {
  // 32 bits: no need of a bigint.
  let text = ''
  for (let rest = crc32(body); text.length < checksumLength; rest = Math.floor(rest / 62)) text = digits.charAt(rest % 62) + text
  return text
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

/** Most significant digit first, padded with `0`. */
function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = digits.charAt(Number(rest % 62n)) + text
  return text
}
