import type { Client } from '../clusters/client.ts'
import { asTexts } from '../clusters/question.ts'
import { askReview } from '../clusters/review.ts'
import type { ClusterConfig, Config, CredentialConfig } from '../config/config.ts'
import { readKubeconfig } from '../credentials/kubeconfig-file.ts'
import { timestamp } from '../credentials/times.ts'
import { ProxyError } from '../errors.ts'
import { asFields } from '../json-fields.ts'
import type { CallerDefinition } from '../model/caller.ts'
import { everybodys } from '../rbac/everybody.ts'
import { Permissions, permissionsOf, type Permission, type PolicyRule } from '../rbac/permission.ts'
import { readEndpoint } from '../wiring/endpoint.ts'
import { describeBeyond } from './describe-beyond.ts'
import { factsOf } from './load-known.ts'
import { requireNameServers } from './name-servers.ts'
import { openClient, type OpenOptions } from './open-client.ts'
import { messageOf, operatorMessageOf } from './output.ts'
import { needsOf, type Need } from './rbac/needs.ts'
import { ownNeeds } from './rbac/roles.ts'
import { storeNeeds } from './rbac/store-needs.ts'

export type OwnRights =
  /** Undefined: no more than the callers need. */
  | { readonly asked: true, readonly beyond: string | undefined }
  /** `unfit`: that is the credential's fault, and not that the cluster is out of reach from here. */
  | { readonly asked: false, readonly why: string, readonly unfit: boolean }

export interface AskOptions extends OpenOptions {
  /** `address:port`; default: those of this machine. */
  readonly nameServers?: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A credential that serve would refuse, or that the cluster does. */
class Unfit extends Error {}

const mostNamespaces = 10

/**
 * What our own account may do on a cluster beyond what its callers need, asked in the namespaces
 * that scopes name, and in `default`. Never rejects, and takes no longer than `within`.
 */
export async function askOwnRights(
  cluster: ClusterConfig, config: Config, callers: readonly CallerDefinition[], options: AskOptions,
): Promise<OwnRights> {
  const signal = AbortSignal.timeout(options.within)
  try {
    const atHand = await requireAtHand(cluster.credential, options)
    const { endpoint } = await readEndpoint(cluster, options)
    await requireFit({ ...cluster, credential: atHand }, config, options)
    await requireNameServers(new URL(endpoint.server).hostname, { servers: options.nameServers, within: options.within * 0.6 })
    const facts = await factsOf(cluster, config, options.env)
    const needs = [...needsOf(callers, facts, []).needs, ...storeNeeds(config, cluster.name)]
    const namespaces = namespacesOf(needs)
    const client = await openClient(cluster, config, options).catch((error: unknown) => { throw asUnfit(error) })
    try {
      const granted = await Promise.all(namespaces.map(namespace => askRules(client, namespace, signal)))
      return { asked: true, beyond: describeBeyond(namespaces.map((namespace, index) => [namespace, beyond(granted[index] ?? [], needs, namespace)])) }
    } finally {
      // What is still under way ends by itself, within its time limits.
      client.close().catch(() => {})
    }
  } catch (error) {
    const rejected = error instanceof ProxyError && error.code === 'CredentialRejected'
    if (rejected || error instanceof Unfit) return { asked: false, why: operatorMessageOf(error), unfit: true }
    return { asked: false, why: signal.aborted ? `there was no answer within ${options.within / 1000} s` : operatorMessageOf(error), unfit: false }
  }
}

/** What a request met is no fault of the credential, and says itself where it is. */
function asUnfit(error: unknown): Error {
  return error instanceof ProxyError ? error : new Unfit(messageOf(error), { cause: error })
}

/** Of what stands here, before anything is looked up: the cluster may be out of reach. */
async function requireFit(cluster: ClusterConfig, config: Config, options: AskOptions): Promise<void> {
  const client = await openClient(cluster, config, options).catch((error: unknown) => { throw asUnfit(error) })
  const { expiresAt } = client.credential.facts().claims
  client.close().catch(() => {})
  if (expiresAt !== undefined && expiresAt <= options.now()) throw new Unfit(`it expired at ${timestamp(expiresAt)}`)
}

/** Resolves with what is there from the start. A check runs no plugin and logs nobody in: what it would obtain might outlive it. */
async function requireAtHand(credential: CredentialConfig, { allowLoose }: Pick<AskOptions, 'allowLoose'>): Promise<CredentialConfig> {
  if (credential.kind === 'tokenRequest') return requireAtHand(credential.bootstrap, { allowLoose })
  const plugin = credential.kind === 'kubeconfig' && (await readKubeconfig({ ...credential, allowLoose })).user.kind === 'exec'
  if (plugin || credential.kind === 'exec' || credential.kind === 'oauthSession') {
    throw new Error(`its credential (${plugin ? 'a plugin of the kubeconfig' : credential.kind}) would first have to be obtained`)
  }
  return credential
}

function namespacesOf(needs: readonly Need[]): string[] {
  const named = new Set(needs.flatMap(({ at }) => at.kind === 'namespace' && at.name !== 'default' ? [at.name] : []))
  return [...[...named].sort().slice(0, mostNamespaces - 1), 'default']
}

async function askRules({ fetch }: Client, namespace: string, signal: AbortSignal): Promise<Permission[]> {
  const { resourceRules, nonResourceRules } = await askReview(fetch, { kind: 'SelfSubjectRulesReview', spec: { namespace }, signal })
  if (!Array.isArray(resourceRules) || !Array.isArray(nonResourceRules)) throw new Error('the API server does not tell')
  return [...resourceRules, ...nonResourceRules].flatMap(rule => permissionsOf(readRule(rule)))
}

function readRule(rule: unknown): PolicyRule {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = asFields(rule)
  return {
    verbs: asTexts(verbs) ?? [], apiGroups: asTexts(apiGroups), resources: asTexts(resources),
    resourceNames: asTexts(resourceNames), nonResourceURLs: asTexts(nonResourceURLs),
  }
}

/** What a glob needs counts everywhere, as `portcullis rbac` prints it. */
function beyond(granted: readonly Permission[], needs: readonly Need[], namespace: string): Permission[] {
  const here = needs.filter(({ at }) => at.kind !== 'namespace' || at.name === namespace).map(({ permission }) => permission)
  const needed = new Permissions([...here, ...ownNeeds, ...everybodys])
  return granted.filter(permission => !needed.cover(permission))
}
