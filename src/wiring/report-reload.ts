import type { Logger } from 'pino'
import type { Reloaded } from '../files/reloading.ts'

/** One line for the operator a fault; what is in force stays in force. */
export function reportReload(outcome: Reloaded, log: Logger, what: 'config' | 'callers', onReload: (ok: boolean) => void): void {
  onReload(outcome.ok)
  const findings = outcome.ok ? outcome.warnings : outcome.faults
  for (const { file, line, column, path, message } of findings) {
    const facts = { file, line, column, path, fault: message }
    if (outcome.ok) log.warn(facts, `${what} has a warning`)
    else log.error(facts, `${what} has a fault: the last good one stays in force`)
  }
  if (outcome.ok) log.info({}, `${what} loaded`)
}

/** What the operator has to do something about. */
export function reportNeedsRestart(sections: readonly string[] | undefined, log: Logger): void {
  if (sections !== undefined && sections.length > 0) log.warn({ sections }, 'config changed where only a restart helps: needs restart')
}
