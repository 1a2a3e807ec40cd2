import { Histogram } from 'prom-client'
import type { Registry } from 'prom-client'

/** A second is what is promised. */
const buckets = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10]

export function createRevocationMetric(registry: Registry): (seconds: number) => void {
  const seconds = new Histogram({
    name: 'portcullis_revocation_seconds',
    help: 'From a change that took something away, or a key\'s end, to the end of the last stream that it ended.',
    buckets, registers: [registry],
  })
  return value => seconds.observe(value)
}
