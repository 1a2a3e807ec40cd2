import type { Fault } from '../files/fault.ts'
import { keepReloading } from '../files/reloading.ts'
import type { Reloaded } from '../files/reloading.ts'
import type { Watch, watchFiles } from '../files/watch.ts'
import type { Config } from './config.ts'
import { loadConfig, requireConfig } from './load.ts'

/** What only a new start puts in force. */
export type NeedsRestart = 'listen' | 'admin' | 'workers' | 'audit sinks and mode'

export interface ReloadOptions {
  /** The config that the process started with. */
  readonly started: Config
  /** Puts a changed config in force; a rejection leaves the old one there, and is reported. */
  readonly apply: (config: Config) => void | Promise<void>
  readonly report: (outcome: Reloaded & { readonly needsRestart?: readonly NeedsRestart[] }) => void
  readonly watch?: typeof watchFiles
}

/** Follows the config file, from what `started` says on: a good change is applied, a bad one reported, the last good one stays in force. */
export async function createReload({ started, apply, report, watch }: ReloadOptions): Promise<Watch> {
  let current = started

  async function reload(): Promise<readonly Fault[]> {
    const { config, warnings } = await requireConfig(started.file)
    if (!isSame(config, current)) await apply(config)
    current = config
    return warnings
  }

  const following = await keepReloading({
    paths: [started.file],
    reload,
    report: outcome => report(outcome.ok ? { ...outcome, needsRestart: needsRestart(started, current) } : outcome),
    ...watch === undefined ? {} : { watch },
  })
  // It may have changed since it was read, while the process started.
  const { config: found } = await loadConfig(started.file)
  if (found === undefined || !isSame(found, started)) following.again()
  return following
}

function needsRestart(started: Config, current: Config): NeedsRestart[] {
  const sections: NeedsRestart[] = (['listen', 'admin', 'workers'] as const).filter(section => !isSame(started[section], current[section]))
  const auditOf = ({ audit: { sinks, mode } }: Config) => ({ sinks, mode })
  return isSame(auditOf(started), auditOf(current)) ? sections : [...sections, 'audit sinks and mode']
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
