import type { Cluster } from '../../src/clusters/cluster.ts'
import type { Schedule } from '../../src/schedule.ts'

/** A status without a body. */
export interface Refused {
  readonly refused: number
}

/** What an API server answers to questions of our own, by method and target without its query; 404 to all else. An Error: none at all. */
export type Api = Record<string, unknown>

export function refused(status: number): Refused {
  return { refused: status }
}

export interface AskedApi {
  readonly fetch: Cluster['fetch']
  /** Oldest first, as in `GET /version`. */
  readonly asked: string[]
  readonly bodies: unknown[]
  readonly headers: (readonly string[])[]
  readonly signals: (AbortSignal | undefined)[]
}

/** Functions among the answers are called with the body sent. */
export function apiOf(answers: Api): AskedApi {
  const api: AskedApi = {
    asked: [], bodies: [], headers: [], signals: [],
    async fetch(target, headers, { method = 'GET', body, signal } = {}) {
      const question = `${method} ${target.replace(/\?.*/, '')}`
      const sent: unknown = body === undefined ? undefined : JSON.parse(body)
      api.asked.push(question)
      api.headers.push(headers)
      api.signals.push(signal)
      if (body !== undefined) api.bodies.push(sent)
      const found = answers[question] ?? refused(404)
      const answer: unknown = typeof found === 'function' ? (found as (sent: unknown) => unknown)(sent) : found
      if (answer instanceof Error) throw answer
      if (typeof answer === 'object' && answer !== null && 'refused' in answer) return answered((answer as Refused).refused, '{}')
      return answered(method === 'POST' ? 201 : 200, typeof answer === 'string' ? answer : JSON.stringify(answer))
    },
  }
  return api
}

function answered(status: number, body: string) {
  return { status, headers: [], body: Buffer.from(body) }
}

export interface ManualSchedule {
  readonly schedule: Schedule
  /** What was asked for, oldest first. */
  readonly waits: number[]
  /** Runs the oldest that is due, and waits until that has come true. */
  next(until: () => boolean): Promise<void>
}

export function manualSchedule(): ManualSchedule {
  const due: (() => void)[] = []
  const waits: number[] = []
  return {
    waits,
    schedule(ms, run) {
      waits.push(ms)
      due.push(run)
      return () => { if (due.includes(run)) due.splice(due.indexOf(run), 1) }
    },
    async next(until) {
      due.shift()?.()
      // Answers here take a few turns of the loop at most.
      for (let turn = 0; turn < 1000 && !until(); turn++) await new Promise((resolve) => { setImmediate(resolve) })
      await new Promise((resolve) => { setImmediate(resolve) })
    },
  }
}
