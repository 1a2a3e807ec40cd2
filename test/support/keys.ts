import { createHash, randomBytes } from 'node:crypto'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export interface TestKey {
  readonly id: string
  /** `pcl_<id>_<secret><checksum>`. */
  readonly key: string
  /** Hex. */
  readonly sha256: string
}

/** A valid API key of this id (8 characters), made apart from the product's own code. */
export function keyFor(id: string, secret = randomSecret()): TestKey {
  const body = `pcl_${id}_${secret}`
  const key = body + base62(crc32(body))
  return { id, key, sha256: createHash('sha256').update(key).digest('hex') }
}

function randomSecret(): string {
  return [...randomBytes(43)].map((byte) => digits[byte % 62]).join('')
}

function base62(value: number): string {
  let text = ''
  for (let left = value, place = 0; place < 6; place += 1, left = Math.floor(left / 62)) text = `${digits[left % 62]}${text}`
  return text
}

/** IEEE 802.3, bit by bit. */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
