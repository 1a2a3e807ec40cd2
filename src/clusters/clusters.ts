import type { Cluster, Clusters } from './cluster.ts'

export interface ReplaceableClusters extends Clusters {
  /**
   * Puts the clusters of a new config in force. Those no longer among them take no
   * new requests and are closed; what is open on them ends by itself, which may
   * take as long as a watch does.
   */
  replace(list: readonly Cluster[]): Promise<void>
  close(): Promise<void>
}

/** The first of the list is the default one. */
export function createClusters(list: readonly Cluster[]): ReplaceableClusters {
  let current = list
  let byName = index(list)
  const replace = async (next: readonly Cluster[]): Promise<void> => {
    const gone = current.filter((cluster) => !next.includes(cluster))
    current = next
    byName = index(next)
    await Promise.all(gone.map((cluster) => cluster.close()))
  }
  return {
    find: (name) => (name === undefined ? current[0] : byName.get(name)),
    all: () => current,
    replace,
    close: () => replace([]),
  }
}

function index(list: readonly Cluster[]): ReadonlyMap<string, Cluster> {
  return new Map(list.map((cluster) => [cluster.name, cluster]))
}
