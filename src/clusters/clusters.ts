import type { Cluster, Clusters } from './cluster.ts'

export interface ReplaceableClusters extends Clusters {
  /**
   * Puts the clusters of a new config in force. Those no longer among them take no
   * new requests and are closed; what is open on them ends by itself, which may
   * take as long as a watch does.
   */
  replace(list: readonly Cluster[]): Promise<void>
  /** Cuts what is under way on all of them, on those that were replaced too. */
  destroy(): Promise<void>
}

/** The first of the list is the default one. */
export function createClusters(list: readonly Cluster[]): ReplaceableClusters {
  let current = list
  let byName = index(list)
  const closing = new Set<Cluster>()
  const close = async (cluster: Cluster): Promise<void> => {
    closing.add(cluster)
    await cluster.close()
    closing.delete(cluster)
  }
  const replace = async (next: readonly Cluster[]): Promise<void> => {
    const gone = current.filter((cluster) => !next.includes(cluster))
    current = next
    byName = index(next)
    await Promise.all(gone.map(close))
  }
  return {
    find: (name) => (name === undefined ? current[0] : byName.get(name)),
    all: () => current,
    replace,
    async destroy() {
      await Promise.all([...current, ...closing].map(cluster => cluster.destroy()))
      current = []
      byName = index([])
    },
  }
}

function index(list: readonly Cluster[]): ReadonlyMap<string, Cluster> {
  return new Map(list.map((cluster) => [cluster.name, cluster]))
}
