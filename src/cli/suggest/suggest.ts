import { printable } from '../../authorize/quoted.ts'
import { isGlob } from '../../glob.ts'
import type { CallerDefinition } from '../../model/caller.ts'
import { messageOf, write, type Output } from '../output.ts'
import { UsageError } from '../run-command.ts'
import { againstFile } from './against.ts'
import { nextSteps } from './next-steps.ts'
import { lookAtOutput, writeOutput } from './output-file.ts'
import { readRequests, type LogArgs } from './read-log.ts'
import { Gathering, type SuggestOptions } from './suggestion.ts'
import type { Names } from './tally.ts'
import { suggestionJson, suggestionText, type Printed } from './text.ts'
import { loadToday, nothingKnown, type Today } from './today.ts'

export interface SuggestArgs extends LogArgs {
  readonly caller?: string | undefined
  /** A callers file, or a folder of them, that the log is replayed against. */
  readonly against?: string | undefined
  /** Whether a config was named, which then has to be there. */
  readonly configNamed: boolean
  readonly names?: string | undefined
  readonly namespaceGlob?: readonly string[] | undefined
  readonly includeDenied?: boolean | undefined
  readonly shadow?: boolean | undefined
  /** Of the scope; default: the caller's, with `-suggested` behind it. */
  readonly name?: string | undefined
  /** File that the scope is written to, in place of stdout. */
  readonly output?: string | undefined
  readonly json?: boolean | undefined
}

