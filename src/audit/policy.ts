import type { Arrival } from '../model/arrival.ts'
import { opensSession } from '../model/attributes.ts'
import type { Facts, Outcome } from '../model/trail.ts'
import { matchesResource, matchesUrl, type GroupResources } from './policy-match.ts'

/** `None`: no event. `Metadata`: who did what, when and how it went. `Request`: with what was sent. `RequestResponse`: and what was answered. */
export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse'

/** `Panic`: the worker that served it died, see `Unfinished`. */
export type Stage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic'

/** As a PolicyRule of `audit.k8s.io/v1`: what is missing or empty matches everything. */
export interface AuditPolicyRule {
  readonly level: AuditLevel
  /** `""`: requests that nobody authenticated. */
  readonly callers?: readonly string[]
  /** `system:authenticated`, `system:unauthenticated`: callers are in no other group. */
  readonly groups?: readonly string[]
  readonly verbs?: readonly string[]
  readonly resources?: readonly GroupResources[]
  /** `""`: cluster-scoped objects and requests over all namespaces. */
  readonly namespaces?: readonly string[]
  /** `/healthz`, `/metrics/*`, `*`. */
  readonly nonResourceURLs?: readonly string[]
  /** HTTP status (`403`), its class (`5xx`), or the code of a refusal (`ScopeDenied`); `0`: the caller left before there was an answer. */
  readonly codes?: readonly string[]
  readonly omitStages?: readonly Stage[]
  /** False: `managedFields` are written. */
  readonly omitManagedFields?: boolean
  /** Record what is typed and shown in exec and attach. */
  readonly recordSessions?: boolean
}

export interface AuditPolicyOptions {
  /** The first that matches decides. */
  readonly rules: readonly AuditPolicyRule[]
  /** Of every rule, beside its own. */
  readonly omitStages: readonly Stage[]
  /** Where no rule matches. */
  readonly otherwise: AuditLevel
  /** Bytes of a body that are written at most, where the level is for it; of a larger one nothing is held. */
  readonly maxBodySize: number
}

/** What is written of a request. */
export interface AuditDecision {
  readonly level: AuditLevel
  readonly omitStages: ReadonlySet<Stage>
  readonly omitManagedFields: boolean
  readonly recordSessions: boolean
  /** The rule is for objects by their names. */
  readonly byName: boolean
}

/** How a request ended, as far as a policy asks. */
export interface AuditedEnd {
  readonly status: number
  /** Of a refusal. */
  readonly code?: string | undefined
}

/** What the policy makes of one request. */
export interface AuditJudgement {
  /** While its end is not known: rules of codes are passed over. */
  readonly now: AuditDecision
  /** The highest level that it may yet turn out to have. */
  readonly most: AuditLevel
  /** Whether objects of one request may be told apart: some rule is for names or namespaces. */
  readonly byObject: boolean
  at(end: AuditedEnd): AuditDecision
}

export function endOf({ status, refusal }: Outcome): AuditedEnd {
  return { status, code: refusal?.code }
}

export type AuditPolicy = (facts: Facts, arrival: Pick<Arrival, 'method' | 'upgrade'>) => AuditJudgement

/** What a rule asks of a request. */
export interface PolicySubject {
  /** Empty: nobody. */
  readonly caller: string
  readonly verb: string
  /** Of a session by WebSocket, whose verb is `get`, though it is judged as `create`. */
  readonly otherVerb: 'create' | undefined
  readonly path: string
  /** Undefined where the request is about no resource. */
  readonly object: PolicyObject | undefined
}

export interface PolicyObject {
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
}

interface CompiledRule {
  readonly decision: AuditDecision
  readonly matches: (subject: PolicySubject) => boolean
  /** Undefined: whatever the end. */
  readonly codes: ReadonlySet<string> | undefined
}

/** As k8s.io/apiserver pkg/audit/policy/checker.go, and by callers' names and codes as well. */
export function compilePolicy({ rules, omitStages, otherwise }: Omit<AuditPolicyOptions, 'maxBodySize'>): AuditPolicy {
  const compiled = rules.map(rule => compileRule(rule, omitStages))
  const last = decisionOf({ level: otherwise }, omitStages)
  const byObject = rules.some(rule => !isEmpty(rule.namespaces) || namesObjects(rule))
  const lastAlone = judge([], last, byObject)
  if (compiled.length === 0) return () => lastAlone
  return (facts, arrival) => {
    const { byCode, decided = last } = findRules(compiled, subjectOf(facts, arrival))
    return judge(byCode, decided, byObject)
  }
}

