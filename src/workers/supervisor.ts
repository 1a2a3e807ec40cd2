import { backOff } from '../back-off.ts'
import { FaultsError } from '../files/fault.ts'
import type { Schedule } from '../schedule.ts'
import type { Channel } from './channel.ts'
import type { Drain, Start, ToPrimary, ToWorker } from './messages.ts'

/** A process that was forked. */
export interface WorkerProcess {
  readonly pid: number | undefined
  readonly channel: Channel<ToPrimary, ToWorker>
  /** Resolves when it is no more and all that it said has been heard: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  /** By SIGKILL: workers take no other signal. */
  kill(): void
}

export interface SupervisorOptions {
  readonly workers: number
  readonly fork: () => WorkerProcess
  /** What a worker that begins now is told first; `port`: where the others listen. */
  readonly startOf: (worker: number, port: number) => Start
  /** Listens to a new worker. Called again for whoever replaces it. */
  readonly attach: (worker: number, channel: Channel<ToPrimary, ToWorker>) => void
  /** After the last that it said, before it is replaced. */
  readonly died: (worker: number) => void
  readonly onRestart: () => void
  /** pino fits. */
  readonly log: { info(facts: object, message: string): void, error(facts: object, message: string): void }
  readonly schedule: Schedule
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

interface Place {
  readonly worker: number
  process: WorkerProcess | undefined
  serving: boolean
  /** When it began to serve. */
  since: number
  /** Ends in a row that came soon. */
  soonEnded: number
  cancel: () => void
}

/** Milliseconds: who ended sooner after its start may do so again. */
const soon = 10_000
const slowestBackOff = 30_000
/** Milliseconds beyond its patience after which a worker that does not end is killed. */
const grace = 10_000

/** Keeps so many workers running: each in a place of its own, into which another comes when it dies. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #places: readonly Place[]
  #port = 0
  #openedAt = 0
  #ending = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#places = Array.from({ length: options.workers }, (_, index) => ({
      worker: index + 1, process: undefined, serving: false, since: -Infinity, soonEnded: 0, cancel() {},
    }))
  }

  /**
   * Resolves with their port when all serve. Rejects with what kept one of them from it, and none
   * runs then. The first goes alone: what is wrong is said once, and a wrong password tried once.
   */
  async start(): Promise<number> {
    const [first, ...others] = this.#places.map(place => () => this.#run(place))
    try {
      await first?.()
      await Promise.all(others.map(run => run()))
    } catch (error) {
      this.kill()
      throw error
    }
    return this.#port
  }

  /** Those that serve; undefined for a place whose worker does not. */
  workers(): { readonly worker: number, readonly channel: Channel<ToPrimary, ToWorker> | undefined }[] {
    return this.#places.map(({ worker, process, serving }) => ({ worker, channel: serving ? process?.channel : undefined }))
  }

  /** All finish what is under way, together; resolves when none is left. Milliseconds. */
  async drain({ notice, patience }: Omit<Drain, 'kind'>): Promise<void> {
    this.#end()
    for (const { process, serving } of this.#places) {
      if (serving) process?.channel.send({ kind: 'drain', notice, patience })
      else process?.kill()
    }
    const cut = setTimeout(() => this.kill(), notice + patience + grace)
    await Promise.all(this.#places.map(({ process }) => process?.ended))
    clearTimeout(cut)
  }

  /** Ends all at once; none is replaced. */
  kill(): void {
    this.#end()
    for (const { process } of this.#places) process?.kill()
  }

  #end(): void {
    this.#ending = true
    for (const { cancel } of this.#places) cancel()
  }

  /** Resolves when it serves; rejects where it does not come to that, once it has ended: its place is free then. */
  #run(place: Place): Promise<void> {
    const { fork, attach, startOf, schedule, now } = this.#options
    // Where the config says "any", the port is the workers' own as long as one of them is there; then it is opened anew by its number.
    if (this.#places.every(({ process }) => process === undefined)) this.#openedAt = this.#port
    const process = fork()
    place.process = process
    attach(place.worker, process.channel)
    process.channel.on('ready', () => process.channel.send(startOf(place.worker, this.#openedAt)))
    return new Promise((resolve, reject) => {
      process.channel.on('listening', ({ port }) => {
        Object.assign(place, { serving: true, since: now() })
        this.#port = port
        this.#options.log.info({ worker: place.worker, workerPid: process.pid }, 'worker serves')
        resolve()
      })
      let failure: Error | undefined
      let cancelKill = () => {}
      process.channel.on('failed', ({ message, faults }) => {
        failure = faults.length > 0 ? new FaultsError(faults) : new Error(message)
        // It ends by itself; if something keeps it, the place is not to wait for ever.
        cancelKill = schedule(grace, () => process.kill())
      })
      void process.ended.then((how) => {
        cancelKill()
        const served = place.serving
        this.#ended(place, how)
        if (!served) reject(failure ?? new Error(`worker ${place.worker} ended before it served (${how})`))
      })
    })
  }

  #ended(place: Place, how: number | string): void {
    const { died, now, log } = this.#options
    const wasSoon = now() - place.since < soon
    place.process = undefined
    died(place.worker)
    if (!place.serving || this.#ending) return
    place.serving = false
    place.soonEnded = wasSoon ? place.soonEnded + 1 : 0
    log.error({ worker: place.worker, ended: how }, 'worker died: another takes its place')
    this.#options.onRestart()
    this.#replaceLater(place)
  }

  /** At once, unless it ended soon after the one before, which had too. */
  #replaceLater(place: Place): void {
    const wait = place.soonEnded < 2 ? 0 : backOff(place.soonEnded - 1, slowestBackOff)
    place.cancel = this.#options.schedule(wait, () => void this.#replace(place))
  }

  async #replace(place: Place): Promise<void> {
    try {
      await this.#run(place)
    } catch (err) {
      if (this.#ending) return
      place.soonEnded += 1
      this.#options.log.error({ err, worker: place.worker }, 'a worker could not start: it is tried again')
      this.#replaceLater(place)
    }
  }
}
