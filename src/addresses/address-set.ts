import { BlockList, isIP } from 'node:net'

export interface AddressSet {
  /** Whatever form the socket names the address in. False for what is no address. */
  has(address: string): boolean
}

/** The addresses of CIDRs, and single ones. What is neither matches nothing. */
export function createAddressSet(cidrs: readonly string[]): AddressSet {
  const list = new BlockList()
  for (const cidr of cidrs) addCidr(list, cidr)
  return {
    has(text) {
      const address = plainAddress(text)
      const family = isIP(address)
      return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
    },
  }
}

function addCidr(list: BlockList, cidr: string): void {
  const [text = '', bits] = cidr.split('/')
  const address = plainAddress(text)
  const family = isIP(address)
  if (family === 0) return
  const longest = family === 6 ? 128 : 32
  const mapped = family === 4 && isIP(text) === 6
  const prefix = bits === undefined ? longest : Number(bits) - (mapped ? 96 : 0)
  if (Number.isInteger(prefix) && prefix >= 0 && prefix <= longest) list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
}

const mappedPrefix = '::ffff:'

/** A dual-stack socket names an IPv4 peer `::ffff:10.0.0.1`; a link-local one carries its zone. */
export function plainAddress(text: string): string {
  const address = text.replace(/%.*$/s, '')
  const tail = address.toLowerCase().startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address
  return isIP(tail) === 4 ? tail : address
}
