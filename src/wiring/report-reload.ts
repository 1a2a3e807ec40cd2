import type { Logger } from 'pino'
import type { Fault } from '../files/fault.ts'
import type { Reloaded } from '../files/reloading.ts'

/** Lines that are written before other work gets its turn: ten thousand callers may have a warning each. */
const batchSize = 100

/** One line for the operator a fault, all of them; what is in force stays in force. */
export function reportReload(outcome: Reloaded, log: Logger, what: 'config' | 'callers', onReload: (ok: boolean) => void): void {
  onReload(outcome.ok)
  tell(outcome.ok, log, what, outcome.ok ? outcome.warnings : outcome.faults)
}

function tell(ok: boolean, log: Logger, what: string, findings: readonly Fault[], from = 0): void {
  for (const { file, line, column, path, message, subject } of findings.slice(from, from + batchSize)) {
    const facts = { file, line, column, path, ...subject === undefined ? {} : { subject }, fault: message }
    if (ok) log.warn(facts, `${what} has a warning`)
    else log.error(facts, `${what} has a fault: the last good one stays in force`)
  }
  if (from + batchSize < findings.length) setImmediate(tell, ok, log, what, findings, from + batchSize)
  else if (ok) log.info({}, `${what} loaded`)
}

/** What the operator has to do something about. */
export function reportNeedsRestart(sections: readonly string[] | undefined, log: Logger): void {
  if (sections !== undefined && sections.length > 0) log.warn({ sections }, 'config changed where only a restart helps: needs restart')
}
