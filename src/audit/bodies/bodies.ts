import type { Arrival } from '../../model/arrival.ts'
import type { Attributes } from '../../model/attributes.ts'
import { isProxied } from '../../model/attributes.ts'
import type { BodyCopies, Outcome } from '../../model/trail.ts'
import { endOf, isAtLeast, type AuditDecision, type AuditedEnd, type AuditJudgement, type AuditLevel } from '../policy.ts'
import { cleanBody } from './clean.ts'
import { BodyCopy } from './copy.ts'
import { decodeAnswer, decodeRequest, type Decoded } from './decode.ts'
import { isRecordable } from './recordable.ts'
import { readStatus, withoutWords, type AnsweredStatus } from './status.ts'

export interface BodiesOptions {
  readonly arrival: Arrival
  readonly attributes: Attributes
  readonly longRunning: boolean
  readonly judgement: AuditJudgement
  /** The level for an object of that name, whichever way it came into the body of a request that ended so. */
  readonly levelOf: (object: { readonly name: string, readonly namespace: string }, end: AuditedEnd) => AuditLevel
  /** Bytes of either body, as it is sent and unpacked. */
  readonly maxSize: number
}

/** What an event tells of the bodies. */
export interface AuditedBodies {
  readonly request?: unknown
  readonly response?: unknown
  /** What the answer, a `meta/v1` Status, says; also at level Metadata. */
  readonly status?: AnsweredStatus | undefined
  /** What the sent object says of itself; also at level Metadata. */
  readonly reference?: ObjectIdentity | undefined
  /** Why a body is missing that the level is for. */
  readonly omitted: { readonly request?: string, readonly response?: string }
  /** One was larger than the bound. */
  readonly truncated: boolean
}

/** Of bodies that nobody wanted. */
const untold: AuditedBodies = { omitted: {}, truncated: false }

/** Of its `metadata`, as the API server takes it into `objectRef`. */
export interface ObjectIdentity {
  readonly name?: string
  readonly uid?: string
  readonly resourceVersion?: string
}

/** A Status is short: what is longer is none. */
const maxStatus = 16 * 1024

/** Copies of both bodies of a request, as far as its policy and its kind let them be written, and what is told of them in the end. */
export class Bodies implements BodyCopies {
  readonly request: BodyCopies['request']
  readonly #options: BodiesOptions
  readonly #sent: BodyCopy | undefined
  #answered: { readonly copy: BodyCopy, readonly headers: readonly string[] } | undefined

  constructor(options: BodiesOptions) {
    this.#options = options
    this.#sent = wantsRequest(options) ? new BodyCopy(options.maxSize) : undefined
    this.request = this.#sent?.take
  }

  response(status: number, headers: readonly string[]): ((chunk: Uint8Array) => void) | undefined {
    const maxSize = this.#wantsResponse(status) ? this.#options.maxSize : mayBeStatus(status, this.#options) ? maxStatus : undefined
    if (maxSize === undefined) return undefined
    const copy = new BodyCopy(maxSize)
    this.#answered = { copy, headers }
    return copy.take
  }

  /** A copy of either was taken. */
  get any(): boolean {
    return this.#sent !== undefined || this.#answered !== undefined
  }

  /** Whether what a ResponseStarted would say comes only with the body, which is short: a stream that was refused. */
  get awaitsStatus(): boolean {
    return this.#options.longRunning && this.#answered !== undefined
  }

  /** Of a stream what it was refused with, never what it streams. */
  #wantsResponse(status: number): boolean {
    return (!this.#options.longRunning || status >= 400) && isRecordable(this.#options.attributes) && isAtLeast(this.#options.judgement.most, 'RequestResponse')
  }

  /** All that is known at the end. */
  tell(decision: AuditDecision, outcome: Outcome): AuditedBodies {
    if (!this.any) return untold
    const sent = this.#sent === undefined ? undefined : decodeRequest(this.#sent, this.#options.arrival.rawHeaders)
    const answered = this.#answered === undefined ? undefined : decodeAnswer(this.#answered.copy, this.#answered.headers)
    const said = mayBeStatus(outcome.status, this.#options) && answered?.kind === 'object' ? readStatus(answered.value) : undefined
    const status = said === undefined || isRecordable(this.#options.attributes) ? said : withoutWords(said)
    const reference = sent?.kind === 'object' ? identityOf(sent.value) : undefined
    const end = endOf(outcome)
    const request = this.#show(sent, 'Request', { decision, end })
    const response = this.#show(this.#wantsResponse(outcome.status) ? answered : undefined, 'RequestResponse', { decision, end })
    return {
      ...request.value === undefined ? {} : { request: request.value },
      ...response.value === undefined ? {} : { response: response.value },
      status,
      reference,
      omitted: { ...request.why === undefined ? {} : { request: request.why }, ...response.why === undefined ? {} : { response: response.why } },
      truncated: request.truncated || response.truncated,
    }
  }

  #show(body: Decoded | undefined, level: AuditLevel, { decision, end }: { readonly decision: AuditDecision, readonly end: AuditedEnd }): Shown {
    if (body === undefined || body.kind === 'empty') return nothing
    // Of a create the name is missing then, at any level.
    if (body.kind === 'too-large' && level === 'Request' && this.#options.attributes.verb === 'create') return { why: tooLarge(body.maxSize), truncated: true }
    if (!isAtLeast(decision.level, level)) return nothing
    if (!isRecordable(this.#options.attributes)) return { why: 'it may hold a secret', truncated: false }
    if (body.kind === 'too-large') return { why: tooLarge(body.maxSize), truncated: true }
    if (body.kind === 'unreadable') return { why: body.why, truncated: false }
    const clean = cleanBody(body.value, {
      dropManagedFields: decision.omitManagedFields,
      mayShow: object => !this.#options.judgement.byObject || isAtLeast(this.#options.levelOf({ ...object, namespace: object.namespace ?? this.#options.attributes.namespace }, end), level),
    })
    return clean ? { value: body.value, truncated: false } : { why: 'the policy shows less of this object', truncated: false }
  }
}

interface Shown {
  readonly value?: unknown
  readonly why?: string
  readonly truncated: boolean
}

function tooLarge(maxSize: number): string {
  return `it is larger than ${maxSize} bytes`
}

const nothing: Shown = { truncated: false }

/** A create names its object in the body alone, and an event names it at every level. */
function wantsRequest({ attributes, longRunning, judgement: { most } }: BodiesOptions): boolean {
  if (longRunning || !attributes.isResourceRequest || most === 'None') return false
  return namesObject(attributes) || (isRecordable(attributes) && isAtLeast(most, 'Request'))
}

function namesObject({ verb }: Attributes): boolean {
  return verb === 'create' || verb === 'update'
}

function mayBeStatus(code: number, { attributes, judgement: { most } }: BodiesOptions): boolean {
  if (most === 'None' || !attributes.isResourceRequest || isProxied(attributes)) return false
  return code >= 400 || ((attributes.verb === 'delete' || attributes.verb === 'deletecollection') && code === 200)
}

function identityOf(value: unknown): ObjectIdentity | undefined {
  const metadata = (value as { metadata?: Record<string, unknown> } | null)?.metadata
  if (typeof metadata !== 'object' || metadata === null) return undefined
  const text = (name: string) => typeof metadata[name] === 'string' && metadata[name] !== '' ? { [name]: metadata[name].slice(0, 253) } : {}
  return { ...text('name'), ...text('uid'), ...text('resourceVersion') }
}
