import type { Presented } from '../credentials/credential.ts'
import type { Cluster } from './cluster.ts'

/** How long an answer holds, in milliseconds: whoever is behind a proxied path can make us ask. */
const holds = 1000

interface Answer {
  readonly presented: Presented
  readonly at: number
  readonly accepted: Promise<boolean>
}

/** See `Cluster.accepts`. `now` is monotonic. */
export function createAccepts({ credential, fetch }: Pick<Cluster, 'credential' | 'fetch'>, now: () => number = () => performance.now()): Cluster['accepts'] {
  let last: Answer | undefined
  const ask = async (): Promise<boolean> => {
    try {
      // Everybody may read it, but not with a credential that is none.
      const { status } = await fetch('/version', ['Accept', 'application/json'], { keep401: true, maxSize: 1 << 20 })
      return status !== 401
    } catch (error) {
      last = undefined
      throw error
    }
  }
  return (presented) => {
    // What was rejected is no longer what we have.
    if (credential.present() !== presented) return Promise.resolve(false)
    if (last?.presented === presented && now() - last.at < holds) return last.accepted
    last = { presented, at: now(), accepted: ask() }
    return last.accepted
  }
}
