import type { LoggedEvent } from '../../audit-log/event.ts'
import { observe, type Observed } from './observed.ts'

/** Requests that are open at a time, beyond which the oldest are taken for all that the log has of them. */
const most = 20_000

/** Each request of a log once, though it has several stages: at its end, or, where that is not in the log, when all is read. */
export class Requests {
  readonly #open = new Map<string, Observed>()

  /** What is known for good by this event. */
  take(event: LoggedEvent): Observed[] {
    const { auditID, stage } = event
    const observed = observe(event)
    if (stage === 'ResponseComplete' || stage === 'Panic') {
      const before = this.#open.get(auditID)
      if (before !== undefined) this.#open.delete(auditID)
      // A Panic is written by another process, which may know less.
      return stage === 'Panic' && before !== undefined ? [before] : listed(observed)
    }
    if (observed === undefined) return []
    this.#open.delete(auditID)
    this.#open.set(auditID, observed)
    const [oldest] = this.#open
    if (this.#open.size <= most || oldest === undefined) return []
    this.#open.delete(oldest[0])
    return [oldest[1]]
  }

  /** Those whose end did not come. */
  rest(): Observed[] {
    const open = [...this.#open.values()]
    this.#open.clear()
    return open
  }
}

function listed(observed: Observed | undefined): Observed[] {
  return observed === undefined ? [] : [observed]
}
