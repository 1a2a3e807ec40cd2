interface Crash {
  readonly tell: (error: unknown) => void
  readonly lastWords: (() => Promise<unknown>) | undefined
}

let asked: Crash | undefined
let crashed = false

/**
 * Whatever nobody caught ends the process, as it does anyway, but not before it is told
 * here: Node itself would print the error with all that hangs on it, the traffic too. The
 * last one to ask is told. `lastWords`, if any, are waited for, unless there is another
 * crash in them: they have to be bounded.
 */
export function exitOnCrash(tell: (error: unknown) => void, lastWords?: () => Promise<unknown>): void {
  if (asked === undefined) process.prependListener('uncaughtException', onCrash)
  asked = { tell, lastWords }
}

function onCrash(error: unknown): void {
  asked?.tell(error)
  if (crashed || asked?.lastWords === undefined) process.exit(1)
  crashed = true
  asked.lastWords().finally(() => process.exit(1)).catch(() => {})
}