/** The first rule that matches whatever the end, and those before it that match but for their codes. */
function findRules(rules: readonly CompiledRule[], subject: PolicySubject): { readonly byCode: readonly CompiledRule[], readonly decided?: AuditDecision } {
  const byCode: CompiledRule[] = []
  for (const rule of rules) {
    if (!rule.matches(subject)) continue
    if (rule.codes === undefined) return { byCode, decided: rule.decision }
    byCode.push(rule)
  }
  return { byCode }
}

function judge(byCode: readonly CompiledRule[], now: AuditDecision, byObject: boolean): AuditJudgement {
  if (byCode.length === 0) return { now, most: now.level, byObject, at: () => now }
  return {
    now,
    most: [now, ...byCode.map(rule => rule.decision)].reduce((most, { level }) => higher(most, level), 'None' as AuditLevel),
    byObject,
    at: end => byCode.find(({ codes }) => codes !== undefined && matchesCode(codes, end))?.decision ?? now,
  }
}

const levels: readonly AuditLevel[] = ['None', 'Metadata', 'Request', 'RequestResponse']

/** Whether a level has at least what the other has. */
export function isAtLeast(level: AuditLevel, other: AuditLevel): boolean {
  return levels.indexOf(level) >= levels.indexOf(other)
}

function higher(a: AuditLevel, b: AuditLevel): AuditLevel {
  return isAtLeast(a, b) ? a : b
}

function matchesCode(codes: ReadonlySet<string>, { status, code }: AuditedEnd): boolean {
  return codes.has(String(status)) || codes.has(`${Math.floor(status / 100)}xx`) || (code !== undefined && codes.has(code))
}

function subjectOf({ caller, resolved }: Facts, { method, upgrade }: Pick<Arrival, 'method' | 'upgrade'>): PolicySubject {
  const attributes = resolved?.attributes
  const otherVerb = upgrade && attributes?.verb === 'get' && opensSession(attributes) ? 'create' : undefined
  return {
    caller: caller?.definition.name ?? '',
    verb: attributes?.verb ?? method.toLowerCase(),
    otherVerb,
    path: attributes?.path ?? '',
    object: attributes?.isResourceRequest === true ? { ...attributes, group: attributes.apiGroup } : undefined,
  }
}

function compileRule(rule: AuditPolicyRule, omitStages: readonly Stage[]): CompiledRule {
  return {
    decision: decisionOf(rule, omitStages),
    codes: rule.codes === undefined || isEmpty(rule.codes) ? undefined : new Set(rule.codes),
    matches: compileMatch(rule),
  }
}

function decisionOf(rule: AuditPolicyRule, omitStages: readonly Stage[]): AuditDecision {
  const { level, omitManagedFields = true, recordSessions = false } = rule
  const byName = namesObjects(rule)
  return { level, omitStages: new Set([...omitStages, ...rule.omitStages ?? []]), omitManagedFields, recordSessions, byName }
}

function namesObjects({ resources = [] }: Pick<AuditPolicyRule, 'resources'>): boolean {
  return resources.some(({ resourceNames = [] }) => resourceNames.length > 0)
}

function compileMatch(rule: AuditPolicyRule): (subject: PolicySubject) => boolean {
  const caller = oneOf(rule.callers)
  const group = oneOf(rule.groups)
  const verb = compileVerb(rule)
  const about = compileAbout(rule)
  return subject => caller(subject.caller) && group(groupOf(subject)) && verb(subject) && about(subject)
}

/** A session that has two verbs is left out only by a rule for both, and written by one for either: "no reads" means no exec. */
function compileVerb({ verbs, level }: AuditPolicyRule): (subject: PolicySubject) => boolean {
  const has = oneOf(verbs)
  return ({ verb, otherVerb }) => {
    if (otherVerb === undefined) return has(verb)
    return level === 'None' ? has(verb) && has(otherVerb) : has(verb) || has(otherVerb)
  }
}

function groupOf({ caller }: PolicySubject): string {
  return caller === '' ? 'system:unauthenticated' : 'system:authenticated'
}

/** A rule of resources or namespaces says nothing of other paths, and the other way round. */
function compileAbout({ namespaces, resources = [], nonResourceURLs = [] }: AuditPolicyRule): (subject: PolicySubject) => boolean {
  const namespace = oneOf(namespaces)
  if (resources.length > 0 || !isEmpty(namespaces)) {
    return ({ object }) => object !== undefined && namespace(object.namespace)
      && (resources.length === 0 || resources.some(group => matchesResource(group, object)))
  }
  if (nonResourceURLs.length > 0) {
    return ({ object, path }) => object === undefined && nonResourceURLs.some(url => matchesUrl(url, path))
  }
  return () => true
}

function oneOf(values: readonly string[] | undefined): (text: string) => boolean {
  if (isEmpty(values)) return () => true
  const set = new Set(values)
  return text => set.has(text)
}

function isEmpty(values: readonly string[] | undefined): boolean {
  return values === undefined || values.length === 0
}
