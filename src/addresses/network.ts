import { isIP } from 'node:net'

/**
 * What one party has of addresses: an IPv4 address, or the /64 of an IPv6 one, within which a host takes what
 * it likes (RFC 8981). Text that is no address stands for itself.
 */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/s, '')
  if (isIP(plain) !== 6) return plain
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) groups.push(...Array<string>(Math.max(0, 8 - groups.length - widthOf(tail))).fill('0'))
  const four = [...groups, ...(tail ?? '').split(':')].slice(0, 4).map(group => (parseInt(group, 16) || 0).toString(16))
  return `${four.join(':')}::/64`
}

/** In groups of 16 bits; a dotted end is two. */
function widthOf(tail: string): number {
  if (tail === '') return 0
  return tail.split(':').length + (tail.includes('.') ? 1 : 0)
}
