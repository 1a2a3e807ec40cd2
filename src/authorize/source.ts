import { createAddressSet, type AddressSet } from '../addresses/address-set.ts'
import type { CallerDefinition } from '../model/caller.ts'

/** By the list itself: callers of one default share it, and a reload brings new ones. */
const sets = new WeakMap<readonly string[], AddressSet>()

/** Whether the caller may come from that address. An address or a CIDR that is none matches nothing. */
export function fromAllowedSource({ allowedFrom }: CallerDefinition, source: string): boolean {
  if (allowedFrom === undefined) return true
  let set = sets.get(allowedFrom)
  if (set === undefined) sets.set(allowedFrom, set = createAddressSet(allowedFrom))
  return set.has(source)
}

export function mayUseCluster({ clusters }: CallerDefinition, cluster: string): boolean {
  return clusters === undefined || clusters.includes(cluster)
}
