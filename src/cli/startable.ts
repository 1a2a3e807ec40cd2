import { loadCallers } from '../callers/load.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { findLoose, findLooseKey, findMissing, type Surroundings } from '../config/referenced.ts'
import { byPosition, FaultsError, type Fault } from '../files/fault.ts'

export interface StartOptions extends Surroundings {
  /** Credentials that every user of this machine may read are no fault. */
  readonly allowLoose: boolean
}

/**
 * The config for a start on this machine: here a file or a variable that it names and that
 * is not there is a fault, and a credential that is open to everybody. Rejects with FaultsError,
 * which then holds the callers' faults too, so that all of them are mended at once.
 */
export async function requireStartable(file: string, options: StartOptions): Promise<{ config: Config, warnings: readonly Fault[] }> {
  const { config, faults, warnings, locate } = await loadConfig(file)
  if (config === undefined) throw new FaultsError(faults)
  const [missing, loose, looseKey] = await Promise.all([findMissing(config, options), findLoose(config), findLooseKey(config)])
  const bad = options.allowLoose ? missing : [...missing, ...loose]
  const doubtful = options.allowLoose ? [...loose, ...looseKey] : looseKey
  if (bad.length === 0) return { config, warnings: byPosition([...warnings, ...doubtful.map(locate)]) }
  const { callers, clusters } = config
  const known = callers.kind === 'file' ? await loadCallers(callers.paths, { clusters: clusters.map(({ name }) => name) }) : { faults: [] }
  throw new FaultsError([...byPosition(bad.map(locate)), ...known.faults])
}
