import { stat } from 'node:fs/promises'
import { FaultsError } from '../files/fault.ts'
import { listFiles, loadCallers } from './load.ts'
import type { LoadOptions } from './load.ts'
import { LoadThread } from './load-aside.ts'
import type { LoadOrder } from './load-aside.ts'
import type { CallersState, Marks } from './state.ts'
import { Unwire } from './unwire.ts'
import { toWire } from './wire.ts'

export interface LoadStateOptions extends LoadOptions {
  /** What is in force: what of it did not change is kept. */
  readonly before?: CallersState | undefined
  /** Gives up a load that is under way. */
  readonly signal?: AbortSignal | undefined
  /** Bytes of files from which on another thread reads them; default: 64 KiB. */
  readonly asideFrom?: number | undefined
  /** That thread, where it is to be kept; for one load at a time. Default: one for this load alone. */
  readonly thread?: LoadThread
}

const nothing: Marks = { callers: new Map(), scopes: new Map() }

/**
 * Callers from files and folders, beside the state in force, without holding anybody up:
 * large files are read, parsed and checked by a thread of their own, and come over in
 * pieces of a few milliseconds. Rejects with FaultsError where there are faults.
 */
export async function loadState(paths: readonly string[], { before, signal, asideFrom = 64 * 1024, thread, ...options }: LoadStateOptions): Promise<CallersState> {
  const order: LoadOrder = { paths, options, known: before?.marks ?? nothing }
  const unwire = new Unwire(before)
  if (await sizeOf(paths) < asideFrom) {
    for (const text of toWire(await loadCallers(paths, options), order.known)) unwire.take(text)
  } else if (thread !== undefined) await thread.load(order, unwire, signal)
  else await loadOnce(order, unwire, signal)
  const { state, faults } = unwire.finish()
  if (faults.length > 0) throw new FaultsError(faults)
  return state
}

async function loadOnce(order: LoadOrder, unwire: Unwire, signal: AbortSignal | undefined): Promise<void> {
  const thread = new LoadThread()
  try {
    await thread.load(order, unwire, signal)
  } finally {
    thread.close()
  }
}

async function sizeOf(paths: readonly string[]): Promise<number> {
  const files = (await Promise.all(paths.map(listFiles))).flat()
  const sizes = await Promise.all(files.map(file => stat(file).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}
