/**
 * Whatever nobody caught ends the process, as it does anyway, but not before it is told
 * here: Node itself would print the error with all that hangs on it, the traffic too. The
 * last one to ask is told.
 */
export function exitOnCrash(tell: (error: unknown) => void): void {
  process.prependListener('uncaughtException', (error) => {
    tell(error)
    process.exit(1)
  })
}
