import { Counter, type Metric, type Registry } from 'prom-client'
import { LabelTree } from './label-tree.ts'

/** Counts, by the values of `labelNames` in their order; the registry asks for them at a scrape. */
export function createCounter(registry: Registry, { labelNames, ...metric }: { readonly name: string, readonly help: string, readonly labelNames: readonly string[] }) {
  const tree = new LabelTree(labelNames, () => ({ count: 0 }))
  new Counter({
    ...metric, labelNames, registers: [registry],
    collect() {
      this.reset()
      for (const { labels, value: { count } } of tree.all()) this.inc(labels, count)
    },
  })
  return (...values: readonly (string | number)[]) => { tree.at(values).count += 1 }
}

interface Spread {
  /** Of each bucket alone, the last beyond all bounds. */
  readonly counts: number[]
  sum: number
}

/** A Prometheus histogram: how many values are at or below each of the bounds, in seconds. */
export function createHistogram(registry: Registry, { labelNames, buckets, name, help }: {
  readonly name: string, readonly help: string, readonly labelNames: readonly string[], readonly buckets: readonly number[],
}) {
  const tree = new LabelTree<Spread>(labelNames, () => ({ counts: new Array<number>(buckets.length + 1).fill(0), sum: 0 }))
  const values = () => tree.all().flatMap(({ labels, value: { counts, sum } }) => {
    let count = 0
    const below = counts.map((these, i) => ({ metricName: `${name}_bucket`, labels: { le: buckets[i] ?? '+Inf', ...labels }, value: count += these }))
    return [...below, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: count }]
  })
  // What a registry asks of a metric; prom-client's own classes make a text of the labels at every call.
  const metric = { name, help, type: 'histogram', aggregator: 'sum', get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: values() }), reset() {} }
  registry.registerMetric(metric as unknown as Metric)
  return (labels: readonly string[], seconds: number) => {
    const spread = tree.at(labels)
    const bucket = buckets.findIndex(bound => seconds <= bound)
    const at = bucket < 0 ? buckets.length : bucket
    spread.counts[at] = (spread.counts[at] ?? 0) + 1
    spread.sum += seconds
  }
}
