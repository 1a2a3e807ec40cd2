import { refuseCluster, mayUseCluster } from '../authorize/source.ts'
import { readAsked } from './can-i/asked.ts'
import { listFor, type Closed, type Listing } from './can-i/list.ts'
import { columns, resourceOf, rowsOf } from './can-i/rows.ts'
import { findCaller, judgeIn, type Known, type Load } from './judge.ts'
import { messageOf, write, type Output } from './output.ts'
import { formatTable, type Column } from './table.ts'

export interface CanIArgs {
  readonly caller?: string | undefined
  readonly verb?: string | undefined
  /** `RESOURCE[.GROUP][/NAME]`, or a path that begins with a slash. */
  readonly resource?: string | undefined
  /** Without one: cluster-scoped, or all namespaces. */
  readonly namespace?: string | undefined
  readonly allNamespaces?: boolean | undefined
  readonly subresource?: string | undefined
  readonly cluster?: string | undefined
  /** All that the caller may do, instead of one question. */
  readonly list?: boolean | undefined
  readonly quiet?: boolean | undefined
  readonly json?: boolean | undefined
}

export interface CanIDeps {
  readonly load: Load
  readonly stdout: Output
  readonly stderr: Output
}

/** `portcullis can-i`: `yes` or `no` and why, or a list. Returns the exit code: 0 yes or done, 1 no or a fault, 2 wrong usage. */
export async function canICommand(args: CanIArgs, deps: CanIDeps): Promise<number> {
  const { caller, verb, resource, list = false } = args
  if (caller === undefined || (list ? verb !== undefined : verb === undefined || resource === undefined)) {
    await write(deps.stderr, 'portcullis can-i: --caller, VERB and RESOURCE[/NAME] are needed, or --caller and --list alone\n')
    return 2
  }
  try {
    const known = await deps.load()
    return list ? await answerList(known, caller, args, deps) : await answer(known, caller, args, deps)
  } catch (error) {
    await write(deps.stderr, `portcullis can-i: ${messageOf(error)}\n`)
    return 1
  }
}

async function answer(known: Known, caller: string, args: CanIArgs, { stdout, stderr }: CanIDeps): Promise<number> {
  const { verb = '', resource = '', subresource, cluster, quiet = false, json = false } = args
  const { attributes, warnings } = readAsked({ verb, resource, namespace: namespaceOf(args), subresource })
  const question = { attributes, upgrade: false, contentType: undefined }
  const verdict = judgeIn(findCaller(known, caller), known.clusterFacts(cluster), question, cluster)
  if (!quiet) {
    for (const warning of warnings) await write(stderr, `Warning: ${warning}\n`)
    await write(stdout, json ? `${JSON.stringify(verdict, null, 2)}\n` : `${verdict.allowed ? 'yes' : 'no'} - ${verdict.reason}\n`)
  }
  return verdict.allowed ? 0 : 1
}

function namespaceOf({ namespace, allNamespaces = false }: CanIArgs): string | undefined {
  return allNamespaces ? undefined : namespace
}

async function answerList(known: Known, caller: string, args: CanIArgs, { stdout, stderr }: CanIDeps): Promise<number> {
  const definition = findCaller(known, caller)
  const facts = known.clusterFacts(args.cluster)
  if (facts === undefined || !mayUseCluster(definition, facts.name)) throw new Error(refuseCluster(definition, args.cluster))
  const namespace = namespaceOf(args)
  const listing = listFor(definition, facts, namespace ?? '')
  if (args.json === true) {
    await write(stdout, `${JSON.stringify(toJson(listing), null, 2)}\n`)
    return 0
  }
  await write(stdout, formatTable(columns, rowsOf(listing.allowed)))
  if (listing.closed.length > 0) await write(stdout, `\nRules say it, and it is refused all the same:\n${formatTable(closedColumns, listing.closed)}`)
  for (const note of notesOn(listing, namespace)) await write(stderr, `${note}\n`)
  return 0
}

const closedColumns: readonly Column<Closed>[] = [
  { head: 'Resource or URL', cell: ({ permission }) => permission.kind === 'url' ? permission.url : resourceOf({ resource: permission.resource, apiGroup: permission.group }) },
  { head: 'Resource Name', cell: ({ permission }) => permission.kind === 'url' ? '' : permission.name ?? '' },
  { head: 'Verb', cell: ({ permission }) => permission.verb },
  { head: 'Needs', cell: ({ routes }) => routes.length === 0 ? 'create beside it' : `acknowledge: [${routes.join(', ')}]` },
]

function notesOn({ closedWithin, elsewhere }: Listing, namespace: string | undefined): string[] {
  return [
    ...closedWithin.length === 0 ? [] : [`Of what * stands for, the guard keeps closed: ${closedWithin.join(', ')}`],
    ...namespace !== undefined || elsewhere.length === 0 ? [] : [`At the cluster scope and over all namespaces; other rules hold in (-n): ${elsewhere.join(', ')}`],
  ]
}

function toJson({ allowed, closed, closedWithin, elsewhere }: Listing): object {
  return { allowed: rowsOf(allowed), closed: closed.map(({ permission, routes }) => ({ ...rowsOf([permission])[0], routes })), closedWithin, elsewhere }
}
