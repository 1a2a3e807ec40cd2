import { loadCallers } from '../callers/load.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { findMissing } from '../config/referenced.ts'
import { byPosition, FaultsError, type Fault } from '../files/fault.ts'

/**
 * The config for a start on this machine: here a file or a variable that it names and that
 * is not there is a fault. Rejects with FaultsError, which then holds the callers' faults
 * too, so that all of them are mended at once.
 */
export async function requireStartable(
  file: string, env: Readonly<Record<string, string | undefined>>,
): Promise<{ config: Config, warnings: readonly Fault[] }> {
  const { config, faults, warnings, locate } = await loadConfig(file)
  if (config === undefined) throw new FaultsError(faults)
  const missing = (await findMissing(config, env)).map(locate)
  if (missing.length === 0) return { config, warnings }
  const callers = await loadCallers(config.callers.paths, { clusters: config.clusters.map(({ name }) => name) })
  throw new FaultsError([...byPosition(missing), ...callers.faults])
}
