import type { DataServer } from '../listen/data-server.ts'
import type { Streams } from '../streams/streams.ts'

export interface DrainState {
  /** Connections end after their answer. */
  closing: boolean
  /** Nothing new is taken. */
  refusing: boolean
}

export interface DrainOptions {
  readonly state: DrainState
  readonly server: DataServer
  readonly streams: Streams
  /** Milliseconds in which load balancers learn from `/readyz` that nothing new should come. */
  readonly notice: number
  /** Milliseconds for what is under way; then it is cut. */
  readonly patience: number
}

/**
 * Shuts the data plane down without dropping what it is doing: readiness fails first,
 * then nothing new is taken, watches and tunnels end as their protocol ends,
 * requests under way finish. What is still there at the end of `patience` is cut.
 */
export async function drain({ state, server, streams, notice, patience }: DrainOptions): Promise<void> {
  state.closing = true
  await wait(notice)
  state.refusing = true
  const closed = server.close()
  streams.endAll()
  const cut = setTimeout(() => server.destroy(), patience)
  await closed
  clearTimeout(cut)
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms) })
}
