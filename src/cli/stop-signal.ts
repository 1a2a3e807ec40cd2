import type { Logger } from 'pino'

/** Milliseconds in which a second signal is the first once more: npm passes one on that the terminal has sent to both. */
const sameRequest = 100

/** Resolves at the first SIGTERM or SIGINT. A second one, `sameRequest` later or more, ends the process at once, after `cut`. */
export function stopSignal(log: Logger, cut: () => void = () => {}): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    const onSignal = (signal: NodeJS.Signals) => {
      if (askedAt === undefined) {
        askedAt = performance.now()
        return resolve(signal)
      }
      if (performance.now() - askedAt < sameRequest) return
      log.warn({ signal }, 'asked again: what is open is cut')
      cut()
      process.exit(1)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
