import { isIP } from 'node:net'
import { createAddressSet, plainAddress, type AddressSet } from '../addresses/address-set.ts'
import type { CallerDefinition } from '../model/caller.ts'
import { listField, withCure } from './cure.ts'

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

/** What is said to a caller that may not come from there. It learns its own address, and not which ones it has. */
export function refuseSource({ name }: CallerDefinition, source: string): string {
  const address = plainAddress(source)
  const line = isIP(address) === 0 ? undefined : listField('allowedFrom', [`${address}/${isIP(address) === 6 ? 128 : 32}`])
  return withCure(`caller "${name}" may not come from ${source}`, line, ', beside what is there')
}

/** As the config names clusters: nothing else is one. */
const clusterName = /^[a-z0-9][a-z0-9.-]*$/

/**
 * The same for a cluster. An unknown one and a forbidden one answer alike: names of clusters are not
 * for everybody. `named` is what the caller itself wrote into its URL; to a caller that may use every
 * cluster there is nothing to add.
 */
export function refuseCluster({ name, clusters }: CallerDefinition, named: string | undefined): string {
  const line = clusters === undefined || named === undefined || !clusterName.test(named) ? undefined : listField('clusters', [...clusters, named])
  return withCure(`caller "${name}" may not use this cluster`, line, ', if there is such a cluster')
}
