import type { Logger } from 'pino'

/** Resolves at the first SIGTERM or SIGINT. A second one ends the process at once, after `cut`. */
export function stopSignal(log: Logger, cut: () => void = () => {}): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) {
        log.warn({ signal }, 'asked again: what is open is cut')
        cut()
        process.exit(1)
      }
      asked = true
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
