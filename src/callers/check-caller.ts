import { isCidr } from '../addresses/cidr.ts'
import { checkIdentities } from './check-identity.ts'
import { checkNamespaces, checkRules } from './check-rules.ts'
import { soundItems } from './entries.ts'
import type { Entry, WrittenGrant } from './entries.ts'
import { globsMeet } from './globs-meet.ts'
import { nearestName } from './nearest-name.ts'
import type { Report } from './report.ts'
import type { WrittenCaller, WrittenKey } from './schema.ts'

export interface CallerContext {
  readonly scopes: ReadonlyMap<string, Entry<WrittenGrant>>
  /** Names of the clusters that there are; undefined: not known here. */
  readonly clusters: readonly string[] | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Faults and warnings of one caller, as far as it fits its schema. */
export function checkCaller(entry: Entry<WrittenCaller>, context: CallerContext, report: Report): void {
  if (!isMapping(entry.value)) return
  const { rules, keys, scopes, name, jwt, clientCertificate } = entry.value
  checkRules(entry, ['rules'], rules, false, report)
  checkScopes(entry, context, report)
  for (const [index, key] of soundItems(entry, ['keys'], keys)) checkKey(entry, index, key, context.now, report)
  checkSources(entry, report)
  checkClusters(entry, context, report)
  checkImpersonation(entry, report)
  checkLimits(entry, report)
  checkIdentities(entry, report)
  if (!entry.sound([])) return
  if (keys.length === 0 && jwt === undefined && clientCertificate === undefined) report.warn(entry, [], `has no key: portcullis key create ${name}`)
  if (rules.length === 0 && scopes.length > 0 && scopes.every(reference => context.scopes.get(typeof reference === 'string' ? reference : reference.name)?.value.shadow !== undefined)) {
    report.warn(entry, ['scopes'], 'are shadow scopes alone, which grant nothing: it may read API discovery at most')
  }
  if (scopes.length + rules.length === 0) report.warn(entry, [], 'has no scopes and no rules: it may read API discovery at most')
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function checkImpersonation(entry: Entry<WrittenCaller>, report: Report): void {
  if (!entry.sound(['impersonate']) || entry.value.impersonate?.groups.includes('system:masters') !== true) return
  report.fault(entry, ['impersonate', 'groups'], 'must not hold system:masters: the API server allows that group everything, unasked')
}

function checkLimits(entry: Entry<WrittenCaller>, report: Report): void {
  if (!entry.sound(['limits'])) return
  const { burst, requestsPerSecond } = entry.value.limits
  if (burst !== undefined && requestsPerSecond === undefined) report.warn(entry, ['limits', 'burst'], 'limits nothing without requestsPerSecond')
}

function checkScopes(entry: Entry<WrittenCaller>, { scopes }: CallerContext, report: Report): void {
  for (const [index, reference] of soundItems(entry, ['scopes'], entry.value.scopes)) {
    const { name, namespaces } = typeof reference === 'string' ? { name: reference, namespaces: undefined } : reference
    const path = ['scopes', index]
    const scope = scopes.get(name)
    if (scope === undefined) report.fault(entry, path, `names no scope: ${name}${suggestion(name, scopes)}`)
    if (scope?.value.clusterRole === true && namespaces === undefined) {
      report.fault(entry, path, `is a ClusterRole, which knows no namespaces: { name: ${name}, namespaces: [team-a] }, or ["*"] for all`)
    }
    if (namespaces === undefined) continue
    checkNamespaces(entry, [...path, 'namespaces'], namespaces, report)
    if (scope !== undefined && leavesNothing(scope, namespaces)) {
      const message = `leaves nothing of scope ${name}, whose rules hold in other namespaces: it narrows them, and adds none`
      report.warn(entry, [...path, 'namespaces'], message)
    }
  }
}

/** Thousands of callers may name the same thing that is not there. */
const suggested = new WeakMap<object, Map<string, string>>()
const maxSuggestions = 100

function suggestion(name: string, scopes: CallerContext['scopes']): string {
  const known = suggested.get(scopes) ?? new Map<string, string>()
  suggested.set(scopes, known)
  const before = known.get(name)
  if (before !== undefined) return before
  if (scopes.size === 0) return '; there are none'
  if (known.size >= maxSuggestions) return ''
  const nearest = nearestName(name, scopes.keys())
  const text = nearest === undefined ? '' : `; is ${nearest} meant?`
  known.set(name, text)
  return text
}

/** No rule of the scope is left where the long form narrows it to these namespaces. */
function leavesNothing({ value, sound }: Entry<WrittenGrant>, namespaces: readonly string[]): boolean {
  // What holds in all of them can be narrowed to any; what cannot be is told in other words already.
  if (!sound([]) || value.clusterRole || value.rules.length === 0 || namespaces.length === 0 || namespaces.includes('*')) return false
  return value.rules.every(rule => rule.resources.length === 0 || rule.namespaces?.some(one => namespaces.some(other => globsMeet(one, other))) !== true)
}

function checkKey(entry: Entry<WrittenCaller>, index: number, key: WrittenKey, now: number, report: Report): void {
  for (const field of ['createdAt', 'expiresAt', 'revokedAt'] as const) {
    const text = key[field]
    if (text !== undefined && Number.isNaN(Date.parse(text))) report.fault(entry, ['keys', index, field], 'is no date that exists')
  }
  const { createdAt, expiresAt, revokedAt } = key
  if (revokedAt !== undefined || expiresAt === undefined) return
  const path = ['keys', index, 'expiresAt']
  if (createdAt !== undefined && Date.parse(expiresAt) <= Date.parse(createdAt)) {
    report.warn(entry, path, 'lies before createdAt: the key was never good; one of the two is wrong')
  } else if (Date.parse(expiresAt) <= now) {
    report.warn(entry, path, `lies in the past: the key is refused; take it out, and portcullis key create ${entry.value.name} makes another one`)
  }
}

function checkSources(entry: Entry<WrittenCaller>, report: Report): void {
  const { allowedFrom } = entry.value
  if (allowedFrom?.length === 0) report.warn(entry, ['allowedFrom'], 'is empty, so that nobody is let in')
  for (const [index, cidr] of soundItems(entry, ['allowedFrom'], allowedFrom)) {
    if (!isCidr(cidr)) report.fault(entry, ['allowedFrom', index], 'must be a CIDR such as 10.0.0.0/8; a single address is 10.0.0.1/32')
  }
}

function checkClusters(entry: Entry<WrittenCaller>, { clusters }: CallerContext, report: Report): void {
  const named = entry.value.clusters
  if (named?.length === 0) report.warn(entry, ['clusters'], 'is empty, so that no cluster is allowed')
  for (const [index, name] of soundItems(entry, ['clusters'], named)) {
    if (clusters?.includes(name) === false) report.warn(entry, ['clusters', index], `names no cluster of the config; there are: ${clusters.join(', ')}`)
  }
}
