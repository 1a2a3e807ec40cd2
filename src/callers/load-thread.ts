// The thread that `loadState` starts for large files: loads them, and sends what it found piece by piece, one each time it is asked.
import { getPriority, platform, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { LoadOrder } from './load-state.ts'
import { loadCallers } from './load.ts'
import { toWire } from './wire.ts'

/** Requests come first, also where there are not processors for both. Linux alone has a priority for each thread (setpriority(2)). */
const niceness = 10
if (platform() === 'linux') giveWay()

const { paths, options, known } = workerData as LoadOrder
const pieces = loadCallers(paths, options).then(loaded => toWire(loaded, known))

// After the last piece: undefined.
parentPort?.on('message', () => void answer())

async function answer(): Promise<void> {
  parentPort?.postMessage((await pieces).next().value)
}

function giveWay(): void {
  try {
    if (getPriority() < niceness) setPriority(niceness)
  } catch {
    // A courtesy, which not every sandbox lets us have.
  }
}
