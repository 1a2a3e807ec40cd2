/** What stood in front of the target when the caller named its cluster; undefined for the default one. */
export function clusterPrefix(cluster: string | undefined): string | undefined {
  return cluster === undefined ? undefined : `/clusters/${cluster}`
}
