import type { BaseLogger } from 'pino'
import type { Cluster } from './cluster.ts'

export interface OpenshiftOptions {
  readonly fetch: Cluster['fetch']
  readonly log?: Pick<BaseLogger, 'debug'> | undefined
}

export interface OpenshiftAnswer {
  /** True until the API server has said no: the guard is stricter on OpenShift. */
  current(): boolean
  close(): void
}

const second = 1000
const slowest = 300 * second
/** A cluster that is still starting says 404 before its OpenShift API servers are registered. */
const askAgainAfterNo = 600 * second

/** Finds out, beside the requests, whether an API server is OpenShift's: whether it serves security.openshift.io. */
export function detectOpenshift({ fetch, log }: OpenshiftOptions): OpenshiftAnswer {
  const stop = new AbortController()
  let openshift = true
  let timer: NodeJS.Timeout | undefined
  let wait = second

  async function ask(): Promise<void> {
    const status = await statusOf(fetch, stop.signal, log)
    if (stop.signal.aborted) return
    if (status === 200 || status === 404) openshift = status === 200
    if (status === 200) return
    timer = setTimeout(() => void ask(), status === 404 ? askAgainAfterNo : wait)
    timer.unref()
    wait = Math.min(wait * 2, slowest)
  }

  void ask()
  return {
    current: () => openshift,
    close() {
      stop.abort()
      clearTimeout(timer)
    },
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
