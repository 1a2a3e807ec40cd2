import type { EventEntry, LogEntry } from '../../audit-log/read.ts'
import type { FaultList } from './fault-list.ts'
import type { Matches } from './filter.ts'
import { OpenRequests } from './open-requests.ts'

export interface SelectionOptions {
  readonly matches: Matches
  /** The line of an event as it is printed; not a view of what was read. */
  readonly format: (entry: EventEntry) => string | Buffer
  readonly faults: FaultList
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

  constructor(options: SelectionOptions) {
    this.#options = options
  }

  /** How many events were read, whether they match or not. */
  get sound(): number {
    return this.#sound
  }

  /** What is to be printed now. */
  take(entries: readonly LogEntry[]): Line[] {
    const lines: Line[] = []
    for (const entry of entries) {
      if (entry.kind === 'fault') {
        this.#options.faults.add(entry)
      } else {
        this.#sound += 1
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
    const ends = stage === 'ResponseComplete' || stage === 'Panic'
    if (ends) this.#open.end(auditID)
    if (!matches(entry.event)) return []
    return ends ? [format(entry)] : this.#open.begin(auditID, format(entry), now())
  }
}
