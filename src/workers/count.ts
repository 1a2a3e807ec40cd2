import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

export interface Machine {
  /** Cores that this process may run on. */
  readonly cores: number
  /** The file's text; undefined where it cannot be read. */
  readonly read: (path: string) => Promise<string | undefined>
}

const thisMachine: Machine = { cores: availableParallelism(), read: path => readFile(path, 'utf8').catch(() => undefined) }

/** How many workers to run: as the config says, or one for each core that is ours, also by a container's limit. */
export async function countWorkers(wanted: number | 'auto', { cores, read }: Machine = thisMachine): Promise<number> {
  if (wanted !== 'auto') return wanted
  const quotas = await Promise.all(quotaFiles(await read('/proc/self/cgroup') ?? '').map(async files => parseQuota(...await Promise.all(files.map(read)))))
  // A part of a core is left to the primary: one worker more would have all of them throttled.
  return Math.max(1, Math.floor(Math.min(cores, ...quotas)))
}

/** cgroup v2: of this process' group and those around it; v1, with quota and period apart. */
function quotaFiles(ownGroups: string): string[][] {
  const own = /^0::(\/.*)$/m.exec(ownGroups)?.[1] ?? '/'
  const groups = [own]
  while (groups.at(-1) !== '/') groups.push(dirname(groups.at(-1) ?? '/'))
  return [
    ...groups.map(group => [join('/sys/fs/cgroup', group, 'cpu.max')]),
    ['/sys/fs/cgroup/cpu/cpu.cfs_quota_us', '/sys/fs/cgroup/cpu/cpu.cfs_period_us'],
  ]
}

/** Cores, from `cpu.max` ("150000 100000", "max 100000") or from quota and period; Infinity where there is no limit. */
export function parseQuota(quotaAndPeriod = '', separatePeriod = ''): number {
  const [quota, period] = `${quotaAndPeriod.trim()} ${separatePeriod.trim()}`.trim().split(/\s+/).map(Number)
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : Infinity
}
