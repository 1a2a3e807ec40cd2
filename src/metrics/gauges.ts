import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import type { StreamKind } from '../streams/streams.ts'

// Gauges that are asked for their values when somebody scrapes, and cost nothing between.
// `aggregator`: what becomes of several workers' values; default: their sum.

const streamKinds = ['watch', 'log', 'proxy', 'websocket', 'spdy', 'other'] as const satisfies readonly StreamKind[]

export function createStreamGauge(registry: Registry): (count: (kind: StreamKind) => number) => void {
  let count: (kind: StreamKind) => number = () => 0
  new Gauge({
    name: 'portcullis_streams',
    help: 'Open watches, log follows, tunnels and the like.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      for (const kind of streamKinds) this.set({ kind }, count(kind))
    },
  })
  return (given) => { count = given }
}

/** Seconds that are left, below zero once it ended; no series for a credential without an end. */
export function createExpiryGauge(
  registry: Registry,
  now: () => number,
): (cluster: string, expiresAt: () => number | undefined) => () => void {
  const watched = new Map<string, () => number | undefined>()
  new Gauge({
    name: 'portcullis_credential_expiry_seconds',
    help: 'Seconds until the credential for a cluster ends; absent where it has no end.',
    labelNames: ['cluster'],
    registers: [registry],
    aggregator: 'min',
    collect() {
      this.reset()
      for (const [cluster, expiresAt] of watched) {
        const at = expiresAt()
        if (at !== undefined) this.set({ cluster }, (at - now()) / 1000)
      }
    },
  })
  return (cluster, expiresAt) => {
    watched.set(cluster, expiresAt)
    return () => {
      // After a reload the name may already be another cluster's.
      if (watched.get(cluster) === expiresAt) watched.delete(cluster)
    }
  }
}

/** Keys are as many as callers have, certificates as many as an authority issues. */
const mostKeys = 50_000

interface Use {
  readonly caller: string
  readonly key: string
  at: number
  /** When it was put where it stands in the queue of those to be forgotten. */
  queuedAt: number
}

/** When each key was last used, `most` of them at most; `at` in milliseconds since the epoch. */
export function createKeyUse(registry: Registry, most = mostKeys): (caller: string, keyId: string, at: number) => void {
  // Several callers may come by one issuer.
  const uses = new Map<string, Map<string, Use>>()
  const queue = new Set<Use>()
  new Gauge({
    name: 'portcullis_key_last_used_seconds',
    help: 'When a key was last used, in seconds since the epoch.',
    labelNames: ['caller', 'key'],
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.reset()
      for (const { caller, key, at } of queue) this.set({ caller, key }, at / 1000)
    },
  })

  /** The oldest that was not used since it was queued (second chance, as CLOCK): whatever is used stays without being moved at each use. */
  function forgetOne(): void {
    for (const use of queue) {
      queue.delete(use)
      if (use.at === use.queuedAt) return forget(use)
      use.queuedAt = use.at
      queue.add(use)
    }
  }

  function forget({ caller, key }: Use): void {
    const keys = uses.get(caller)
    keys?.delete(key)
    if (keys?.size === 0) uses.delete(caller)
  }

  return (caller, key, at) => {
    const known = uses.get(caller)?.get(key)
    if (known !== undefined) {
      known.at = at
      return
    }
    if (queue.size >= most) forgetOne()
    const use = { caller, key, at, queuedAt: at }
    uses.set(caller, (uses.get(caller) ?? new Map<string, Use>()).set(key, use))
    queue.add(use)
  }
}
