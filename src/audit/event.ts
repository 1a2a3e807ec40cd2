import { headerValue } from '../headers/read.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Attributes } from '../model/attributes.ts'
import type { Facts, Outcome } from '../model/trail.ts'
import { printableJson } from '../redaction/printable.ts'
import { redacted, redactKnown, redactSecrets } from '../redaction/redact.ts'
import { annotationsOf } from './annotations.ts'
import type { AuditedBodies } from './bodies/bodies.ts'
import type { StatusDetails } from './bodies/status.ts'
import type { AuditLevel, Stage } from './policy.ts'
import { endingWords } from './ending.ts'
import { hideInTarget } from './target.ts'
import { impersonated, userOf, type UserInfo } from './user.ts'

export interface ObjectReference {
  resource?: string
  namespace?: string
  name?: string
  uid?: string
  apiGroup?: string
  apiVersion?: string
  resourceVersion?: string
  subresource?: string
}

/** The part of `meta/v1` Status that the API server puts into its own events. */
export interface ResponseStatus {
  metadata: Record<string, never>
  status?: string | undefined
  message?: string | undefined
  reason?: string | undefined
  details?: StatusDetails | undefined
  code?: number
}

/** `audit.k8s.io/v1` Event, its fields in the order of the API server's log. */
export interface AuditEvent {
  kind: 'Event'
  apiVersion: 'audit.k8s.io/v1'
  level: Exclude<AuditLevel, 'None'>
  auditID: string
  stage: Stage
  requestURI: string
  verb: string
  user: UserInfo
  impersonatedUser?: UserInfo | undefined
  sourceIPs?: readonly string[] | undefined
  userAgent?: string | undefined
  objectRef?: ObjectReference | undefined
  responseStatus?: ResponseStatus | undefined
  requestObject?: unknown
  responseObject?: unknown
  requestReceivedTimestamp: string
  stageTimestamp: string
  annotations?: Readonly<Record<string, string>>
}

/** A request at one of its stages. */
export interface Moment {
  readonly arrival: Arrival
  readonly facts: Facts
  readonly stage: Stage
  readonly level: AuditEvent['level']
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Of the answer's head, where that is all there is yet. */
  readonly status?: number
  readonly outcome?: Outcome
  /** True once an answer began that lasts: a stream's end is always told. */
  readonly stream: boolean
  /** What is told of the bodies, at the end. */
  readonly bodies?: AuditedBodies | undefined
  /** Of the stages that could be its last those that the policy omits. */
  readonly omittedEnds?: readonly Stage[]
}

/**
 * The event of a moment, filled as k8s.io/apiserver pkg/audit/request.go and
 * pkg/endpoints/filters/audit.go fill theirs. Free of secrets: of what looks like one, and
 * of what is `known` to be one.
 */
export function toEvent(moment: Moment, known: readonly string[]): AuditEvent {
  const { arrival, facts, bodies } = moment
  const attributes = facts.resolved?.attributes
  const impersonatedUser = impersonated(moment)
  const userAgent = agentOf(arrival.rawHeaders, known)
  const responseStatus = statusOf(moment)
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: moment.level,
    auditID: arrival.auditId,
    stage: moment.stage,
    requestURI: hideInTarget(fromWire(arrival.target), known),
    verb: attributes?.verb ?? arrival.method.toLowerCase(),
    user: userOf(facts),
    // What is undefined is not written.
    impersonatedUser,
    sourceIPs: arrival.sourceIPs.length === 0 ? undefined : arrival.sourceIPs,
    userAgent: userAgent === '' ? undefined : userAgent,
    objectRef: attributes?.isResourceRequest === true ? objectOf(attributes, bodies) : undefined,
    responseStatus,
    requestObject: bodies?.request,
    responseObject: bodies?.response,
    requestReceivedTimestamp: microTime(arrival.receivedAt),
    stageTimestamp: microTime(moment.at),
    annotations: annotationsOf(moment, known),
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
  const suspect = event.level !== 'Metadata' || tokenMark.test(line)
  const safe = suspect ? redactSecrets(line) : line
  return printableJson(safe)
}

