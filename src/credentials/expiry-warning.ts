import type { Credential } from './credential.ts'
import { timestamp } from './times.ts'

export interface ExpiryWarningOptions {
  readonly credential: Pick<Credential, 'facts'>
  readonly log: { warn(facts: object, message: string): void, error(facts: object, message: string): void }
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Runs again and again, every so many milliseconds; returns the way to stop. */
  readonly every?: (ms: number, run: () => void) => () => void
}

/** Of its life, after which whoever renews it is late: kubelets do at 80 %, so do we. */
const late = 0.9
/** Where it does not say since when it lives: so long before its end, in milliseconds. */
const lastHour = 3_600_000
const lookEvery = 30_000

/** One warning line before a credential ends that nobody has renewed, and one line when it has. Returns the way to stop. */
export function watchExpiry({ credential, log, now = Date.now, every = everyUnreferenced }: ExpiryWarningOptions): () => void {
  let warned: number | undefined
  let ended: number | undefined
  const look = () => {
    const { kind, claims: { issuedAt, expiresAt }, trouble } = credential.facts()
    if (expiresAt === undefined) return
    const facts = { kind, expiresAt: timestamp(expiresAt) }
    const lateAt = issuedAt === undefined ? expiresAt - lastHour : issuedAt + (expiresAt - issuedAt) * late
    if (now() >= expiresAt && ended !== expiresAt) {
      ended = warned = expiresAt
      log.error(facts, 'the credential has expired')
    } else if (now() >= lateAt && warned !== expiresAt) {
      warned = expiresAt
      // A renewal that fails, a file that turned bad: that was told when it happened.
      if (trouble === undefined) log.warn(facts, 'the credential ends soon, and nobody has renewed it')
    }
  }
  look()
  return every(lookEvery, look)
}

function everyUnreferenced(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms).unref()
  return () => clearInterval(timer)
}
