import { parseAllDocuments } from 'yaml'
import type { Attributes } from '../../src/model/attributes.ts'
import type { PolicyRule } from '../../src/rbac/permission.ts'

/** A role of the printed manifests; undefined namespace: a ClusterRole. */
export interface PrintedRole {
  readonly namespace: string | undefined
  readonly rules: readonly PolicyRule[]
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string, readonly namespace?: string }
  readonly rules?: readonly PolicyRule[]
  readonly roleRef?: { readonly kind: string, readonly name: string }
  readonly subjects?: readonly object[]
}

export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map(document => document.toJS() as Manifest)
}

/** Those roles that are bound. */
export function boundRoles(text: string): PrintedRole[] {
  const manifests = readManifests(text)
  return manifests.filter(({ rules }) => rules !== undefined).filter(role => manifests.some(({ roleRef, metadata }) =>
    roleRef?.name === role.metadata.name && roleRef.kind === role.kind && metadata.namespace === role.metadata.namespace,
  )).map(({ metadata, rules = [] }) => ({ namespace: metadata.namespace, rules }))
}

/** RBAC's authorizer in a few lines, written from its documentation and not from ours. */
export function rbacAllows(roles: readonly PrintedRole[], asked: Attributes): boolean {
  return roles.some(({ namespace, rules }) =>
    (namespace === undefined || (asked.isResourceRequest && namespace === asked.namespace)) && rules.some(rule => ruleAllows(rule, asked)))
}

function ruleAllows({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule, asked: Attributes): boolean {
  const has = (list: readonly string[], value: string) => list.includes('*') || list.includes(value)
  if (!has(verbs, asked.verb)) return false
  if (!asked.isResourceRequest) {
    return nonResourceURLs.some(url => url === '*' || url === asked.path || (url.endsWith('*') && asked.path.startsWith(url.replace(/\*+$/, ''))))
  }
  const full = asked.subresource === '' ? asked.resource : `${asked.resource}/${asked.subresource}`
  return has(apiGroups, asked.apiGroup)
    && (has(resources, full) || (asked.subresource !== '' && resources.includes(`*/${asked.subresource}`)))
    && (resourceNames.length === 0 || resourceNames.includes(asked.name))
}
