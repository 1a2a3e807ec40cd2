import cluster from 'node:cluster'
import { Channel } from './channel.ts'
import type { WorkerProcess } from './supervisor.ts'

/** Makes this process the primary of workers that run the same command, and returns the way to make one. `args` are added to its own. */
export function createFork(args: readonly string[]): () => WorkerProcess {
  // Not left to the environment (NODE_CLUSTER_SCHED_POLICY): the kernel's way leaves most connections to one or two.
  cluster.schedulingPolicy = cluster.SCHED_RR
  cluster.setupPrimary({ args: [...process.argv.slice(2), ...args] })
  return function fork() {
    const worker = cluster.fork()
    const exited = new Promise<number | string>(resolve => worker.once('exit', (code, signal) => resolve(signal ?? code)))
    // The last that it said may come after that.
    const heard = new Promise<void>(resolve => worker.once('disconnect', resolve))
    const unborn = new Promise<string>(resolve => worker.on('error', (error) => { if (worker.process.pid === undefined) resolve(error.message) }))
    return {
      pid: worker.process.pid,
      channel: new Channel(worker),
      ended: Promise.race([Promise.all([exited, heard]).then(([how]) => how), unborn]),
      kill: () => { worker.process.kill('SIGKILL') },
    }
  }
}