const tokenMark = /pcl|cGNs|eyJ|sha256~|earer |PRIVATE KEY/

/** Node reads header bytes as latin1; Go, and so the API server's log, as UTF-8. */
function fromWire(text: string): string {
  return /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, 'latin1').toString() : text
}

/** The API server's own bound (maxUserAgentLength). */
const maxUserAgent = 1024

function agentOf(rawHeaders: readonly string[], known: readonly string[]): string {
  // Before it is cut: the half of a secret is not found any more.
  const agent = redactSecrets(redactKnown(fromWire(headerValue(rawHeaders, 'user-agent') ?? ''), known))
  return agent.length > maxUserAgent ? `${agent.slice(0, maxUserAgent)}...TRUNCATED` : agent
}

/** Objects whose name is a token: `oc logout` deletes one by it. */
const namedByToken = /^(?:user)?oauth(?:access|authorize)tokens$/

/** What the target leaves open is as the object that was sent says (LogRequestObject in k8s.io/apiserver pkg/audit/request.go). */
function objectOf(attributes: Attributes, bodies: AuditedBodies | undefined): ObjectReference {
  const { resource, namespace, apiGroup, apiVersion, subresource } = attributes
  const { uid = '', resourceVersion = '', name: sentName = '' } = bodies?.reference ?? {}
  const name = attributes.name === '' ? sentName : attributes.name
  const reference: ObjectReference = {}
  if (resource !== '') reference.resource = resource
  if (namespace !== '') reference.namespace = namespace
  if (name !== '') reference.name = hideInName(name, resource)
  if (uid !== '') reference.uid = uid
  if (apiGroup !== '') reference.apiGroup = apiGroup
  if (apiVersion !== '') reference.apiVersion = apiVersion
  if (resourceVersion !== '') reference.resourceVersion = resourceVersion
  if (subresource !== '') reference.subresource = subresource
  return reference
}

/** More than a code only where the answer, ours or the API server's, is a Status. Without an answer there is no code: Go leaves a zero out, too. */
function statusOf({ status, outcome, bodies, facts }: Moment): ResponseStatus | undefined {
  const code = outcome?.status ?? status
  if (code === undefined) return undefined
  if (code === 0) return { metadata: {}, status: 'Failure', message: 'the caller left before there was an answer' }
  const refusal = outcome?.refusal
  const said = refusal === undefined ? bodies?.status : { status: 'Failure', message: refusal.message, reason: refusal.reason }
  const { status: result, message = endingWords(outcome), reason, details } = said ?? {}
  const resource = facts.resolved?.attributes.resource ?? ''
  return {
    metadata: {},
    status: result,
    message: message === undefined ? undefined : redactSecrets(message),
    reason,
    details: details === undefined ? undefined : hideInDetails(details, resource),
    code,
  }
}

/** What the API server says of the object, and of what is wrong with it, may quote what was sent. */
function hideInDetails({ name, causes, ...rest }: StatusDetails, resource: string): StatusDetails {
  return {
    ...(name === undefined ? {} : { name: hideInName(name, resource) }),
    ...rest,
    ...(causes === undefined ? {} : {
      causes: causes.map(({ message, ...cause }) => ({ ...cause, ...(message === undefined ? {} : { message: redactSecrets(message) }) })),
    }),
  }
}

function hideInName(name: string, resource: string): string {
  return namedByToken.test(resource) ? redacted : redactSecrets(name)
}

/** RFC 3339 with six digits, as Go's MicroTime; a Date has milliseconds, so that the last three are zeros. */
export function microTime(at: number): string {
  // Of many events in one millisecond, and of both of a short request's times, there is one text.
  if (at !== lastTime.at) lastTime = { at, text: inOnePiece(`${new Date(at).toISOString().slice(0, -1)}000Z`) }
  return lastTime.text
}

let lastTime = { at: NaN, text: '' }

/** V8 keeps a text that was put together as its pieces, and for an object that holds one JSON.stringify takes three times as long. */
function inOnePiece(capitals: string): string {
  return capitals.toUpperCase()
}
