import type { Config } from '../config/config.ts'

/** A change that is ready: nothing of it holds before `commit`, and nothing is left of it after `discard`. Neither throws. */
export interface Prepared {
  commit(): void
  discard(): void
}

/** Something that another config changes. `prepare` rejects where that config cannot be, or `signal` says that it is not wanted any more, and then nothing has changed. */
export interface Changeable {
  prepare(config: Config, signal: AbortSignal): Promise<Prepared>
}

/** All of them as one change, or a rejection and none. */
export async function prepareAll(parts: readonly Changeable[], config: Config, signal: AbortSignal): Promise<Prepared> {
  const ready: Prepared[] = []
  const discard = () => { for (const part of ready) part.discard() }
  try {
    for (const part of parts) ready.push(await part.prepare(config, signal))
  } catch (error) {
    discard()
    throw error
  }
  return { commit: () => { for (const part of ready) part.commit() }, discard }
}
