import { setImmediate as nextTurn } from 'node:timers/promises'
import { on } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { LoadOptions } from './load.ts'
import type { Marks } from './state.ts'
import type { Unwire } from './unwire.ts'

/** For the thread that loads. */
export interface LoadOrder {
  readonly paths: readonly string[]
  readonly options: LoadOptions
  readonly known: Marks
}

/**
 * The thread that reads large files. It begins when it is first needed, and stays: the next
 * load finds its code compiled, and takes half of the time and of the processor.
 */
export class LoadThread {
  #worker: Worker | undefined

  /** One at a time. Rejects where `signal` gives it up, or the thread ends; the next load then has a new one. */
  async load(order: LoadOrder, unwire: Unwire, signal: AbortSignal | undefined): Promise<void> {
    const worker = this.#worker ??= this.#begin()
    worker.ref()
    try {
      await exchange(worker, order, unwire, signal)
    } catch (error) {
      this.close()
      throw error
    }
    worker.unref()
  }

  close(): void {
    // Nobody waits until its memory is given back.
    void this.#worker?.terminate()
    this.#worker = undefined
  }

  #begin(): Worker {
    // Beside this file, and of the same kind: .js, or .ts under a loader.
    const file = new URL(import.meta.url.endsWith('.ts') ? './load-thread.ts' : './load-thread.js', import.meta.url)
    const worker = new Worker(file, { name: 'callers' })
    // Whoever loads hears of both; between loads, or once it is given up, nobody does.
    worker.on('error', () => undefined)
    worker.on('exit', () => { if (this.#worker === worker) this.#worker = undefined })
    return worker
  }
}

async function exchange(worker: Worker, order: LoadOrder, unwire: Unwire, signal: AbortSignal | undefined): Promise<void> {
  const pieces = on(worker, 'message', { ...signal === undefined ? {} : { signal }, close: ['exit'] })
  worker.postMessage(order)
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
}
