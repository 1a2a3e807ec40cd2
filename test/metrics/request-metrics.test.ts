import { AggregatorRegistry, Counter, Histogram, Registry } from 'prom-client'
import t from 'tap'
import { createCounter, createHistogram } from '../../src/metrics/request-metrics.ts'

const labelNames = ['cluster', 'verb']
const buckets = [0.002, 0.5, 60]
const described = { name: 'asked', help: 'How often, and "how" long\\.', labelNames }

/** Names that a table made of plain objects would mix up, and values that the text format has to escape. */
const clusters = ['', 'prod', '__proto__', 'constructor', 'toString', 'a"b\\c\nd', 'größe', '1', '0', ' ']
const labels = clusters.flatMap(cluster => ['get', '', 'hasOwnProperty'].map(verb => [cluster, verb] as const))
const seconds = [0, 0.001, 0.002, 0.0020001, 0.5, 59.9, 60, 61, 1e9, 0.1 + 0.2]

/** prom-client's own: it is what a scrape gave before. */
function both(kind: 'counter' | 'histogram') {
  const [ours, theirs] = [new Registry(), new Registry()]
  if (kind === 'counter') {
    const count = createCounter(ours, described)
    const known = new Counter({ ...described, registers: [theirs] })
    for (const [at, [cluster, verb]] of labels.entries()) {
      for (let i = 0; i <= at; i += 1) {
        count(cluster, verb)
        known.inc({ cluster, verb })
      }
    }
  } else {
    const observe = createHistogram(ours, { ...described, buckets })
    const known = new Histogram({ ...described, buckets, registers: [theirs] })
    for (const [at, [cluster, verb]] of labels.entries()) {
      for (const value of seconds.slice(at % seconds.length)) {
        observe([cluster, verb], value)
        known.observe({ cluster, verb }, value)
      }
    }
  }
  return { ours, theirs }
}

const sorted = (text: string) => text.split('\n').sort()

for (const kind of ['counter', 'histogram'] as const) {
  t.test(`a ${kind} is scraped as prom-client's own is, each time`, async (t) => {
    const { ours, theirs } = both(kind)
    for (let i = 0; i < 2; i += 1) t.strictSame(sorted(await ours.metrics()), sorted(await theirs.metrics()))
  })

  t.test(`a ${kind} of several workers is summed as prom-client's own is`, async (t) => {
    const { ours, theirs } = both(kind)
    const sum = async (registry: Registry) => {
      // As it comes from another process.
      const values = JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as object[]
      return sorted(await AggregatorRegistry.aggregate([values, values]).metrics())
    }
    t.strictSame(await sum(ours), await sum(theirs))
  })
}
