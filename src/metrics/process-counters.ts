import { Counter } from 'prom-client'
import type { Registry } from 'prom-client'

// Counted in a process that serves, and in the one that only has workers.

export function createDropped(registry: Registry): (sink: string, lines: number) => void {
  const counter = new Counter({
    name: 'portcullis_audit_dropped_total', help: 'Audit lines that a sink lost: more than it may hold, or never taken.',
    labelNames: ['sink'], registers: [registry],
  })
  return (sink, lines) => counter.inc({ sink }, lines)
}

export function createRestarts(registry: Registry): () => void {
  const counter = new Counter({
    name: 'portcullis_worker_restarts_total', help: 'Workers that died and were replaced.', registers: [registry],
  })
  return () => counter.inc()
}
