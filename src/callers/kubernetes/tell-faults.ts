import type { Fault } from '../../files/fault.ts'

export interface FaultLog {
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** One line for each fault and warning when it shows first; again when it went and came back. */
export class FaultsTold {
  readonly #log: FaultLog
  #told = new Set<string>()

  constructor(log: FaultLog) {
    this.#log = log
  }

  tell(faults: readonly Fault[], warnings: readonly Fault[]): void {
    const told = new Set<string>()
    for (const fault of faults) this.#once(fault, told, facts => this.#log.error(facts, 'callers has a fault: the last good state of that object stays in force'))
    for (const warning of warnings) this.#once(warning, told, facts => this.#log.warn(facts, 'callers has a warning'))
    this.#told = told
  }

  #once({ file, path, message }: Fault, told: Set<string>, tell: (facts: object) => void): void {
    const key = `${file} ${path} ${message}`
    if (!this.#told.has(key)) tell({ object: file, path, fault: message })
    told.add(key)
  }
}
