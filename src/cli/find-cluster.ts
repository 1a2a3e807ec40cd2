import type { ClusterConfig } from '../config/config.ts'

/** By its name; undefined: the default one. Throws for one that is not there. */
export function findCluster(clusters: readonly ClusterConfig[], name: string | undefined): ClusterConfig {
  const cluster = name === undefined ? clusters[0] : clusters.find(one => one.name === name)
  if (cluster === undefined) throw new Error(`there is no cluster ${JSON.stringify(name)}; there are: ${clusters.map(one => one.name).join(', ')}`)
  return cluster
}
