import { askedBy, createsToo } from '../../authorize/asked.ts'
import { createAuthorize } from '../../authorize/authorize.ts'
import { resourceName } from '../../authorize/describe.ts'
import { printable } from '../../authorize/quoted.ts'
import { fromAllowedSource, mayUseCluster } from '../../authorize/source.ts'
import { requireCallers } from '../../callers/load.ts'
import type { CallerDefinition, GuardRoute } from '../../model/caller.ts'
import type { ClusterFacts, Verdict } from '../../model/verdict.ts'
import { write } from '../output.ts'
import { UsageError } from '../run-command.ts'
import { formatTable, type Column } from '../table.ts'
import type { Observed } from './observed.ts'
import { readRequests } from './read-log.ts'
import type { SuggestArgs, SuggestDeps } from './suggest.ts'
import { acknowledgedBy, type Today } from './today.ts'

/** Requests alike that would be judged otherwise. */
interface Change {
  readonly caller: string
  readonly verb: string
  /** `pods/exec`, `deployments.apps`, or a path. */
  readonly resource: string
  /** Empty: at the cluster scope, over all namespaces, or a path. */
  readonly namespace: string
  readonly was: 'allow' | 'deny'
  readonly would: 'allow' | 'deny'
  /** Of the first of them: the nearest rule and what it lacks, or the rule that allows it. */
  readonly why: string
  requests: number
}

/** Changes that are held apart at most. */
const most = 20_000

const authorize = createAuthorize()

/**
 * Replays a log against callers that are proposed: what was allowed and would be denied, and the other way round. Neither keys
 * nor limits are judged. Returns 1 where anything that was allowed would be denied.
 */
export async function againstFile(args: SuggestArgs, file: string, today: Today, deps: SuggestDeps): Promise<number> {
  const { callers, scopes } = await requireCallers([file], { clusters: today.config?.clusters.map(({ name }) => name), now: deps.now() })
  if (callers.length === 0 && scopes.size > 0) throw new UsageError(`${file} has scopes and no callers, so that nobody would hold them: name the folder that has the callers too, or add the caller's entry to the file`)
  const replay = new Replay(new Map(callers.map(caller => [caller.name, caller])), today, args.caller)
  await readRequests(args, deps, observed => replay.take(observed))
  if (replay.requests === 0) throw new Error(args.caller === undefined ? 'the log has no request that was judged' : `the log has no request of caller ${JSON.stringify(args.caller)}; there are those of: ${printable(replay.others().join(', ')) || 'nobody'}`)
  const changes = replay.changes()
  const lost = changes.filter(({ was }) => was === 'allow')
  await write(deps.stdout, args.json === true ? `${JSON.stringify({ requests: replay.requests, changes }, null, 2)}\n` : textOf(changes, replay.requests, file))
  return lost.length > 0 ? 1 : 0
}

class Replay {
  readonly #proposed: ReadonlyMap<string, CallerDefinition>
  readonly #today: Today
  readonly #only: string | undefined
  readonly #changes = new Map<string, Change>()
  readonly #others = new Set<string>()
  requests = 0

  constructor(proposed: ReadonlyMap<string, CallerDefinition>, today: Today, only: string | undefined) {
    this.#proposed = proposed
    this.#today = today
    this.#only = only
  }

