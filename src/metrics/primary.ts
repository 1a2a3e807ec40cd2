import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import { createDropped, createRestarts } from './process-counters.ts'

/** All of a registry as plain data, for another process. */
export type MetricValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** What the process counts that has workers and serves nothing itself; and what they counted, as one. */
export interface PrimaryMetrics {
  workerRestarted(): void
  auditDropped(sink: string, lines: number): void
  /** The Prometheus text format: of this process and what `MergedValues` has. */
  render(workers: readonly MetricValues[]): Promise<{ readonly contentType: string, readonly body: string }>
}

export function createPrimaryMetrics({ nodeMetrics = true }: { readonly nodeMetrics?: boolean } = {}): PrimaryMetrics {
  const registry = new Registry()
  if (nodeMetrics) collectDefaultMetrics({ register: registry })
  const auditDropped = createDropped(registry)
  const workerRestarted = createRestarts(registry)
  return {
    workerRestarted,
    auditDropped,
    async render(workers) {
      const merged = merge([ownOf(await registry.getMetricsAsJSON()), ...workers])
      return { contentType: registry.contentType, body: await merged.metrics() }
    },
  }
}

/** What has no sense as a sum, when a process was started say, is this process' own. */
function ownOf(values: MetricValues): MetricValues {
  return values.map(metric => metric.aggregator === 'omit' ? { ...metric, aggregator: 'first' as const } : metric)
}

/** As each metric's `aggregator` says; prom-client's default is the sum. */
function merge(all: readonly MetricValues[]): Registry {
  // NaN, of a lag that was not measured yet, is null in JSON.
  const known = all.map(values => values.map(metric => ({ ...metric, values: metric.values.filter(({ value }) => typeof value === 'number') })))
  return AggregatorRegistry.aggregate(known)
}

/** Counts of workers that are no more stay counted: a sum that shrinks looks to Prometheus as if all of it had been counted anew. */
export class MergedValues {
  readonly #last = new Map<number, MetricValues>()
  #ofTheDead: Promise<MetricValues> = Promise.resolve([])

  answered(worker: number, values: MetricValues): void {
    this.#last.set(worker, values)
  }

  died(worker: number): void {
    const last = this.#last.get(worker)
    this.#last.delete(worker)
    if (last !== undefined) this.#ofTheDead = this.#ofTheDead.then(before => merge([before, lasting(last)]).getMetricsAsJSON())
  }

  /** Of those that answered just now all, of the others what lasts. */
  async all(answered: readonly number[]): Promise<MetricValues[]> {
    const ofTheLiving = [...this.#last].map(([worker, values]) => answered.includes(worker) ? values : lasting(values))
    return [await this.#ofTheDead, ...ofTheLiving]
  }
}

function lasting(values: MetricValues): MetricValues {
  // At run time the type is its name, whatever prom-client's declarations say.
  return values.filter(({ name, type }) => ['counter', 'histogram'].includes(String(type)) || name === 'portcullis_key_last_used_seconds')
}
