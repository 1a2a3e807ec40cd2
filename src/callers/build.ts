import type { CallerDefinition, Grant, Rule } from '../model/caller.ts'
import { KeyRecord } from '../keys/key-record.ts'
import { buildIdentities } from './build-identity.ts'
import type { WrittenGrant } from './entries.ts'
import type { WrittenCaller, WrittenKey, WrittenRule } from './schema.ts'

/** The rules of a checked scope: made once, shared by all callers that hold it. */
export function buildScope({ rules, clusterRole }: WrittenGrant): readonly Rule[] {
  // A ClusterRole's rules hold everywhere: what narrows them is the caller's long form.
  return rules.map(rule => buildRule(rule, clusterRole ? ['*'] : rule.namespaces ?? []))
}

/** A checked caller; `scopes` holds every scope that it names, `folder` tells what files that it names are relative to. */
export function buildCaller(caller: WrittenCaller, scopes: ReadonlyMap<string, readonly Rule[]>, folder: () => string = () => '/'): CallerDefinition {
  const { limits, impersonate } = caller
  const identities = buildIdentities(caller, folder)
  const own: Grant[] = caller.rules.length === 0
    ? []
    : [{ scope: null, rules: caller.rules.map(rule => buildRule(rule, rule.namespaces ?? [])), namespaces: undefined }]
  return {
    name: caller.name,
    grants: [...own, ...caller.scopes.map(reference => buildGrant(reference, scopes))],
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

function buildGrant(reference: WrittenCaller['scopes'][number], scopes: ReadonlyMap<string, readonly Rule[]>): Grant {
  const { name, namespaces } = typeof reference === 'string' ? { name: reference, namespaces: undefined } : reference
  return { scope: name, rules: scopes.get(name) ?? [], namespaces }
}

function buildRule(rule: WrittenRule, namespaces: readonly string[]): Rule {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs, acknowledge } = rule
  return { verbs, apiGroups, resources, resourceNames, nonResourceURLs, namespaces, acknowledge }
}

function milliseconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time)
}
