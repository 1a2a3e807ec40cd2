import { isIP } from 'node:net'

/** DER, as much of it as a certificate needs (X.690, 8 and 10). */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body])
}

function lengthOf(size: number): number[] {
  if (size < 0x80) return [size]
  const bytes = size < 0x100 ? [size] : [size >> 8, size & 0xff]
  return [0x80 | bytes.length, ...bytes]
}

export const sequence = (...parts: readonly Uint8Array[]) => tlv(0x30, ...parts)
export const set = (...parts: readonly Uint8Array[]) => tlv(0x31, ...parts)
export const octets = (bytes: Uint8Array) => tlv(0x04, bytes)
export const bits = (bytes: Uint8Array, unused = 0) => tlv(0x03, Buffer.from([unused]), bytes)
export const utf8 = (text: string) => tlv(0x0c, Buffer.from(text))
export const yes = tlv(0x01, Buffer.from([0xff]))

/** A positive INTEGER from bytes whose first one is not zero. */
export function integer(bytes: Uint8Array): Buffer {
  return tlv(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), bytes)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const low = value & 0x7f
  return value < 0x80 ? [low] : [...base128(value >> 7).map((byte) => byte | 0x80), low]
}

/** GeneralizedTime, UTC, whole seconds. */
export function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/\.\d+|[-:T]/g, '')
  return tlv(0x18, Buffer.from(digits))
}

/** A GeneralName of a host name or an IP address. */
export function generalName(name: string): Buffer {
  if (isIP(name) === 4) return tlv(0x87, Buffer.from(name.split('.').map(Number)))
  if (isIP(name) === 6) return tlv(0x87, ipv6(name))
  if (name.includes('://')) return tlv(0x86, Buffer.from(name))
  return tlv(0x82, Buffer.from(name))
}

function ipv6(name: string): Buffer {
  const [head = '', tail = ''] = name.split('::').map((half) => half)
  const words = (text: string) => text.split(':').filter((word) => word !== '').map((word) => parseInt(word, 16))
  const before = words(head)
  const after = words(tail)
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}
