import type { Entries } from '../callers/entries.ts'
import { assembleCallers } from '../callers/load.ts'
import type { LoadedCallers } from '../callers/load.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { findLoose, findLooseKey, findMissing, type Surroundings } from '../config/referenced.ts'
import { byPosition, formatFault, isWithin } from '../files/fault.ts'
import type { Fault, Finding } from '../files/fault.ts'
import type { CallerDefinition } from '../model/caller.ts'
import { missingClientCa } from '../wiring/identity.ts'
import { policyWarnings } from './check-policy.ts'
import { lintCallers } from './lint/lint.ts'
import { findMissingSources } from './missing-sources.ts'
import { askOwnRights } from './own-rights.ts'
import { messageOf, write } from './output.ts'
import type { Output } from './output.ts'
import { readStored } from './stored-callers.ts'
import { describeUnheld } from './unheld-scopes.ts'

export interface CheckArgs {
  readonly configFile: string
  /** Warnings count as faults. */
  readonly strict?: boolean
  /** Ask with credentials though every user of this machine may read them. */
  readonly allowLoose?: boolean
}

export interface CheckDeps extends Surroundings {
  readonly stdout: Output
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that a cluster has to say what our account may do; default: 3000. */
  readonly askWithin?: number
}

/**
 * `portcullis check`: every fault and every warning of the config and of its callers, which
 * escalation routes each caller's scopes open, and what our own account may do that no scope
 * needs. Returns the exit code: 0, or 1 on faults (`strict`: on warnings).
 */
export async function checkCommand({ configFile, strict = false, allowLoose = false }: CheckArgs, deps: CheckDeps): Promise<number> {
  const { config, faults: ofFile, warnings, locate } = await loadConfig(configFile)
  if (config === undefined) return finish({ file: configFile, faults: ofFile, warnings, notes: [], strict }, deps.stdout)

  const [missing, loose, looseKey] = await Promise.all([findMissing(config, deps), findLoose(config), findLooseKey(config)])
  const clusters = config.clusters.map(({ name }) => name)
  const now = deps.now()
  const { read, unread } = await readOrSay(config, { ...deps, allowLoose })
  const callers = assembleCallers(read, { clusters, now })
  const unstartable = missing.filter(({ path }) => isWithin(path, ['audit', 'policyFile']))
  const policy = await policyWarnings(config, unread.length > 0 || callers.faults.length > 0 ? undefined : callers.callers.map(({ name }) => name))
  const identity = [await findMissingSources(callers.callers), clientCaFinding(config, callers.callers)].flat()
  const ofConfig = [...warnings, ...[...missing.filter(one => !unstartable.includes(one)), ...loose, ...looseKey, ...policy, ...identity].map(locate)]
  const faults = [...byPosition([...unread, ...unstartable].map(locate)), ...callers.faults]
  if (faults.length > 0) {
    const all = [...byPosition(ofConfig), ...callers.warnings]
    return finish({ file: configFile, faults, warnings: all, notes: [], strict }, deps.stdout)
  }
  const linted = lintCallers({ scopes: read.flatMap(({ scopes }) => scopes), callers: read.flatMap(({ callers }) => callers) })
  const account = await lintAccount(config, callers.callers, { ...deps, allowLoose, told: allowLoose ? missing : [...missing, ...loose] })
  return finish({
    file: configFile, faults: [], strict,
    warnings: [...byPosition([...ofConfig, ...account.findings.map(locate)]), ...byPosition([...callers.warnings, ...linted.warnings])],
    notes: [...describeRoutes(callers.callers), ...describeUnheld(read), ...recommend(callers.callers, linted.farReaching), ...account.notes],
    summary: describeCallers(callers),
  }, deps.stdout)
}

/** What the config says of callers that are out of reach, or of their credential, is worth knowing all the same. */
async function readOrSay(config: Config, { env, podFolder, allowLoose, now }: CheckDeps & { readonly allowLoose: boolean }): Promise<{ read: readonly Entries[], unread: Finding[] }> {
  try {
    return { read: await readStored(config, { env, podFolder, allowLoose, now: now() }), unread: [] }
  } catch (error) {
    return { read: [], unread: [{ path: ['callers'], message: messageOf(error) }] }
  }
}

function clientCaFinding(config: Config, callers: readonly CallerDefinition[]): Finding[] {
  const message = missingClientCa(config, callers)
  return message === undefined ? [] : [{ path: ['listen', 'tls'], message }]
}

interface AccountDeps extends CheckDeps {
  readonly allowLoose: boolean
  /** What was found that keeps a credential from being read. */
  readonly told: readonly Finding[]
}

/** Credentials that are unfit, and what our account may do on each cluster that no caller needs, as far as the clusters tell. */
async function lintAccount(config: Config, callers: readonly CallerDefinition[], { env, podFolder, now, allowLoose, told, askWithin = 3000 }: AccountDeps) {
  const options = { env, podFolder, now, allowLoose, within: askWithin }
  const answers = await Promise.all(config.clusters.map(cluster => askOwnRights(cluster, config, callers, options)))
  const findings: Finding[] = []
  const notes: string[] = []
  for (const [index, answer] of answers.entries()) {
    const name = config.clusters[index]?.name ?? ''
    const path = ['clusters', index, 'credential']
    if (!answer.asked && answer.unfit && !told.some(other => isWithin(other.path, path))) {
      findings.push({ path, message: `cluster ${name}: its credential cannot be used: ${answer.why}` })
    } else if (!answer.asked) notes.push(`cluster ${name} was not asked what our account may do: ${answer.why}`)
    else if (answer.beyond !== undefined) {
      const message = `cluster ${name}: our account may also: ${answer.beyond}; no scope needs that: portcullis rbac --cluster ${name} prints what is needed`
      findings.push({ path, message })
    }
  }
  return { findings, notes }
}

interface Outcome {
  readonly file: string
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
  /** Lines that are neither, and count for nothing. */
  readonly notes: readonly string[]
  readonly strict: boolean
  readonly summary?: string
}

async function finish({ file, faults, warnings, notes, strict, summary = '' }: Outcome, stdout: Output): Promise<number> {
  const lines = [
    ...faults.map(formatFault),
    ...warnings.map(warning => formatFault({ ...warning, message: `warning: ${warning.message}` })),
    ...notes,
    `${file}: ${count(faults, 'fault')}, ${count(warnings, 'warning')}${summary}`,
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

/** Those who reach far, by what a rule says or past the guard, and whom the API server does not judge yet. */
function recommend(callers: readonly CallerDefinition[], farReaching: ReadonlySet<string>): string[] {
  return callers
    .filter(({ name, grants, impersonate }) => impersonate === undefined
      && (farReaching.has(name) || grants.some(({ rules }) => rules.some(({ acknowledge }) => acknowledge.length > 0))))
    .map(({ name }) => `caller ${name} should have impersonate: the API server then judges ${name} itself, and its flow control tells it from others`)
}

function describeCallers({ callers, scopes, keys }: LoadedCallers): string {
  return `; ${count(callers, 'caller')}, ${count([...scopes], 'scope')}, ${count([...keys.values()], 'key')}`
}

function count({ length }: readonly unknown[], noun: string): string {
  return `${length === 0 ? 'no' : length} ${noun}${length === 1 ? '' : 's'}`
}
