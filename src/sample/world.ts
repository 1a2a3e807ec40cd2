import type { LogBook } from './log-book.ts'
import type { ResourceTypes } from './resource-type.ts'
import type { Store } from './store.ts'

/** All that the sample cluster is made of, for those who answer requests about it. Times are in milliseconds. */
export interface World {
  readonly store: Store
  readonly types: ResourceTypes
  readonly logs: LogBook
  readonly clock: () => number
  /** How long after it is written a CustomResourceDefinition is served. */
  readonly crdDelay: number
  readonly bookmarkInterval: number
  /** `host:port`, known once it listens. */
  readonly address: () => string
}

/** RFC 3339 to the second, as metadata has it. */
export function timestamp(world: Pick<World, 'clock'>): string {
  return new Date(world.clock()).toISOString().replace(/\.\d+Z$/, 'Z')
}
