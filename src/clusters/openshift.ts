import type { BaseLogger } from 'pino'
import { Asking } from './asking.ts'
import type { Cluster } from './cluster.ts'

export interface OpenshiftOptions {
  readonly fetch: Cluster['fetch']
  readonly log?: Pick<BaseLogger, 'debug'> | undefined
}

export interface OpenshiftAnswer {
  /** True until the API server has said no: the guard is stricter on OpenShift. */
  current(): boolean
  /** Resolves when the first attempt is over. */
  readonly tried: Promise<void>
  /** See Asking. */
  readonly answered: Promise<void>
  /** See Asking. */
  soon(): void
  close(): void
}

/** A cluster that is still starting says 404 before its OpenShift API servers are registered. */
const askAgainAfterNo = 600_000

/** Finds out, beside the requests, whether an API server is OpenShift's: whether it serves security.openshift.io. */
export function detectOpenshift({ fetch, log }: OpenshiftOptions): OpenshiftAnswer {
  let openshift = true
  const asking = new Asking(async (signal) => {
    const status = await statusOf(fetch, signal, log)
    if (status !== 200 && status !== 404) return undefined
    openshift = status === 200
    return openshift ? Infinity : askAgainAfterNo
  })
  return {
    current: () => openshift,
    tried: asking.tried,
    answered: asking.answered,
    soon: () => asking.soon(),
    close: () => asking.close(),
  }
}

/** Undefined: no answer at all. */
async function statusOf(
  fetch: Cluster['fetch'], signal: AbortSignal, log: OpenshiftOptions['log'],
): Promise<number | undefined> {
  try {
    const { status } = await fetch('/apis/security.openshift.io', ['Accept', 'application/json'], { maxSize: 1 << 20, signal })
    return status
  } catch (err) {
    log?.debug({ err }, 'whether this is OpenShift is not known yet')
    return undefined
  }
}
