import type { ClusterConfig, Config } from '../config/config.ts'
import { requireConfig } from '../config/load.ts'
import type { CallerDefinition } from '../model/caller.ts'
import type { Account } from '../model/verdict.ts'
import { printManifests } from '../rbac/manifests.ts'
import { findCluster } from './find-cluster.ts'
import { accountOfBootstrap, factsOf } from './load-known.ts'
import { messageOf, write, type Output } from './output.ts'
import { headOf } from './rbac/head.ts'
import { needsOf } from './rbac/needs.ts'
import { isNamespace } from './rbac/reach.ts'
import { bootstrapRole, rolesFor } from './rbac/roles.ts'
import { storeNeeds } from './rbac/store-needs.ts'
import { requireStored } from './stored-callers.ts'

export interface RbacArgs {
  readonly configFile: string
  /** Default: the first one. */
  readonly cluster?: string | undefined
  /** `NAMESPACE/NAME`; default: as the credential says, or portcullis/portcullis. */
  readonly serviceAccount?: string | undefined
  /** Namespaces that there are, for globs to be tried on. */
  readonly namespaces?: readonly string[] | undefined
}

export interface RbacDeps {
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

const unknownAccount: Account = { namespace: 'portcullis', name: 'portcullis' }

/**
 * `portcullis rbac`: the roles and bindings with which our own account can serve all callers
 * of a cluster, and no more. No cluster is asked anything, unless it keeps the callers. Returns
 * the exit code: 0, 1 for a fault in what was given, 2 for wrong usage.
 */
export async function rbacCommand(args: RbacArgs, { stdout, ...deps }: RbacDeps): Promise<number> {
  const { stderr } = deps
  const named = args.serviceAccount === undefined ? undefined : readAccount(args.serviceAccount)
  const wrong = args.namespaces?.find(name => !isNamespace(name))
  if (args.serviceAccount !== undefined && named === undefined) return usage(stderr, '--service-account takes NAMESPACE/NAME')
  if (wrong !== undefined) return usage(stderr, `--namespace takes the name of one namespace, which ${JSON.stringify(wrong)} is not`)
  try {
    await write(stdout, await manifestsFor(args, named, deps))
    return 0
  } catch (error) {
    await write(stderr, `portcullis rbac: ${messageOf(error)}\n`)
    return 1
  }
}

async function usage(stderr: Output, message: string): Promise<number> {
  await write(stderr, `portcullis rbac: ${message}\n`)
  return 2
}

function readAccount(text: string): Account | undefined {
  const [, namespace = '', name = ''] = /^([^/]+)\/([a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/.exec(text) ?? []
  return isNamespace(namespace) ? { namespace, name } : undefined
}

async function manifestsFor(args: RbacArgs, named: Account | undefined, deps: Omit<RbacDeps, 'stdout'>): Promise<string> {
  const { env } = deps
  const { config } = await requireConfig(args.configFile)
  const callers = await callersOf(config, deps)
  const cluster = findCluster(config.clusters, args.cluster)
  const facts = await factsOf(cluster, config, env)
  const account = named ?? facts.account ?? unknownAccount
  const found = needsOf(callers, { ...facts, account }, args.namespaces ?? [])
  const head = headOf({ cluster: cluster.name, account, accountIsKnown: named !== undefined || facts.account !== undefined }, found)
  return printManifests(head, [...rolesFor([...found.needs, ...storeNeeds(config, cluster.name)], account), ...await mintingRole(cluster, account, env)])
}

/** Those kept in a cluster may be out of reach for want of the very rights that are asked for. */
async function callersOf(config: Config, { env, stderr, now = Date.now }: Omit<RbacDeps, 'stdout'>): Promise<readonly CallerDefinition[]> {
  try {
    return (await requireStored(config, { env, now: now() })).callers
  } catch (error) {
    if (config.callers.kind === 'file') throw error
    await write(stderr, `portcullis rbac: ${messageOf(error)}\nWhat is printed is what following them needs; apply it, and run this again for what the callers need.\n`)
    return []
  }
}

async function mintingRole({ credential }: ClusterConfig, account: Account, env: RbacDeps['env']) {
  if (credential.kind !== 'tokenRequest') return []
  return [bootstrapRole(credential.serviceAccount ?? account, await accountOfBootstrap(credential.bootstrap, env))]
}
