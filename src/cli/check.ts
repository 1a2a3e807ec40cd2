import { loadCallers } from '../callers/load.ts'
import type { LoadedCallers } from '../callers/load.ts'
import { loadConfig } from '../config/load.ts'
import { findLoose, findLooseKey, findMissing } from '../config/referenced.ts'
import { byPosition, formatFault } from '../files/fault.ts'
import type { Fault } from '../files/fault.ts'
import type { CallerDefinition } from '../model/caller.ts'
import { write } from './output.ts'
import type { Output } from './output.ts'

export interface CheckArgs {
  readonly configFile: string
  /** Warnings count as faults. */
  readonly strict?: boolean
}

export interface CheckDeps {
  readonly stdout: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * `portcullis check`: every fault and every warning of the config and of its callers,
 * and which escalation routes each caller's scopes open. Returns the exit code: 0, or 1
 * on faults (`strict`: on warnings).
 */
export async function checkCommand({ configFile, strict = false }: CheckArgs, deps: CheckDeps): Promise<number> {
  const { config, faults, warnings, locate } = await loadConfig(configFile)
  if (config === undefined) return finish(configFile, faults, warnings, undefined, strict, deps.stdout)

  const doubtful = (await Promise.all([findMissing(config, deps), findLoose(config), findLooseKey(config)])).flat()
  const clusters = config.clusters.map(({ name }) => name)
  const callers = await loadCallers(config.callers.paths, { clusters, now: deps.now() })
  const allWarnings = [...byPosition([...warnings, ...doubtful.map(locate)]), ...callers.warnings]
  return finish(configFile, callers.faults, allWarnings, callers, strict, deps.stdout)
}

async function finish(
  file: string, faults: readonly Fault[], warnings: readonly Fault[], callers: LoadedCallers | undefined, strict: boolean, stdout: Output,
): Promise<number> {
  const lines = [
    ...faults.map(formatFault),
    ...warnings.map(warning => formatFault({ ...warning, message: `warning: ${warning.message}` })),
    ...faults.length === 0 && callers !== undefined ? describeRoutes(callers.callers) : [],
    `${file}: ${count(faults, 'fault')}, ${count(warnings, 'warning')}${faults.length === 0 ? describeCallers(callers) : ''}`,
  ]
  await write(stdout, `${lines.join('\n')}\n`)
  return faults.length > 0 || (strict && warnings.length > 0) ? 1 : 0
}

/** One line for each caller that may go past the guard, and by which scope. */
function describeRoutes(callers: readonly CallerDefinition[]): string[] {
  return callers.flatMap(({ name, grants }) => {
    const routes = new Map<string, Set<string>>()
    for (const { scope, rules } of grants) {
      for (const route of rules.flatMap(({ acknowledge }) => acknowledge)) {
        routes.set(route, (routes.get(route) ?? new Set()).add(scope === null ? 'its own rules' : `scope ${scope}`))
      }
    }
    const opened = [...routes].map(([route, by]) => `${route} (${[...by].join(', ')})`)
    return opened.length === 0 ? [] : [`caller ${name} opens: ${opened.join(', ')}`]
  })
}

function describeCallers(loaded: LoadedCallers | undefined): string {
  if (loaded === undefined) return ''
  const { callers, scopes, keys } = loaded
  return `; ${count(callers, 'caller')}, ${count([...scopes], 'scope')}, ${count([...keys], 'key')}`
}

function count({ length }: readonly unknown[], noun: string): string {
  return `${length === 0 ? 'no' : length} ${noun}${length === 1 ? '' : 's'}`
}
