import { LRUCache } from 'lru-cache'
import type { Schedule } from '../schedule.ts'

export interface PacerOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number
  readonly schedule: Schedule
  /** True once nobody is to wait any more. */
  readonly draining: () => boolean
  readonly pace?: Pace
}

export interface Pace {
  /** Refusals that one of them gets at once. */
  readonly atOnce: number
  /** Those beyond that, a second. */
  readonly perSecond: number
  /** Milliseconds that one waits at most. */
  readonly longest: number
  /** Of one, and of all together: how many may wait. Each is a request that is held in memory. */
  readonly mostOfOne: number
  readonly most: number
}

/**
 * The turn of a refusal: undefined is now; a promise resolves when it has come, or when `onGone` says that
 * nobody waits for it any more; `crowded` is now too, but the connection should end with it.
 */
export type TakeTurn = (who: string, onGone: (listener: () => void) => void) => undefined | 'crowded' | Promise<void>

/** A flood of 50 connections then costs some percent of a core; who waits as Retry-After says never notices. */
const defaultPace: Pace = { atOnce: 100, perSecond: 50, longest: 2000, mostOfOne: 1000, most: 5000 }

/** Milliseconds between two looks at who waits. */
const tick = 5
/** Names come from callers, and from addresses, of which there is no end. */
const maxNames = 10_000

interface Line {
  /** When the last of its turns is; those that are given at once are `atOnce` turns ahead of it. */
  last: number
  waiting: number
}

type Waiter = () => void

/**
 * Slows refusals down: whoever floods in spite of a Retry-After waits for every answer, and so asks less.
 * One refusal costs about as much as a small answer, and in a closed loop there is no end of them.
 */
export function createPacer(options: PacerOptions): TakeTurn {
  const { now, draining, pace = defaultPace } = options
  const lines = new LRUCache<string, Line>({ max: maxNames })
  const room = new WaitingRoom(options)
  const gap = 1000 / pace.perSecond
  const ahead = pace.atOnce * gap

  return function takeTurn(who, onGone) {
    if (draining()) return undefined
    const at = now()
    const line = lines.get(who) ?? { last: 0, waiting: 0 }
    lines.set(who, line)
    line.last = Math.min(Math.max(line.last, at) + gap, at + ahead + pace.longest)
    const wait = line.last - at - ahead
    if (wait <= 0) return undefined
    if (line.waiting >= pace.mostOfOne || room.size >= pace.most) return 'crowded'
    line.waiting += 1
    return new Promise((resolve) => {
      const leave = room.enter(at + wait, () => {
        line.waiting -= 1
        resolve()
      })
      onGone(leave)
    })
  }
}

/** Those who wait, by the tick at which their turn comes. */
class WaitingRoom {
  readonly #slots = new Map<number, Set<Waiter>>()
  readonly #options: Pick<PacerOptions, 'now' | 'schedule' | 'draining'>
  size = 0
  #looking = false

  constructor(options: Pick<PacerOptions, 'now' | 'schedule' | 'draining'>) {
    this.#options = options
  }

  /** `done` is called once: when the time has come, or when what this returns is called first. */
  enter(due: number, done: () => void): () => void {
    const slot = Math.ceil(due / tick)
    const waiters = this.#slots.get(slot) ?? new Set()
    this.#slots.set(slot, waiters)
    const waiter = () => {
      this.size -= 1
      done()
    }
    waiters.add(waiter)
    this.size += 1
    this.#lookLater()
    return () => { if (waiters.delete(waiter)) waiter() }
  }

  #lookLater(): void {
    if (this.#looking || this.size === 0) return
    this.#looking = true
    this.#options.schedule(tick, () => {
      this.#looking = false
      this.#look()
      this.#lookLater()
    })
  }

  #look(): void {
    const until = this.#options.draining() ? Infinity : Math.floor(this.#options.now() / tick)
    for (const [slot, waiters] of this.#slots) {
      if (slot > until) continue
      this.#slots.delete(slot)
      for (const waiter of waiters) {
        waiters.delete(waiter)
        waiter()
      }
    }
  }
}
