import { accessOf } from '../../authorize/access.ts'
import type { Config } from '../../config/config.ts'
import { requireConfig } from '../../config/load.ts'
import type { Attributes } from '../../model/attributes.ts'
import type { CallerDefinition, GuardRoute } from '../../model/caller.ts'
import type { ClusterFacts } from '../../model/verdict.ts'
import { factsOf } from '../load-known.ts'
import { requireStored } from '../stored-callers.ts'
import { hiddenBy, type Hidden } from './hidden.ts'

/** What is in force, as far as it can be told from here. Without a config: nothing. */
export interface Today {
  /** Undefined: there is no config. */
  readonly config: Config | undefined
  readonly callers: ReadonlyMap<string, CallerDefinition>
  /** Names of all scopes. */
  readonly scopes: ReadonlySet<string>
  /** What is known of a cluster without asking it; of one that is unknown, or not named: of the default one. */
  facts(cluster: string | undefined): ClusterFacts
  /** What the audit policy leaves out. */
  readonly hidden: Hidden
}

const unknown: ClusterFacts = {
  name: '', openshift: false, account: undefined, bootstrapAccount: undefined, accountPending: false, restrictedIn: new Set(), settled: true, ownNamespaces: [],
}

export const nothingKnown: Today = {
  config: undefined, callers: new Map(), scopes: new Set(),
  facts: () => unknown, hidden: () => [],
}

/** Config and callers as they are in the files, or in the cluster that keeps them. Rejects with FaultsError. */
export async function loadToday(file: string, env: Readonly<Record<string, string | undefined>>, now: number): Promise<Today> {
  const { config } = await requireConfig(file)
  const { callers, scopes } = await requireStored(config, { env, now })
  const clusters = await Promise.all(config.clusters.map(cluster => factsOf(cluster, config, env)))
  return {
    config,
    callers: new Map(callers.map(caller => [caller.name, caller])),
    scopes: new Set(scopes.keys()),
    facts: name => clusters.find(cluster => cluster.name === name) ?? clusters[0] ?? unknown,
    hidden: await hiddenBy(config),
  }
}

/** Of some routes those that one rule of a caller acknowledges for each of these verbs: what is carried over is never more than it. */
export function acknowledgedBy(definition: CallerDefinition | undefined, asked: Attributes, verbs: readonly string[], routes: readonly GuardRoute[]): GuardRoute[] {
  if (definition === undefined) return []
  const access = accessOf(definition)
  const carried: GuardRoute[] = []
  for (const route of routes) {
    const allowed = verbs.every(verb => access.find({ ...asked, verb }, [...carried, route])?.allowed === true)
    if (allowed) carried.push(route)
  }
  return carried
}

/** Whether a caller's rules of today allow a verb on a resource for objects of certain names alone; these are all names in its rules. */
export function isByName(definition: CallerDefinition | undefined, { verbs, asked }: { readonly verbs: readonly string[], readonly asked: Attributes }, names: ReadonlySet<string>): boolean {
  if (definition === undefined) return false
  const access = accessOf(definition)
  const isRuled = (verb: string, name: string) => access.find({ ...asked, verb, name }, []) !== undefined
  return verbs.some(verb => !isRuled(verb, '') && [...names].some(name => isRuled(verb, name)))
}
