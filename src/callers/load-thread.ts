// The thread of LoadThread: loads what it is told to, and sends what it found piece by piece, one each time it is asked.
import { getPriority, platform, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { LoadOrder } from './load-aside.ts'
import { loadCallers } from './load.ts'
import { toWire } from './wire.ts'

/** Requests come first, also where there are not processors for both. Linux alone has a priority for each thread (setpriority(2)). */
const niceness = 10
if (platform() === 'linux') giveWay()

let pieces: Promise<Generator<string, void>> | undefined

parentPort?.on('message', (message: LoadOrder | 'next') => {
  if (message === 'next') void answer()
  else pieces = loadCallers(message.paths, message.options).then(loaded => toWire(loaded, message.known))
})

/** After the last piece: undefined. */
async function answer(): Promise<void> {
  const next = (await pieces)?.next().value
  // What was loaded is not kept until the next load.
  if (next === undefined) pieces = undefined
  parentPort?.postMessage(next)
}

function giveWay(): void {
  try {
    if (getPriority() < niceness) setPriority(niceness)
  } catch {
    // A courtesy, which not every sandbox lets us have.
  }
}
