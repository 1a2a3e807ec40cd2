// One run of a benchmark: what it started is stopped, however it ends.
import process from 'node:process'
import { clearTimeout, setTimeout } from 'node:timers'
import { parseArgs } from 'node:util'

export class Run {
  /** For whoever reads that it took too long. */
  doing = 'starting'
  #running = []
  #givenUp = false
  #longest

  /** Gives up after so many seconds. */
  constructor(longest) {
    this.#longest = longest
  }

  async go(bench) {
    const tooLong = setTimeout(() => void this.#giveUp(`still ${this.doing} after ${this.#longest} seconds`), this.#longest * 1000)
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void this.#giveUp(signal))
    try {
      await bench()
    } catch (error) {
      if (!this.#givenUp) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    } finally {
      clearTimeout(tooLong)
      await this.stopAll()
    }
  }

  /** Nothing more is to be begun. */
  get givenUp() {
    return this.#givenUp
  }

  /** Stops this part with the run. */
  keep(part) {
    this.#running.push(part)
    return part
  }

  async stopAll() {
    await Promise.all(this.#running.splice(0).map((part) => part.stop()))
  }

  async #giveUp(why) {
    this.#givenUp = true
    process.stderr.write(`given up: ${why}\n`)
    await this.stopAll()
    process.exit(1)
  }
}

/** What parseArgs makes of the command line; ends with `usage` where it asks for that, or where an option is not to be understood. */
export function valuesOf(options, usage) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', default: false } } })
    return values.help ? end(0, usage) : values
  } catch (error) {
    return end(2, `${error.message}\n\n${usage}`)
  }
}

export function end(code, text) {
  process[code === 0 ? 'stdout' : 'stderr'].write(text)
  process.exit(code)
}
