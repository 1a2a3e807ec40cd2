import type { Facts } from '../model/trail.ts'

/** `None`: no event. `Metadata`: who did what, when and how it went, no bodies. */
export type AuditLevel = 'None' | 'Metadata'

/** As a PolicyRule of `audit.k8s.io/v1`: what is missing or empty matches everything. */
export interface AuditPolicyRule {
  readonly level: AuditLevel
  readonly callers?: readonly string[]
  readonly verbs?: readonly string[]
  // `pods` (not its subresources), `pods/log`, `pods/*`, `*/scale`, `*`; none: all of the group.
  readonly resources?: readonly { readonly group: string, readonly resources: readonly string[] }[]
  /** `""`: cluster-scoped objects and requests over all namespaces. */
  readonly namespaces?: readonly string[]
}

/** Which level a request is recorded at: the first rule that matches, Metadata where none does. */
export type AuditPolicy = (facts: Facts, method: string) => AuditLevel

export function compilePolicy(rules: readonly AuditPolicyRule[]): AuditPolicy {
  const compiled = rules.map(rule => ({ level: rule.level, matches: compileRule(rule) }))
  return (facts, method) => {
    const subject = subjectOf(facts, method)
    return compiled.find(rule => rule.matches(subject))?.level ?? 'Metadata'
  }
}

interface Subject {
  readonly caller: string
  readonly verb: string
  /** Undefined where the request is about no resource. */
  readonly object: SubjectObject | undefined
}

interface SubjectObject {
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
}

function subjectOf({ caller, resolved }: Facts, method: string): Subject {
  const attributes = resolved?.attributes
  const object = attributes?.isResourceRequest === true ? { ...attributes, group: attributes.apiGroup } : undefined
  return { caller: caller?.definition.name ?? '', verb: attributes?.verb ?? method.toLowerCase(), object }
}

function compileRule(rule: AuditPolicyRule): (subject: Subject) => boolean {
  const caller = oneOf(rule.callers)
  const verb = oneOf(rule.verbs)
  const namespace = oneOf(rule.namespaces)
  const groups = rule.resources ?? []
  const aboutObjects = groups.length > 0 || (rule.namespaces ?? []).length > 0
  return (subject) => {
    if (!caller(subject.caller) || !verb(subject.verb)) return false
    // A rule of resources or namespaces says nothing of other paths (ruleMatches in the API server's policy checker).
    const { object } = subject
    if (object === undefined) return !aboutObjects
    return namespace(object.namespace) && (groups.length === 0 || groups.some(group => groupMatches(group, object)))
  }
}

function oneOf(values: readonly string[] | undefined): (text: string) => boolean {
  if (values === undefined || values.length === 0) return () => true
  const set = new Set(values)
  return text => set.has(text)
}

type GroupResources = NonNullable<AuditPolicyRule['resources']>[number]

function groupMatches({ group, resources }: GroupResources, object: SubjectObject): boolean {
  if (group !== object.group) return false
  return resources.length === 0 || resources.some(resource => resourceMatches(resource, object))
}

function resourceMatches(rule: string, { resource, subresource }: SubjectObject): boolean {
  if (rule === '*') return true
  const [main, sub] = rule.split('/', 2)
  if (sub === undefined) return main === resource && subresource === ''
  return subresource !== '' && (main === '*' || main === resource) && (sub === '*' || sub === subresource)
}
