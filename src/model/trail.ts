import type { Resolved } from './attributes.ts'
import type { Caller, GuardRoute } from './caller.ts'
import type { ShadowDenial, Verdict } from './verdict.ts'

/** What becomes known of a request on its way. Later notes add to earlier ones. */
export interface Facts {
  readonly resolved?: Resolved
  readonly caller?: Caller
  /** The id inside a well-formed key that nonetheless did not authenticate. */
  readonly claimedKeyId?: string
  readonly cluster?: string
  readonly verdict?: Verdict
  /** Guarded routes that it opens, or would if the guard had not refused it; only where there are some. */
  readonly guarded?: readonly GuardRoute[]
  /** Only where it was allowed, and the caller's shadow scopes would have denied it. */
  readonly shadow?: ShadowDenial
  readonly cache?: 'hit' | 'miss' | 'stale'
  /** Milliseconds from handing the request over to the head of upstream's answer. */
  readonly upstreamMs?: number
  /** Bytes of a stream's request body, or of a tunnel, that came from the caller: counts on until the end. */
  readonly received?: { readonly bytes: number }
  readonly session?: SessionFacts
}

/** What only the streams of an exec, attach or port-forward themselves say. */
export interface SessionFacts {
  /** What a port-forward's streams asked for, in the order in which they did. */
  readonly ports?: readonly number[]
  readonly recording?: RecordedSession
}

/** What became of the recording that the policy asked for. */
export interface RecordedSession {
  /** The file's name in the folder of recordings; undefined: there is none. */
  readonly file?: string
  /** Of the whole file, hex. */
  readonly sha256?: string
  /** Why it has less than the session had; undefined: it has all. */
  readonly truncated?: RecordingLoss
  /** Of the command, where it said so. */
  readonly exitCode?: number
}

/**
 * Why a recording lacks a part of its session: it reached its largest size; the disk could not keep
 * up; what passed could not be read; the file could not be written.
 */
export type RecordingLoss = 'size' | 'dropped' | 'unreadable' | 'failed'

/**
 * How a request ended, from the caller's side: the whole answer was handed over;
 * the caller went before its end; the API server's answer broke off and the
 * caller's connection was cut; the key or the scope went away; we shut down; the recording that
 * it must have could not go on.
 */
export type Ending = 'complete' | 'caller-left' | 'upstream-failed' | EarlyEnd | 'unrecorded'

/** How we end what is open before its time. */
export type EarlyEnd = 'revoked' | 'drained'

export interface Outcome {
  /** HTTP status of the answer; 0 when the caller left before there was one. */
  readonly status: number
  /** A refusal's or failure's code and message (as shown to the caller). */
  readonly refusal?: { readonly code: string, readonly message: string, readonly reason: string }
  readonly ending: Ending
  /** Body bytes sent to the caller. */
  readonly bytesOut: number
}

/** Copies of bodies for the record: what passes is neither changed nor held up. */
export interface BodyCopies {
  /** Takes a piece of the request's body; undefined where it is not wanted. */
  readonly request: ((chunk: Uint8Array) => void) | undefined
  /** Told once of the answer's head; what it returns takes the pieces of its body. */
  response(status: number, headers: readonly string[]): ((chunk: Uint8Array) => void) | undefined
}

/** The audit record of one request: opened at arrival, closed last, exactly once. */
export interface Trail {
  note(facts: Facts): void
  /**
   * Called once, before anything goes upstream. In `blocking-strict` it resolves
   * when the first event is written and rejects with `AuditUnavailable` when it
   * cannot be; otherwise it returns at once.
   */
  admit(): Promise<void> | undefined
  /** Called at most once, after `admit`. Undefined where neither body is wanted. */
  bodies(): BodyCopies | undefined
  /** Whether what is typed and shown is to be recorded. Not before `admit`. */
  recordsSession(): boolean
  /** A stream's answer has begun. */
  started(status: number): void
  /** The second and later calls do nothing. */
  finish(outcome: Outcome): void
  /** Called once, when the request has ended: to give back what it held. */
  onFinish(listener: (outcome: Outcome) => void): void
}
