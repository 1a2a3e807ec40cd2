import type { LoggedEvent } from '../../audit-log/event.ts'
import type { EventEntry, LogEntry } from '../../audit-log/read.ts'
import { hasNoEnd } from './facts.ts'
import type { FaultList } from './fault-list.ts'
import type { Matches } from './filter.ts'
import type { NamesMet } from './names-met.ts'
import { OpenRequests } from './open-requests.ts'

export interface SelectionOptions {
  readonly matches: Matches
  /** The line of an event as it is printed; not a view of what was read. */
  readonly format: (entry: EventEntry) => string | Buffer
  readonly faults: FaultList
  /** Hears of every event, whether it matches or not. */
  readonly met?: NamesMet
  /** Milliseconds. */
  readonly now: () => number
}

/** Of one run all are texts, or all are bytes. */
export type Line = string | Buffer

/**
 * Of the entries of a log what is to be printed: of each request that matches its end. Its
 * beginning is printed where its end is not in the log.
 */
export class Selection {
  readonly #options: SelectionOptions
  readonly #open = new OpenRequests()
  #sound = 0
  #matched = 0

  constructor(options: SelectionOptions) {
    this.#options = options
  }

  /** How many events were read, whether they match or not. */
  get sound(): number {
    return this.#sound
  }

  /** How many of them match. */
  get matched(): number {
    return this.#matched
  }

  /** What is to be printed now. */
  take(entries: readonly LogEntry[]): Line[] {
    const lines: Line[] = []
    for (const entry of entries) {
      if (entry.kind === 'fault') {
        this.#options.faults.add(entry)
      } else {
        this.#sound += 1
        this.#options.met?.take(entry.event)
        lines.push(...this.#takeEvent(entry))
      }
    }
    return lines
  }

  /** Requests that have been open at least so long, in milliseconds; of the whole log all that are. */
  open(atLeast?: number): Line[] {
    return this.#open.take(atLeast === undefined ? Infinity : this.#options.now() - atLeast)
  }

  #takeEvent(entry: EventEntry): Line[] {
    const { matches, format, now } = this.#options
    const { auditID, stage } = entry.event
    const ends = stage === 'ResponseComplete' || stage === 'Panic' || isLast(entry.event)
    if (ends) this.#open.end(auditID)
    if (!matches(entry.event)) return []
    this.#matched += 1
    return ends ? [format(entry)] : this.#open.begin(auditID, format(entry), now())
  }
}

/** Of such a subresource, as of a watch, the answer may be a stream, of which the beginning is written with its status. */
const streamed = new Set(['exec', 'attach', 'portforward', 'proxy', 'log'])

/** No more will come of it than this: its end is left out by the policy. */
function isLast(event: LoggedEvent): boolean {
  return hasNoEnd(event) && (event.stage === 'ResponseStarted' || (event.verb !== 'watch' && !streamed.has(event.objectRef?.subresource ?? '')))
}
