interface Line {
  readonly at: number
  readonly text: string
}

interface Log {
  readonly lines: Line[]
  /** How many lines were dropped from the front. */
  dropped: number
  ticks: number
  followers: number
  timer: NodeJS.Timeout | undefined
}

export interface LogRequest {
  readonly follow: boolean
  readonly timestamps: boolean
  readonly tail: number
  /** Only what was written since then, in milliseconds since the epoch. */
  readonly since: number
}

const keptLines = 1000
const keptLogs = 1000

/**
 * What the pods have written. A pod writes a line, `tick 1`, `tick 2` and so
 * on, each interval, but only while somebody follows it.
 */
export class LogBook {
  readonly #clock: () => number
  readonly #interval: number
  readonly #logs = new Map<string, Log>()
  readonly #wakers = new Set<() => void>()

  constructor(clock: () => number, interval: number) {
    this.#clock = clock
    this.#interval = interval
  }

  /** `pod` is the uid: a pod made anew under an old name has a log of its own. */
  write(pod: string, text: string): void {
    const log = this.#logOf(pod)
    log.lines.push({ at: this.#clock(), text })
    while (log.lines.length > keptLines) {
      log.lines.shift()
      log.dropped += 1
    }
    for (const wake of [...this.#wakers]) wake()
  }

  /** Ends what is followed of a pod that is gone. */
  forget(pod: string): void {
    this.#logs.delete(pod)
    for (const wake of [...this.#wakers]) wake()
  }

  async* read(pod: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<string> {
    const log = this.#logOf(pod)
    let next = log.dropped + Math.max(0, log.lines.length - request.tail)
    if (request.follow) this.#follow(pod, log)
    try {
      while (!signal.aborted) {
        next = Math.max(next, log.dropped)
        for (const line of log.lines.slice(next - log.dropped)) {
          if (line.at >= request.since) yield `${request.timestamps ? `${new Date(line.at).toISOString()} ` : ''}${line.text}\n`
          next += 1
        }
        if (!request.follow || this.#logs.get(pod) !== log) return
        if (next >= log.dropped + log.lines.length) await this.#written(signal)
      }
    } finally {
      if (request.follow) this.#unfollow(log)
    }
  }

  #follow(pod: string, log: Log): void {
    log.followers += 1
    log.timer ??= setInterval(() => {
      log.ticks += 1
      this.write(pod, `tick ${log.ticks}`)
    }, this.#interval)
  }

  #unfollow(log: Log): void {
    log.followers -= 1
    if (log.followers > 0) return
    clearInterval(log.timer)
    log.timer = undefined
  }

  #logOf(pod: string): Log {
    const known = this.#logs.get(pod)
    if (known !== undefined) return known
    const log: Log = { lines: [], dropped: 0, ticks: 0, followers: 0, timer: undefined }
    const [oldest] = this.#logs.keys()
    if (oldest !== undefined && this.#logs.size >= keptLogs) this.forget(oldest)
    this.#logs.set(pod, log)
    return log
  }

  async #written(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done)
        this.#wakers.delete(done)
        resolve()
      }
      signal.addEventListener('abort', done)
      this.#wakers.add(done)
    })
  }
}
