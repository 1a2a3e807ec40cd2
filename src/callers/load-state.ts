import { stat } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { on } from 'node:events'
import { Worker } from 'node:worker_threads'
import { FaultsError } from '../files/fault.ts'
import { listFiles, loadCallers } from './load.ts'
import type { LoadOptions } from './load.ts'
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
}

/** For the thread that loads. */
export interface LoadOrder {
  readonly paths: readonly string[]
  readonly options: LoadOptions
  readonly known: Marks
}

const nothing: Marks = { callers: new Map(), scopes: new Map() }

/**
 * Callers from files and folders, beside the state in force, without holding anybody up:
 * large files are read, parsed and checked by a thread of their own, and come over in
 * pieces of a few milliseconds. Rejects with FaultsError where there are faults.
 */
export async function loadState(paths: readonly string[], { before, signal, asideFrom = 64 * 1024, ...options }: LoadStateOptions): Promise<CallersState> {
  const order: LoadOrder = { paths, options, known: before?.marks ?? nothing }
  const unwire = new Unwire(before)
  if (await sizeOf(paths) < asideFrom) {
    for (const text of toWire(await loadCallers(paths, options), order.known)) unwire.take(text)
  } else await loadAside(order, unwire, signal)
  const { state, faults } = unwire.finish()
  if (faults.length > 0) throw new FaultsError(faults)
  return state
}

async function sizeOf(paths: readonly string[]): Promise<number> {
  const files = (await Promise.all(paths.map(listFiles))).flat()
  const sizes = await Promise.all(files.map(file => stat(file).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function loadAside(order: LoadOrder, unwire: Unwire, signal: AbortSignal | undefined): Promise<void> {
  // Beside this file, and of the same kind: .js, or .ts under a loader.
  const file = new URL(import.meta.url.endsWith('.ts') ? './load-thread.ts' : './load-thread.js', import.meta.url)
  const worker = new Worker(file, { workerData: order, name: 'callers' })
  try {
    const pieces = on(worker, 'message', { ...signal === undefined ? {} : { signal }, close: ['exit'] })
    worker.postMessage('next')
    for await (const [text] of pieces) {
      if (text === undefined) return
      // One piece is made while the last is taken, and no more: the thread would take what requests need.
      worker.postMessage('next')
      unwire.take(text as string)
      // Whoever waits comes first.
      await nextTurn()
    }
    throw new Error('the thread that loads callers ended')
  } finally {
    // Nothing of it is needed any more, and nobody listens: neither what it has yet to say counts, nor when its memory is given back.
    worker.on('error', () => undefined)
    void worker.terminate()
  }
}
