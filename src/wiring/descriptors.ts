import { readFile } from 'node:fs/promises'

/** A warning where the process may not open enough files for that many callers: each takes a connection here and one upstream. */
export async function descriptorWarning(maxConnections: number): Promise<string | undefined> {
  // Node has no getrlimit; where there is no /proc, nobody is warned.
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  if (soft === undefined || Number(soft) >= 2 * maxConnections) return undefined
  return `this process may open ${soft} files; limits.maxConnections of ${maxConnections} needs twice as many: raise the limit (ulimit -n ${2 * maxConnections}) or lower maxConnections`
}
