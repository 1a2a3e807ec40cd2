import { readImpersonation } from '../headers/impersonation.ts'
import { headerValue } from '../headers/read.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Attributes } from '../model/attributes.ts'
import type { Facts, Outcome } from '../model/trail.ts'
import { redacted, redactKnown, redactSecrets } from '../redaction/redact.ts'
import { annotationsOf } from './annotations.ts'
import { hideInTarget } from './target.ts'

/** `Panic`: the worker that served it died, see `Unfinished`. */
export type Stage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic'

/** `authentication.k8s.io/v1` UserInfo. */
export interface UserInfo {
  username?: string
  uid?: string
  groups?: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

export interface ObjectReference {
  resource?: string
  namespace?: string
  name?: string
  apiGroup?: string
  apiVersion?: string
  subresource?: string
}

/** The part of `meta/v1` Status that the API server puts into its own events. */
export interface ResponseStatus {
  metadata: Record<string, never>
  status?: 'Failure'
  message?: string
  reason?: string
  code?: number
}

/** `audit.k8s.io/v1` Event, its fields in the order of the API server's log. */
export interface AuditEvent {
  kind: 'Event'
  apiVersion: 'audit.k8s.io/v1'
  level: 'Metadata'
  auditID: string
  stage: Stage
  requestURI: string
  verb: string
  user: UserInfo
  impersonatedUser?: UserInfo
  sourceIPs?: readonly string[]
  userAgent?: string
  objectRef?: ObjectReference
  responseStatus?: ResponseStatus
  requestReceivedTimestamp: string
  stageTimestamp: string
  annotations?: Readonly<Record<string, string>>
}

/** A request at one of its stages. */
export interface Moment {
  readonly arrival: Arrival
  readonly facts: Facts
  readonly stage: Stage
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Of the answer's head, where that is all there is yet. */
  readonly status?: number
  readonly outcome?: Outcome
  /** True once an answer began that lasts: a stream's end is always told. */
  readonly stream: boolean
}

/**
 * The event of a moment, filled as k8s.io/apiserver pkg/audit/request.go and
 * pkg/endpoints/filters/audit.go fill theirs. Free of secrets: of what looks like one, and
 * of what is `known` to be one.
 */
export function toEvent(moment: Moment, known: readonly string[]): AuditEvent {
  const { arrival, facts } = moment
  const attributes = facts.resolved?.attributes
  const impersonatedUser = impersonated(moment)
  const userAgent = agentOf(arrival.rawHeaders, known)
  const responseStatus = statusOf(moment)
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: arrival.auditId,
    stage: moment.stage,
    requestURI: hideInTarget(fromWire(arrival.target), known),
    verb: attributes?.verb ?? arrival.method.toLowerCase(),
    user: userOf(facts),
    ...(impersonatedUser === undefined ? {} : { impersonatedUser }),
    ...(arrival.sourceIPs.length === 0 ? {} : { sourceIPs: arrival.sourceIPs }),
    ...(userAgent === '' ? {} : { userAgent }),
    ...(attributes?.isResourceRequest ? { objectRef: objectOf(attributes) } : {}),
    ...(responseStatus === undefined ? {} : { responseStatus }),
    requestReceivedTimestamp: microTime(arrival.receivedAt),
    stageTimestamp: microTime(moment.at),
    annotations: annotationsOf(moment),
  }
}

/**
 * One line of the log. JSON escapes what ends a line; what else moves a terminal's
 * cursor or turns text around (C1 controls, bidirectional marks) is escaped here, so
 * that a caller's strings print harmlessly. What can be told from its form alone to be
 * a key or a token, and what is known to be one, is looked for once more in the whole line,
 * so that no field is forgotten.
 */
export function toLine(event: AuditEvent, known: readonly string[]): string {
  const line = redactKnown(JSON.stringify(event), known)
  const safe = tokenMarks.some(mark => line.includes(mark)) ? redactSecrets(line) : line
  return printable(safe)
}

/** JSON in which nothing is left that a terminal would obey. */
export function printable(json: string): string {
  return json.replace(unprintable, escaped)
}

const tokenMarks = ['pcl', 'cGNs', 'eyJ', 'sha256~', 'earer ', 'PRIVATE KEY']
const unprintable = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Node reads header bytes as latin1; Go, and so the API server's log, as UTF-8. */
function fromWire(text: string): string {
  return /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, 'latin1').toString() : text
}

/** Nobody yet is `{}`, as in the API server's own event of a 401. */
function userOf({ caller }: Facts): UserInfo {
  if (caller === undefined) return {}
  // What an issuer wrote into a token is looked through as everything that comes from outside.
  const more = Object.entries(caller.extra ?? {}).map(([name, values]) => [name, values.map(redactSecrets)] as const)
  return { username: caller.definition.name, extra: { 'portcullis.dev/key-id': [caller.credentialId], ...Object.fromEntries(more) } }
}

/** Whom the API server will see in the caller's stead: as configured, or as asked for and allowed. */
function impersonated({ arrival, facts }: Moment): UserInfo | undefined {
  const configured = facts.caller?.definition.impersonate
  if (configured !== undefined) {
    return { username: configured.user, ...(configured.groups.length === 0 ? {} : { groups: configured.groups }) }
  }
  if (facts.verdict?.allowed !== true) return undefined
  const asked = readImpersonation(arrival.rawHeaders)
  if (asked === undefined) return undefined
  return {
    ...(asked.user === undefined ? {} : { username: asked.user }),
    ...(asked.uid === undefined ? {} : { uid: asked.uid }),
    ...(asked.groups.length === 0 ? {} : { groups: asked.groups }),
    ...(Object.keys(asked.extra).length === 0 ? {} : { extra: asked.extra }),
  }
}

/** The API server's own bound (maxUserAgentLength). */
const maxUserAgent = 1024

function agentOf(rawHeaders: readonly string[], known: readonly string[]): string {
  // Before it is cut: the half of a secret is not found any more.
  const agent = redactSecrets(redactKnown(fromWire(headerValue(rawHeaders, 'user-agent') ?? ''), known))
  return agent.length > maxUserAgent ? `${agent.slice(0, maxUserAgent)}...TRUNCATED` : agent
}

/** Objects whose name is a token: `oc logout` deletes one by it. */
const namedByToken = /^oauth(?:access|authorize)tokens$/

function objectOf(attributes: Attributes): ObjectReference {
  const { resource, namespace, name, apiGroup, apiVersion, subresource } = attributes
  const reference: ObjectReference = {}
  if (resource !== '') reference.resource = resource
  if (namespace !== '') reference.namespace = namespace
  if (name !== '') reference.name = namedByToken.test(resource) ? redacted : redactSecrets(name)
  if (apiGroup !== '') reference.apiGroup = apiGroup
  if (apiVersion !== '') reference.apiVersion = apiVersion
  if (subresource !== '') reference.subresource = subresource
  return reference
}

/** Without an answer there is no code: Go leaves a zero out, too. */
function statusOf({ status, outcome }: Moment): ResponseStatus | undefined {
  const code = outcome?.status ?? status
  if (code === undefined) return undefined
  const refusal = outcome?.refusal
  return {
    metadata: {},
    ...(code === 0 || code >= 400 ? { status: 'Failure' as const } : {}),
    ...(refusal === undefined ? {} : { message: redactSecrets(refusal.message), reason: refusal.reason }),
    ...(code === 0 ? { message: 'the caller left before there was an answer' } : {}),
    ...(code === 0 ? {} : { code }),
  }
}

/** RFC 3339 with six digits, as Go's MicroTime; a Date has milliseconds, so that the last three are zeros. */
export function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z')
}
