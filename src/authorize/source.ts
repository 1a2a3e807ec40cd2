import { BlockList, isIP } from 'node:net'
import type { CallerDefinition } from '../model/caller.ts'

/** By the list itself: callers of one default share it, and a reload brings new ones. */
const lists = new WeakMap<readonly string[], BlockList>()

/** Whether the caller may come from that address. An address or a CIDR that is none matches nothing. */
export function fromAllowedSource({ allowedFrom }: CallerDefinition, source: string): boolean {
  if (allowedFrom === undefined) return true
  const address = plainAddress(source)
  const family = isIP(address)
  if (family === 0) return false
  let list = lists.get(allowedFrom)
  if (list === undefined) lists.set(allowedFrom, list = toList(allowedFrom))
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

export function mayUseCluster({ clusters }: CallerDefinition, cluster: string): boolean {
  return clusters === undefined || clusters.includes(cluster)
}

function toList(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [text = '', bits] = cidr.split('/')
    const mapped = text.toLowerCase().startsWith(mappedPrefix)
    const address = plainAddress(text)
    const family = isIP(address)
    if (family === 0) continue
    const longest = family === 6 ? 128 : 32
    const prefix = bits === undefined ? longest : Number(bits) - (mapped && family === 4 ? 96 : 0)
    if (Number.isInteger(prefix) && prefix >= 0 && prefix <= longest) {
      list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
    }
  }
  return list
}

const mappedPrefix = '::ffff:'

/** A dual-stack socket names an IPv4 peer `::ffff:10.0.0.1`; a link-local one carries its zone. */
function plainAddress(text: string): string {
  const address = text.replace(/%.*$/s, '')
  const tail = address.toLowerCase().startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address
  return isIP(tail) === 4 ? tail : address
}
