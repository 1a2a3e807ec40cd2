/** As much of X.690's distinguished encoding as a certificate takes. */

function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), length(content.length), content])
}

function length(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value])
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  const significant = bytes.subarray(bytes.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([0x80 | significant.length]), significant])
}

export const sequence = (...members: readonly Buffer[]) => element(0x30, ...members)
export const set = (...members: readonly Buffer[]) => element(0x31, ...members)
export const boolean = (value: boolean) => element(0x01, Buffer.from([value ? 0xff : 0]))
export const utf8 = (value: string) => element(0x0c, Buffer.from(value))
export const octets = (value: Buffer) => element(0x04, value)

/** Whole bytes, or with unused bits at the end. */
export const bits = (value: Buffer, unused = 0) => element(0x03, Buffer.from([unused]), value)

/** A context-specific element that wraps another. */
export const explicit = (tag: number, content: Buffer) => element(0xa0 | tag, content)

/** A context-specific element in the place of a primitive one. */
export const implicit = (tag: number, content: Buffer) => element(0x80 | tag, content)

/** A positive integer of any length. */
export function integer(value: Buffer): Buffer {
  const first = value.findIndex((byte) => byte !== 0)
  const significant = first < 0 ? Buffer.from([0]) : value.subarray(first)
  return element(0x02, (significant[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), significant)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((value) => {
    const groups = [value & 0x7f]
    for (let left = value >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return element(0x06, Buffer.from(bytes))
}

/** UTCTime before 2050, GeneralizedTime from then on, as RFC 5280 wants it. */
export function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits))
}
