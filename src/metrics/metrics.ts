import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Arrival } from '../model/arrival.ts'
import type { Facts, Outcome } from '../model/trail.ts'
import type { StreamKind } from '../streams/streams.ts'
import { createKeyUse, createStreamGauge, createExpiryGauge } from './gauges.ts'
import { createRevocationMetric } from './revocation.ts'
import { LearntNames, other, verbs } from './names.ts'
import type { MetricValues } from './primary.ts'
import { createDropped, createRestarts } from './process-counters.ts'
import { createCounter, createHistogram } from './request-metrics.ts'

export interface MetricsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Node's own metrics; false where several registries live in one process (tests). */
  readonly nodeMetrics?: boolean
}

export interface Metrics {
  /** Counts a request from what its trail knows at the end: the audit's `onEnded`. `at`: milliseconds since the epoch. */
  ended(arrival: Arrival, facts: Facts, outcome: Outcome, at?: number): void
  /** Called before every scrape: what is still to be counted is counted. */
  onScrape(settle: () => void): void
  configReload(succeeded: boolean): void
  auditDropped(sink: string, lines: number): void
  /** From a change to the end of the last stream that it ended. */
  revoked(seconds: number): void
  /** Asked at every scrape. */
  countStreams(count: (kind: StreamKind) => number): void
  /** `expiresAt` is asked at every scrape: milliseconds since the epoch, undefined where there is no end. Returns the way to stop. */
  watchCredential(cluster: string, expiresAt: () => number | undefined): () => void
  /** The Prometheus text format. */
  render(): Promise<{ readonly contentType: string, readonly body: string }>
  /** The same as data, for a primary that makes one text of all its workers'. */
  values(): Promise<MetricValues>
}

/** Everything that is counted. A registry of its own, so that two proxies in one process do not mix. */
export function createMetrics({ now, nodeMetrics = true }: MetricsOptions): Metrics {
  const registry = new Registry()
  if (nodeMetrics) collectDefaultMetrics({ register: registry })
  const { denied, shadowDenied, discovery, reload } = createSimple(registry)
  createRestarts(registry)
  const observeRequest = createRequestMetrics(registry)
  const keyUsed = createKeyUse(registry)
  let settle = () => {}
  return {
    onScrape: (given) => { settle = given },
    ended: (arrival, facts, outcome, at = now()) => {
      const caller = facts.caller?.definition.name ?? ''
      observeRequest({ caller, seconds: Math.max(0, at - arrival.receivedAt) / 1000, facts, code: outcome.status })
      if (outcome.refusal !== undefined) denied.inc({ caller, code: outcome.refusal.code })
      if (facts.shadow !== undefined) shadowDenied.inc({ caller })
      if (facts.cache !== undefined) discovery.inc({ result: facts.cache })
      if (facts.caller !== undefined) keyUsed(caller, facts.caller.credentialId, arrival.receivedAt)
    },
    configReload: succeeded => reload.set(succeeded ? 1 : 0),
    auditDropped: createDropped(registry),
    revoked: createRevocationMetric(registry),
    countStreams: createStreamGauge(registry),
    watchCredential: createExpiryGauge(registry, now),
    async render() {
      settle()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    values() {
      settle()
      return registry.getMetricsAsJSON()
    },
  }
}

function createSimple(registry: Registry) {
  const registers = [registry]
  // The sum over all that serve is how many there are.
  new Gauge({ name: 'portcullis_workers', help: 'Processes that serve.', registers }).set(1)
  return {
    denied: new Counter({
      name: 'portcullis_denied_total', help: 'Requests that Portcullis itself refused, by code.',
      labelNames: ['caller', 'code'], registers,
    }),
    shadowDenied: new Counter({
      name: 'portcullis_shadow_denied_total', help: 'Requests that were allowed, and that shadow scopes of their caller would have denied.',
      labelNames: ['caller'], registers,
    }),
    discovery: new Counter({
      name: 'portcullis_discovery_cache_total', help: 'Discovery answers, by where they came from.',
      labelNames: ['result'], registers,
    }),
    reload: new Gauge({
      name: 'portcullis_config_reload_success', help: '1 when the files in force are the files on disk, 0 when the last reload failed.', registers,
      aggregator: 'min',
    }),
  }
}

/** Resource kinds of one cluster are some hundreds; a thousand over all is generous. */
const maxResources = 1000
const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

interface FinishedRequest {
  readonly caller: string
  readonly seconds: number
  readonly facts: Facts
  /** HTTP status; 0 without an answer. */
  readonly code: number
}

function createRequestMetrics(registry: Registry): (request: FinishedRequest) => void {
  const count = createCounter(registry, {
    name: 'portcullis_requests_total', help: 'Requests answered, by who did what and the status; code 0: the caller left before an answer.',
    labelNames: ['caller', 'cluster', 'verb', 'resource', 'code'],
  })
  const duration = createHistogram(registry, {
    name: 'portcullis_request_duration_seconds', help: 'From arrival to the end of the answer, without long-running requests.',
    labelNames: ['cluster', 'verb'], buckets,
  })
  const upstream = createHistogram(registry, {
    name: 'portcullis_upstream_duration_seconds', help: 'From sending a request up to the head of the API server\'s answer.',
    labelNames: ['cluster', 'verb'], buckets,
  })
  const resources = new LearntNames(maxResources)
  return ({ caller, seconds, facts, code }) => {
    const { verb, resource } = labelsOf(facts, code, resources)
    const cluster = facts.cluster ?? ''
    count(caller, cluster, verb, resource, code)
    const labels = [cluster, verb]
    // How long a watch was open says nothing about speed.
    if (facts.resolved?.longRunning !== true) duration(labels, seconds)
    if (facts.upstreamMs !== undefined) upstream(labels, facts.upstreamMs / 1000)
  }
}

/** Verb and resource come from a URL: they are labels only where a rule allowed them. */
function labelsOf({ resolved, verdict }: Facts, code: number, resources: LearntNames): { verb: string, resource: string } {
  if (resolved === undefined || verdict?.allowed !== true) return { verb: other, resource: other }
  const { verb, resource } = resolved.attributes
  // A wildcard allows also what a caller made up; the API server answers that with an error.
  const proven = resource === '' || (code >= 100 && code < 400)
  return { verb: verbs.has(verb) ? verb : other, resource: resources.label(resource, proven) }
}
