// The thread that `loadState` starts for large files: loads them, and sends what it found piece by piece, each when it is asked for.
import { parentPort, workerData } from 'node:worker_threads'
import type { LoadOrder } from './load-state.ts'
import { loadCallers } from './load.ts'
import { toWire } from './wire.ts'

const { paths, options, known } = workerData as LoadOrder
let pieces: Generator<string, void> | undefined

// After the last piece: undefined.
parentPort?.on('message', () => void answer())

async function answer(): Promise<void> {
  pieces ??= toWire(await loadCallers(paths, options), known)
  parentPort?.postMessage(pieces.next().value)
}
