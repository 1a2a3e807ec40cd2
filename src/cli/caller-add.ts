import { checkNewCaller } from '../callers/check-new.ts'
import type { NewCaller, StoredCallers } from '../callers/store.ts'
import type { Config } from '../config/config.ts'
import { openStore, type CallersDeps } from './callers-deps.ts'
import { write } from './output.ts'
import { runCommand, UsageError } from './run-command.ts'

export interface CallerAddArgs {
  readonly configFile: string
  readonly name: string
  /** `NAME`, or `NAME:NAMESPACE,…`, which narrows. */
  readonly scope: readonly string[]
  readonly cluster: readonly string[]
  readonly allowedFrom: readonly string[]
  readonly description?: string | undefined
  readonly requestsPerSecond?: string | undefined
  readonly burst?: string | undefined
  readonly inFlight?: string | undefined
  readonly streams?: string | undefined
  /** Default: the store chooses. */
  readonly file?: string | undefined
}

/** `portcullis caller add`. Returns the exit code: 0 done, 1 a fault in what was given, 2 wrong usage. */
export function callerAddCommand(args: CallerAddArgs, deps: CallersDeps): Promise<number> {
  return runCommand('caller add', deps.stderr, async () => {
    const limits = toLimits(args)
    const { config, store } = await openStore(args.configFile, deps, args.file)
    let warnings: readonly string[] = []
    const where = await store.change((current) => {
      const caller = toCaller(args, limits, new Set(current.scopes.map(({ value }) => value.name)))
      warnings = requireFit(caller, current, config, deps.now())
      return [{ kind: 'add-caller', caller }]
    })
    await write(deps.stderr, [`caller ${args.name} is in ${where}. A key for it: portcullis key create ${args.name}`, ...warnings.map(warning => `warning: ${warning}`), ''].join('\n'))
    return 0
  })
}

/** Returns what is worth a warning; throws where the caller cannot be. */
function requireFit(caller: NewCaller, current: StoredCallers, config: Config, now: number): readonly string[] {
  const { name } = caller
  const same = current.callers.find(({ value }) => value.name === name)
  if (same !== undefined) throw new Error(`there is a caller ${name} already, at ${same.where}: portcullis caller show ${name}`)
  const { faults, warnings } = checkNewCaller(caller, current, { clusters: config.clusters.map(cluster => cluster.name), now })
  if (faults.length > 0) throw new Error(`nothing was written:\n${faults.map(fault => `  ${fault}`).join('\n')}\n(portcullis scope list names the scopes that there are)`)
  // That it has no key yet is told as what to do next.
  return warnings.filter(warning => !warning.startsWith('has no key'))
}

function toLimits({ requestsPerSecond, burst, inFlight, streams }: CallerAddArgs): NewCaller['limits'] {
  return {
    ...numberOf('--requests-per-second', 'requestsPerSecond', requestsPerSecond), ...numberOf('--burst', 'burst', burst),
    ...numberOf('--in-flight', 'inFlight', inFlight), ...numberOf('--streams', 'streams', streams),
  }
}

function toCaller(args: CallerAddArgs, limits: NewCaller['limits'], scopes: ReadonlySet<string>): NewCaller {
  return {
    name: args.name,
    ...args.description === undefined ? {} : { description: args.description },
    ...args.scope.length === 0 ? {} : { scopes: args.scope.map(text => toReference(text, scopes)) },
    ...args.cluster.length === 0 ? {} : { clusters: [...args.cluster] },
    ...limits === undefined || Object.keys(limits).length === 0 ? {} : { limits },
    ...args.allowedFrom.length === 0 ? {} : { allowedFrom: [...args.allowedFrom] },
  }
}

/** A scope may have a colon in its name (`system:node`): the last one parts, as no namespace has one. */
function toReference(text: string, scopes: ReadonlySet<string>): string | { name: string, namespaces: string[] } {
  const colon = text.lastIndexOf(':')
  const namespaces = text.slice(colon + 1)
  if (colon === -1 || scopes.has(text)) return text
  if (!/^[a-z0-9*-]+(,[a-z0-9*-]+)*$/.test(namespaces)) throw new UsageError('--scope takes a name, or a name and namespaces: view:team-a,team-b-*')
  return { name: text.slice(0, colon), namespaces: namespaces.split(',') }
}

function numberOf<Name extends string>(option: string, name: Name, text: string | undefined): { [name in Name]?: number } {
  if (text === undefined) return {}
  if (!/^[0-9]{1,9}(\.[0-9]{1,6})?$/.test(text)) throw new UsageError(`${option} takes a number`)
  return { [name]: Number(text) } as { [name in Name]?: number }
}