  take(observed: Observed): void {
    const { caller, attributes, allowed } = observed
    if (this.#only !== undefined && caller !== this.#only) {
      if (this.#others.size < 20) this.#others.add(caller)
      return
    }
    this.requests += 1
    const verdict = this.#judge(observed)
    if (verdict.allowed === allowed) return
    const resource = attributes.isResourceRequest ? resourceName(attributes) : attributes.path
    const key = [caller, attributes.verb, resource, attributes.namespace, allowed].join('\0')
    const known = this.#changes.get(key)
    if (known !== undefined) known.requests += 1
    else if (this.#changes.size >= most) throw new Error(`more than ${most} different things would change: narrow it down with --caller, --since or --cluster`)
    else this.#changes.set(key, { caller, verb: attributes.verb, resource, namespace: attributes.namespace, was: word(allowed), would: word(verdict.allowed), why: verdict.why, requests: 1 })
  }

  others(): string[] {
    return [...this.#others].sort()
  }

  /** What would be denied first, by caller, the most frequent first. */
  changes(): Change[] {
    return [...this.#changes.values()].sort((a, b) => compare(a.was, b.was) || compare(a.caller, b.caller) || b.requests - a.requests
      || compare(a.resource, b.resource) || compare(a.namespace, b.namespace) || compare(a.verb, b.verb))
  }

  #judge(observed: Observed): { readonly allowed: boolean, readonly why: string } {
    const definition = this.#proposed.get(observed.caller)
    if (definition === undefined) return { allowed: false, why: 'no such caller' }
    const facts = this.#today.facts(observed.cluster)
    if (observed.source !== '' && !fromAllowedSource(definition, observed.source)) return { allowed: false, why: `not from ${observed.source}: its allowedFrom` }
    if (observed.cluster !== undefined && !mayUseCluster(definition, observed.cluster)) return { allowed: false, why: `not on cluster ${observed.cluster}: its clusters` }
    const verdict = this.#ask(definition, observed, facts)
    const closed = verdict.allowed ? closedRoutes(definition, observed, facts) : []
    return closed.length === 0 ? { allowed: verdict.allowed, why: whyOf(verdict.reason) } : { allowed: false, why: `guarded by ${closed.join(', ')}, which no rule that allows it acknowledges` }
  }

  #ask(definition: CallerDefinition, { caller, attributes, upgrade, contentType, impersonation }: Observed, cluster: ClusterFacts): Verdict {
    // As whom a caller with `impersonate` is seen, its entry says: it sent no headers.
    const sent = this.#today.callers.get(caller)?.impersonate === undefined && definition.impersonate === undefined
    return authorize({ definition, credentialId: '', expiresAt: undefined }, { attributes, upgrade, contentType, impersonation: sent ? impersonation : undefined, cluster })
  }
}

/** What the guard kept closed then, by what it knew of the cluster, beside what can be told from here. */
function closedRoutes(definition: CallerDefinition, observed: Observed, cluster: ClusterFacts): GuardRoute[] {
  const asked = askedBy({ ...observed, cluster })
  const verbs = createsToo(asked, observed.contentType) === undefined ? [asked.verb] : [asked.verb, 'create']
  const routes = observed.routes.filter(route => route !== 'impersonate')
  const acknowledged = acknowledgedBy(definition, asked, verbs, routes)
  return routes.filter(route => !acknowledged.includes(route))
}

/** Without what the row says already, and without the line that would mend it. */
function whyOf(reason: string): string {
  return reason.replace(/; to allow it.*$/s, '').replace(/^caller "[^"]*" may not .*?: (?=nearest rule|it has no rule|guarded by)/s, '')
}

const columns: readonly Column<Change>[] = [
  { head: 'CALLER', cell: ({ caller }) => printable(caller) },
  { head: 'VERB', cell: ({ verb }) => printable(verb) || '-' },
  { head: 'WHAT', cell: ({ resource }) => printable(resource) },
  { head: 'NAMESPACE', cell: ({ namespace }) => printable(namespace) || '-' },
  { head: 'REQUESTS', cell: ({ requests }) => String(requests) },
  { head: 'WAS', cell: ({ was }) => was },
  { head: 'WOULD BE', cell: ({ would }) => would },
  { head: 'WHY', cell: ({ why }) => why },
]

function textOf(changes: readonly Change[], requests: number, file: string): string {
  const count = (was: Change['was']) => changes.filter(change => change.was === was).reduce((sum, change) => sum + change.requests, 0)
  const [lost, won] = [count('allow'), count('deny')]
  const summary = `${file}: of ${requests} requests ${lost || 'none'} that ${lost === 1 ? 'was' : 'were'} allowed would be denied, ${won || 'none'} that ${won === 1 ? 'was' : 'were'} denied would be allowed\n`
  return changes.length === 0 ? summary : `${formatTable(columns, changes)}\n${summary}`
}

function word(allowed: boolean): 'allow' | 'deny' {
  return allowed ? 'allow' : 'deny'
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
