import { readFile } from 'node:fs/promises'

/** A warning where the process may not open enough files for that many callers: each takes a connection here and one upstream. Of several workers each takes its share. */
export async function descriptorWarning(allConnections: number, workers = 1): Promise<string | undefined> {
  // Node has no getrlimit; where there is no /proc, nobody is warned.
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  const maxConnections = Math.ceil(allConnections / workers)
  if (soft === undefined || Number(soft) >= 2 * maxConnections) return undefined
  const process = workers === 1 ? 'this process' : `each of ${workers} workers`
  const of = workers === 1 ? `limits.maxConnections of ${maxConnections}` : `its share of limits.maxConnections, ${maxConnections},`
  return `${process} may open ${soft} files; ${of} needs twice as many: raise the limit (ulimit -n ${2 * maxConnections}) or lower maxConnections`
}
