import type { Attributes } from '../model/attributes.ts'
import type { Grant, Rule } from '../model/caller.ts'
import { quoted, quotedWhereOdd } from './quoted.ts'

/** Of a list that is long, enough to know it again: a message ends up on one line of a terminal. */
const maxListed = 8

/** `scope read-workloads: get,list pods in team-a`; `own rule: …` for a caller's own. */
export function describeRule(rule: Rule, grant: Pick<Grant, 'scope' | 'namespaces'>): string {
  const from = grant.scope === null ? 'own rule' : `scope ${grant.scope}`
  const narrowed = grant.namespaces === undefined ? '' : ` narrowed to ${listed(grant.namespaces)}`
  return `${from}${narrowed}: ${describeReach(rule)}`
}

function describeReach(rule: Rule): string {
  const parts = [listed(rule.verbs)]
  if (rule.resources.length > 0 || rule.nonResourceURLs.length === 0) parts.push(describeResources(rule))
  if (rule.nonResourceURLs.length > 0) parts.push(listed(rule.nonResourceURLs))
  return parts.join(' ')
}

function describeResources(rule: Rule): string {
  const core = rule.apiGroups.length === 1 && rule.apiGroups[0] === ''
  const groups = core ? '' : ` of ${listed(rule.apiGroups)}`
  const names = rule.resourceNames.length === 0 ? '' : ` named ${listed(rule.resourceNames)}`
  return `${listed(rule.resources)}${groups}${names} in ${listed(rule.namespaces)}`
}

/** `delete pods/exec "x" in namespace "a"`; `get /metrics`. */
export function describeRequest(asked: Attributes): string {
  const verb = asked.verb === '' ? 'use a method without a verb on' : asked.verb
  if (!asked.isResourceRequest) return `${verb} ${quotedWhereOdd(asked.path)}`
  const name = asked.name === '' ? '' : ` ${quoted(asked.name)}`
  const where = asked.namespace === '' ? 'at the cluster scope' : `in namespace ${quoted(asked.namespace)}`
  return `${verb} ${resourceName(asked)}${name} ${where}`
}

/** `deployments.apps/scale`, as kubectl writes it. */
export function resourceName({ resource, apiGroup, subresource }: Attributes): string {
  return quotedWhereOdd(`${resource}${apiGroup === '' ? '' : `.${apiGroup}`}${subresource === '' ? '' : `/${subresource}`}`)
}

/** `a,b,c`; the core group, which has no name, as `""`. */
function listed(values: readonly string[]): string {
  if (values.length === 0) return '(none)'
  const shown = values.slice(0, maxListed).map(quotedWhereOdd).join(',')
  return values.length > maxListed ? `${shown},… (${values.length - maxListed} more)` : shown
}
