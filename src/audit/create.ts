import { Batch } from '../batch.ts'
import { inTime } from '../in-time.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Audit } from './audit.ts'
import { toEvent, toLine } from './event.ts'
import type { Moment } from './event.ts'
import { compilePolicy } from './policy.ts'
import type { AuditPolicyOptions } from './policy.ts'
import type { Sink } from './sinks/sink.ts'
import { AuditTrail } from './trail.ts'
import type { AuditMode, Ended, TrailOptions } from './trail.ts'

export interface AuditOptions {
  /** At least one; closed with the audit. */
  readonly sinks: readonly Sink[]
  /**
   * `batch`: events are written soon, several at once; requests never wait.
   * `blocking`: events are written at once, and a request waits before it goes up until
   * what was recorded before it is written, but goes on when that fails.
   * `blocking-strict`: a request goes up when its own first event is written by every
   * sink, or not at all.
   */
  readonly mode: AuditMode
  readonly policy: AuditPolicyOptions
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** What must not be written, in every form in which it could be. */
  readonly secrets: () => readonly string[]
  /** Milliseconds that the end of a request may wait for others in `batch`, to be recorded in one go; default: it does not. */
  readonly gather?: number
  /** Milliseconds that a request may wait for a sink. */
  readonly patience?: number
  /** Every request's end, also of those that the policy leaves out: for the metrics. */
  readonly onEnded?: Ended
  readonly onDropped: (sink: string, lines: number) => void
  readonly onError: (sink: string, error: Error) => void
  readonly onRecovered?: (sink: string) => void
}

export interface PolicedAudit extends Audit {
  /** Puts another policy in force for the requests whose first event is still to come. */
  setPolicy(policy: AuditPolicyOptions): void
  /** Records at once what has ended. */
  settle(): void
}

/** The request log: an `audit.k8s.io/v1` event a line, to every sink. */
export function createAudit(options: AuditOptions): PolicedAudit {
  const { sinks, mode, now } = options
  if (sinks.length === 0) throw new Error('an audit without a sink records nothing')
  for (const sink of sinks) attach(sink, options)
  let policy = { judge: compilePolicy(options.policy), maxBodySize: options.policy.maxBodySize }
  let open = 0
  let allEnded = () => {}
  const concluding = createConcluding(options)
  const trailOptions: TrailOptions = {
    mode,
    now,
    ended: (...end) => {
      open -= 1
      if (open === 0) allEnded()
      options.onEnded?.(...end)
    },
    conclude: concluding.conclude,
    policy: () => policy.judge,
    maxBodySize: () => policy.maxBodySize,
    ...createRecorder(sinks, options),
  }
  return {
    open(arrival: Arrival) {
      open += 1
      return new AuditTrail(arrival, trailOptions)
    },
    healthy: () => sinks.every(sink => sink.healthy()),
    setPolicy(next) {
      policy = { judge: compilePolicy(next), maxBodySize: next.maxBodySize }
    },
    settle: concluding.settle,
    async close() {
      concluding.settle()
      // A server is closed a moment before the last of its answers is.
      if (open > 0) await inTime(new Promise<void>((resolve) => { allEnded = resolve }), lastWords, 'requests did not end in time').catch(() => {})
      // One that does not end keeps none of those that did meanwhile from being recorded.
      concluding.settle()
      await Promise.all(sinks.map(sink => sink.close()))
    },
  }
}

function attach(sink: Sink, { onDropped, onError, onRecovered }: AuditOptions): void {
  sink.attach({
    dropped: lines => onDropped(sink.name, lines),
    failed: error => onError(sink.name, error),
    recovered: () => onRecovered?.(sink.name),
  })
}

/** Ends that are recorded in one go. */
const mostEnds = 64

/** Where events wait to be written anyway, they are made together; what holds bodies does not wait. */
function createConcluding({ mode, gather }: AuditOptions) {
  const batch = new Batch<AuditTrail>(trail => trail.conclude(), run => void setTimeout(run, gather).unref())
  return {
    settle: batch.flush,
    conclude(trail: AuditTrail) {
      if (gather === undefined || mode !== 'batch' || trail.holdsBodies) return trail.conclude()
      batch.add(trail)
      if (batch.size >= mostEnds) batch.flush()
    },
  }
}

/** Milliseconds that an audit which is closed waits for the last events of requests that were cut. */
const lastWords = 1000

type Recorder = Pick<TrailOptions, 'record' | 'recordNow' | 'backlog'>

/** Serialises an event once, whatever the number of sinks. */
function createRecorder(sinks: readonly Sink[], options: AuditOptions): Recorder {
  const { mode, patience = 5_000 } = options
  let latest: Promise<void> | undefined
  function recordNow(moment: Moment): Promise<void> {
    const line = lineOf(moment, options)
    if (line === undefined) return Promise.reject(new Error('the event could not be made'))
    return inTime(Promise.all(sinks.map(sink => sink.writeNow(line))).then(() => {}), patience, 'the audit sinks did not confirm the write in time')
  }
  function recordAndFollow(moment: Moment): void {
    // A failure is the sink's to report; here it only ends the waiting.
    const written: Promise<void> = recordNow(moment).catch(() => {}).then(() => {
      if (latest === written) latest = undefined
    })
    latest = written
  }
  function recordSoon(moment: Moment): void {
    const line = lineOf(moment, options)
    if (line !== undefined) for (const sink of sinks) sink.write(line)
  }
  return { record: mode === 'batch' ? recordSoon : recordAndFollow, recordNow, backlog: () => latest }
}

/** An event that cannot be made is a line lost in every sink; it must not end the process. */
function lineOf(moment: Moment, { sinks, secrets, onDropped, onError }: AuditOptions): string | undefined {
  try {
    const known = secrets()
    return toLine(toEvent(moment, known), known)
  } catch (thrown) {
    const error = new Error('an audit event could not be made', { cause: thrown })
    for (const { name } of sinks) {
      onError(name, error)
      onDropped(name, 1)
    }
    return undefined
  }
}
