import { readFile } from 'node:fs/promises'
import { byPosition, FaultsError, formatPath, isWithin, soundWithout, wholeFile } from '../files/fault.ts'
import type { Fault, Finding, Path } from '../files/fault.ts'
import { whyUnreadable } from '../files/unreadable.ts'
import { checkSchema } from '../files/schema.ts'
import { readYaml } from '../files/yaml.ts'
import type { YamlDocument } from '../files/yaml.ts'
import type { Config } from './config.ts'
import { convertConfig } from './convert.ts'
import { podConfig } from './pod-config.ts'
import { findFaults, findWarnings } from './rules.ts'
import { configSchema } from './schema.ts'
import { findSecrets } from './secrets.ts'

export interface LoadedConfig {
  /** Undefined where there are faults. */
  readonly config: Config | undefined
  /** All of them, in the order of the file. */
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
  /** Where in the file something is that turns out wrong only later, as a file that it names. */
  locate(finding: Finding): Fault
}

/**
 * Reads and checks a config file. A path that ends in a slash is a folder in a pod, with everything but
 * a config (see `podConfig`). Rejects for nothing that is wrong with the file: that is a fault.
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  if (file.endsWith('/')) return loadPodConfig(file)
  const text = await readFile(file, 'utf8').catch((error: unknown) => wholeFile(file, whyUnreadable(error)))
  return typeof text === 'string' ? readConfig(file, text) : bad(file, [text])
}

async function loadPodConfig(folder: string): Promise<LoadedConfig> {
  const { file, text, findings, explain } = await podConfig(folder)
  const locate = ({ path, message }: Finding) => explain({ ...wholeFile(file, message), path: formatPath(path) })
  const read = readConfig(file, text)
  const faults = [...read.faults.map(explain), ...findings.map(locate)]
  return { config: faults.length === 0 ? read.config : undefined, faults, warnings: [], locate }
}

/** For a start: the config, or a rejection with FaultsError. */
export async function requireConfig(file: string): Promise<{ config: Config, warnings: readonly Fault[] }> {
  const { config, faults, warnings } = await loadConfig(file)
  if (config === undefined) throw new FaultsError(faults)
  return { config, warnings }
}

/** `loadConfig` of a text that was read already. */
export function readConfig(file: string, text: string): LoadedConfig {
  const { documents: [document, second], faults } = readYaml(file, text)
  if (faults.length > 0) return bad(file, faults)
  if (document === undefined) return bad(file, [wholeFile(file, 'is empty; it needs at least clusters')])
  if (second !== undefined) return bad(file, [second.locate({ path: [], message: 'is a second document: a config is one' })])

  const { value, findings } = checkSchema(configSchema, document.value)
  const rest = findings.some(({ path }) => path.length === 0) ? [] : findFaults(value, soundWithout(findings))
  const secrets = findSecrets(document.value).filter(({ path }) => !findings.some(other => isSame(path, other.path)))
  const found = [...findings, ...secrets, ...rest]
  if (found.length > 0) return bad(file, locateAll(document, found))
  return { config: convertConfig(file, value), faults: [], warnings: locateAll(document, findWarnings(value)), locate: document.locate }
}

function isSame(path: Path, other: Path): boolean {
  return path.length === other.length && isWithin(path, other)
}

function bad(file: string, faults: readonly Fault[]): LoadedConfig {
  return { config: undefined, faults, warnings: [], locate: ({ message }) => wholeFile(file, message) }
}

function locateAll(document: YamlDocument, findings: readonly Finding[]): Fault[] {
  return byPosition(findings.map(finding => document.locate(finding)))
}
