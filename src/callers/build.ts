import type { CallerDefinition, Grant, Rule, ShadowGrants } from '../model/caller.ts'
import { KeyRecord } from '../keys/key-record.ts'
import { buildIdentities } from './build-identity.ts'
import type { Shadow, WrittenGrant } from './entries.ts'
import type { WrittenCaller, WrittenKey, WrittenRule } from './schema.ts'

/** A checked scope: made once, shared by all callers that hold it. Rules alone do not say whether they grant anything. */
export interface BuiltScope {
  readonly rules: readonly Rule[]
  readonly shadow: Shadow | undefined
}

export function buildScope({ rules, clusterRole, shadow }: WrittenGrant): BuiltScope {
  // A ClusterRole's rules hold everywhere: what narrows them is the caller's long form.
  return { rules: rules.map(rule => buildRule(rule, clusterRole ? ['*'] : rule.namespaces ?? [])), shadow }
}

/** A checked caller; `scopes` holds every scope that it names, `folder` tells what files that it names are relative to. */
export function buildCaller(caller: WrittenCaller, scopes: ReadonlyMap<string, BuiltScope>, folder: () => string = () => '/'): CallerDefinition {
  const { limits, impersonate } = caller
  const identities = buildIdentities(caller, folder)
  const own: Grant[] = caller.rules.length === 0
    ? []
    : [{ scope: null, rules: caller.rules.map(rule => buildRule(rule, rule.namespaces ?? [])), namespaces: undefined }]
  return {
    name: caller.name,
    ...buildGrants(own, caller.scopes, scopes),
    clusters: caller.clusters,
    discovery: caller.discovery,
    limits: {
      requestsPerSecond: limits.requestsPerSecond,
      burst: limits.burst,
      inFlight: limits.inFlight,
      streams: limits.streams,
    },
    allowedFrom: caller.allowedFrom,
    impersonate,
    ...identities === undefined ? {} : { identities },
  }
}

export function buildKey(key: WrittenKey, caller: CallerDefinition): KeyRecord {
  return new KeyRecord({
    id: key.id,
    sha256: Buffer.from(key.sha256, 'hex'),
    expiresAt: milliseconds(key.expiresAt),
    revokedAt: milliseconds(key.revokedAt),
    caller,
  })
}

/** What a caller holds by its own rules and its scopes, and what it would hold by those that are tried out. */
export function buildGrants(own: readonly Grant[], references: WrittenCaller['scopes'], scopes: ReadonlyMap<string, BuiltScope>): Pick<CallerDefinition, 'grants' | 'shadow'> {
  const held = references.map(reference => buildGrant(reference, scopes))
  const grants = [...own, ...held.filter(({ shadow }) => shadow === undefined).map(({ grant }) => grant)]
  const shadow = shadowGrants(grants, held)
  return shadow === undefined ? { grants } : { grants, shadow }
}

interface HeldScope {
  readonly grant: Grant
  readonly shadow: Shadow | undefined
}

function buildGrant(reference: WrittenCaller['scopes'][number], scopes: ReadonlyMap<string, BuiltScope>): HeldScope {
  const { name, namespaces } = typeof reference === 'string' ? { name: reference, namespaces: undefined } : reference
  const scope = scopes.get(name)
  return { grant: { scope: name, rules: scope?.rules ?? [], namespaces }, shadow: scope?.shadow }
}

function shadowGrants(grants: readonly Grant[], held: readonly HeldScope[]): ShadowGrants | undefined {
  const tried = held.flatMap(({ grant, shadow }) => shadow === undefined ? [] : [{ grant, replaces: shadow.replaces }])
  if (tried.length === 0) return undefined
  const replaced = new Set(tried.flatMap(({ replaces = [] }) => replaces))
  const stay = tried.some(({ replaces }) => replaces === undefined) ? [] : grants.filter(({ scope }) => scope === null || !replaced.has(scope))
  return { scopes: [...new Set(tried.map(({ grant }) => grant.scope ?? ''))], grants: [...stay, ...tried.map(({ grant }) => grant)] }
}

function buildRule(rule: WrittenRule, namespaces: readonly string[]): Rule {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs, acknowledge } = rule
  return { verbs, apiGroups, resources, resourceNames, nonResourceURLs, namespaces, acknowledge }
}

function milliseconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time)
}