export interface SuggestDeps {
  readonly stdin: AsyncIterable<Buffer | string>
  readonly stdout: Output & { readonly isTTY?: boolean }
  readonly stderr: Output & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * `portcullis suggest`: the smallest scope that allows what a log shows, how it differs from today's, and what of that was
 * never used; or, with `against`, what a proposed callers file would change. Returns the exit code: 0, 1 for a "no" (something
 * that was allowed would be denied) or a fault in what was given, 2 for wrong usage.
 */
export async function suggestCommand(args: SuggestArgs, deps: SuggestDeps): Promise<number> {
  try {
    if (args.against !== undefined) return await againstFile(args, requireAgainst(args, args.against), await todayOf(args, deps), deps)
    return await suggest(args, deps)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0
    await write(deps.stderr, `portcullis suggest: ${messageOf(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

/** What is about a scope to be printed says nothing of a replay. */
function requireAgainst({ shadow, includeDenied, name, output, namespaceGlob = [] }: SuggestArgs, file: string): string {
  if (shadow === true || includeDenied === true || name !== undefined || output !== undefined || namespaceGlob.length > 0) {
    throw new UsageError('--against prints no scope: --shadow, --include-denied, --name, --output and --namespace-glob are for one that is printed')
  }
  return file
}

async function suggest(args: SuggestArgs, deps: SuggestDeps): Promise<number> {
  const options = optionsOf(args)
  const today = await todayOf(args, deps)
  const name = await nameOf(args, options, today)
  const gathering = new Gathering(options, today)
  await readRequests(args, deps, observed => gathering.take(observed))
  const suggestion = gathering.finish()
  if (suggestion.requests === 0 && suggestion.refused.length === 0) throw new Error(nobody(options.caller, gathering.others(), args))
  const printed = printedOf(args, { options, name, today, colour: args.output === undefined && deps.stdout.isTTY === true })
  if (args.output !== undefined) {
    await writeOutput(args.output, suggestionText(suggestion, printed))
    await write(deps.stderr, [`portcullis suggest: wrote scope ${printed.name} to ${args.output}`, ...nextSteps({ ...printed, isShadow: args.shadow === true }), ''].join('\n'))
    return 0
  }
  await write(deps.stdout, args.json === true ? `${JSON.stringify(suggestionJson(suggestion, printed), null, 2)}\n` : suggestionText(suggestion, printed))
  return 0
}

function optionsOf({ caller, names = 'few', namespaceGlob = [], includeDenied = false }: SuggestArgs): SuggestOptions {
  if (caller === undefined || caller === '') throw new UsageError('--caller NAME is needed: whose scope it is to be')
  if (!['few', 'all', 'none'].includes(names)) throw new UsageError('--names takes few, all or none')
  const wrong = namespaceGlob.find(glob => !isGlob(glob) || !/^[a-z0-9*-]+$/.test(glob) || /^\*+$/.test(glob))
  if (wrong !== undefined) throw new UsageError(`--namespace-glob takes a glob as team-*, with something beside the star, which ${JSON.stringify(wrong)} is not`)
  return { caller, names: names as Names, globs: namespaceGlob, includeDenied }
}

/** Without a config that was named the log alone says what was done; from files, for the log of the config needs one. */
async function todayOf({ configFile, configNamed, files }: SuggestArgs, { env, now }: SuggestDeps): Promise<Today> {
  const file = await configFile().catch((error: unknown) => {
    if (configNamed || files.length === 0) throw error
    return undefined
  })
  return file === undefined ? nothingKnown : loadToday(file, env, now())
}

function nobody(caller: string, others: readonly (readonly [string, number])[], { since, until, cluster = [] }: SuggestArgs): string {
  const shown = others.slice(0, 20).map(([name, requests]) => `${name} (${requests})`)
  const more = others.length - shown.length
  const there = shown.length === 0 ? 'nobody else has one either' : `there are those of: ${printable(shown.join(', '))}${more > 0 ? ` and ${more} more` : ''}`
  const narrowed = [...since === undefined && until === undefined ? [] : [' in that time'], ...cluster.length === 0 ? [] : [` on cluster ${cluster.join(' or ')}`]]
  return `the log has no request of caller ${JSON.stringify(caller)}${narrowed.join('')}; ${there}`
}

interface Given {
  readonly options: SuggestOptions
  readonly name: string
  readonly today: Today
  readonly colour: boolean
}

function printedOf({ shadow = false }: SuggestArgs, { options, name, today, colour }: Given): Printed {
  const definition = today.callers.get(options.caller)
  return {
    ...options, colour, today: definition,
    name, hidden: today.hidden(options.caller),
    shadow: shadow ? { replaces: replacedBy(definition) } : undefined,
    whyUnknown: today.config === undefined
      ? 'There is no config here, so that nothing is known of today\'s rules: --config names one.'
      : `Caller ${options.caller} is in no callers file of the config: what it is made of is the log alone, and no guarded route is acknowledged.`,
  }
}

/** Whoever has rules of its own can only have all of it replaced. */
function replacedBy(definition: CallerDefinition | undefined): string[] | undefined {
  const scopes = definition?.grants.map(({ scope }) => scope) ?? []
  if (scopes.length === 0 || scopes.includes(null)) return undefined
  return [...new Set(scopes.flatMap(scope => scope ?? []))].sort()
}

/** A scope's name is there once, but for the file that is written anew. */
async function nameOf({ name, output, shadow, json }: SuggestArgs, { caller }: SuggestOptions, today: Today): Promise<string> {
  const usual = usualName(caller)
  if (output === undefined) return name ?? freeName(usual, today.scopes)
  if (json === true) throw new UsageError('--output writes a callers file: leave --json out, or send it to a file of its own')
  const { scope } = await lookAtOutput(output, name ?? usual)
  if (scope === undefined) return name ?? freeName(usual, today.scopes)
  if (shadow === true && today.callers.get(caller)?.grants.some(grant => grant.scope === scope) === true) {
    throw new Error(`${output} has scope ${scope}, which caller ${caller} holds: as a shadow scope it would grant nothing any more. Name another file`)
  }
  return scope
}

function usualName(caller: string): string {
  return `${caller.replace(/[/%\s]/g, '-').slice(0, 230)}-suggested`
}

function freeName(usual: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? usual : `${usual}-${number}`
    if (!taken.has(name)) return name
  }
}
