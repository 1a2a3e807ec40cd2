import type { FaultEntry } from '../../audit-log/read.ts'
import { printable } from '../../authorize/quoted.ts'

/** How many are named one by one. */
const named = 20

/** What of a log could not be read: counted by kind, and the first of each report named. */
export class FaultList {
  readonly #command: string
  #counts = new Map<FaultEntry['fault']['kind'], number>()
  #named: string[] = []
  #count = 0
  #reported = 0

  /** Named in front of what is reported. */
  constructor(command = 'audit show') {
    this.#command = command
  }

  /** All, reported or not. */
  get count(): number {
    return this.#count
  }

  add(entry: FaultEntry): void {
    this.#count += 1
    const { kind } = entry.fault
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
    if (this.#named.length < named) this.#named.push(lineOf(entry))
  }

  /** Of those since the last report lines for people, without a newline at their end. */
  report(): string[] {
    const count = this.#count - this.#reported
    if (count === 0) return []
    const counts = [...this.#counts].map(([kind, count]) => `${count} ${kind}`).join(', ')
    const more = count - this.#named.length
    const lines = [
      `portcullis ${this.#command}: passed over ${count} that could not be read (${counts}):`,
      ...this.#named.map(line => `  ${line}`),
      ...more === 0 ? [] : [`  and ${more} more`],
    ]
    this.#counts = new Map()
    this.#named = []
    this.#reported = this.#count
    return lines
  }
}

/** `file:line: why`, harmless to print. */
export function lineOf({ file, line, fault }: FaultEntry): string {
  return `${printable(file)}${line === 0 ? '' : `:${line}`}: ${fault.why}`
}
