import t from 'tap'
import { createMetrics } from '../../src/metrics/metrics.ts'
import type { Metrics } from '../../src/metrics/metrics.ts'
import type { Facts, Outcome } from '../../src/model/trail.ts'
import type { Attributes } from '../../src/model/attributes.ts'
import { allowed, arrival, callerWith, resolved } from '../support/builders.ts'

const at = Date.UTC(2026, 10, 21, 10)
const complete: Outcome = { status: 200, ending: 'complete', bytesOut: 7 }
const denied = { allowed: false as const, code: 'ScopeDenied' as const, rule: null, reason: 'no' }

function start() {
  const clock = { now: at }
  return { clock, metrics: createMetrics({ now: () => clock.now, nodeMetrics: false }) }
}

const about = (attributes: Partial<Attributes> = {}): Facts => ({
  resolved: resolved({ attributes }), caller: callerWith(), cluster: 'prod', verdict: allowed,
})

async function samples(metrics: Metrics, name: string): Promise<string[]> {
  const { body } = await metrics.render()
  return body.split('\n').filter(line => line.startsWith(name))
}

t.test('a request is counted by caller, cluster, verb, resource and code, and timed', async (t) => {
  const { metrics } = start()
  metrics.ended(arrival({ receivedAt: at - 30 }), { ...about(), upstreamMs: 20 }, complete)
  t.strictSame(await samples(metrics, 'portcullis_requests_total'), [
    'portcullis_requests_total{caller="ci",cluster="prod",verb="list",resource="pods",code="200"} 1',
  ])
  t.strictSame(await samples(metrics, 'portcullis_request_duration_seconds_sum'), [
    'portcullis_request_duration_seconds_sum{cluster="prod",verb="list"} 0.03',
  ])
  t.strictSame(await samples(metrics, 'portcullis_upstream_duration_seconds_sum'), [
    'portcullis_upstream_duration_seconds_sum{cluster="prod",verb="list"} 0.02',
  ])
})

t.test('a long-running request is counted and not timed', async (t) => {
  const { metrics } = start()
  metrics.ended(arrival(), { ...about({ verb: 'watch' }), resolved: resolved({ longRunning: true, attributes: { verb: 'watch' } }) }, complete)
  t.equal((await samples(metrics, 'portcullis_requests_total')).length, 1)
  t.equal((await samples(metrics, 'portcullis_request_duration_seconds_count')).length, 0)
})

t.test('nothing of a refused request\'s URL becomes a label', async (t) => {
  const { metrics } = start()
  metrics.ended(arrival(), about(), complete)
  metrics.ended(arrival(), { ...about(), verdict: denied }, {
    ...complete, status: 403, refusal: { code: 'ScopeDenied', message: 'no', reason: 'Forbidden' },
  })
  metrics.ended(arrival(), {}, { ...complete, status: 401, refusal: { code: 'MissingKey', message: 'no', reason: 'Unauthorized' } })
  t.strictSame(await samples(metrics, 'portcullis_requests_total'), [
    'portcullis_requests_total{caller="ci",cluster="prod",verb="list",resource="pods",code="200"} 1',
    'portcullis_requests_total{caller="ci",cluster="prod",verb="other",resource="other",code="403"} 1',
    'portcullis_requests_total{caller="",cluster="",verb="other",resource="other",code="401"} 1',
  ])
  t.strictSame(await samples(metrics, 'portcullis_denied_total'), [
    'portcullis_denied_total{caller="ci",code="ScopeDenied"} 1',
    'portcullis_denied_total{caller="",code="MissingKey"} 1',
  ])
})

t.test('a resource that a wildcard allows is a label once the API server has answered for it', async (t) => {
  const { metrics } = start()
  const ask = (resource: string, status: number) => metrics.ended(arrival(), about({ resource }), { ...complete, status })
  for (let i = 0; i < 2000; i++) ask(`made-up-${i}`, 404)
  ask('widgets', 200)
  ask('widgets', 404)
  const lines = await samples(metrics, 'portcullis_requests_total')
  t.strictSame(lines.map(line => /resource="([^"]*)",code="(\d+)"} (\d+)/.exec(line)?.slice(1)), [
    ['other', '404', '2000'], ['widgets', '200', '1'], ['widgets', '404', '1'],
  ])
})

t.test('resources that are labels are bounded, whatever an upstream answers', async (t) => {
  const { metrics } = start()
  for (let i = 0; i < 3000; i++) metrics.ended(arrival(), about({ resource: `made-up-${i}` }), complete)
  t.ok((await samples(metrics, 'portcullis_requests_total')).length <= 1001)
})

t.test('a verb that is none of RBAC\'s is other, and a path that is no resource has none', async (t) => {
  const { metrics } = start()
  metrics.ended(arrival(), about({ verb: 'brew', resource: '', isResourceRequest: false }), complete)
  t.strictSame(await samples(metrics, 'portcullis_requests_total'), [
    'portcullis_requests_total{caller="ci",cluster="prod",verb="other",resource="",code="200"} 1',
  ])
})

t.test('where a discovery answer came from is counted', async (t) => {
  const { metrics } = start()
  for (const cache of ['hit', 'hit', 'miss', 'stale'] as const) metrics.ended(arrival(), { ...about(), cache }, complete)
  t.strictSame(await samples(metrics, 'portcullis_discovery_cache_total'), [
    'portcullis_discovery_cache_total{result="hit"} 2',
    'portcullis_discovery_cache_total{result="miss"} 1',
    'portcullis_discovery_cache_total{result="stale"} 1',
  ])
})

t.test('when a key was last used is told by its public id', async (t) => {
  const { metrics } = start()
  metrics.ended(arrival({ receivedAt: at - 5000 }), about(), complete)
  metrics.ended(arrival({ receivedAt: at }), about(), complete)
  t.strictSame(await samples(metrics, 'portcullis_key_last_used_seconds'), [
    `portcullis_key_last_used_seconds{caller="ci",key="aaaaaaaa"} ${at / 1000}`,
  ])
})

t.test('a credential shows the seconds it has left, one without an end shows nothing', async (t) => {
  const { metrics, clock } = start()
  const stop = metrics.watchCredential('prod', () => at + 60_000)
  metrics.watchCredential('test', () => undefined)
  t.strictSame(await samples(metrics, 'portcullis_credential_expiry_seconds'), ['portcullis_credential_expiry_seconds{cluster="prod"} 60'])
  clock.now = at + 90_000
  t.strictSame(await samples(metrics, 'portcullis_credential_expiry_seconds'), ['portcullis_credential_expiry_seconds{cluster="prod"} -30'])

  metrics.watchCredential('prod', () => at + 100_000)
  stop()
  t.equal((await samples(metrics, 'portcullis_credential_expiry_seconds')).length, 1, 'stopping the old does not stop the new')
})

t.test('open streams are asked for at every scrape', async (t) => {
  const { metrics } = start()
  metrics.countStreams(kind => kind === 'watch' ? 3 : 0)
  const lines = await samples(metrics, 'portcullis_streams')
  t.ok(lines.includes('portcullis_streams{kind="watch"} 3'))
  t.ok(lines.includes('portcullis_streams{kind="spdy"} 0'))
})

t.test('reloads and lost audit lines are told', async (t) => {
  const { metrics } = start()
  metrics.configReload(true)
  metrics.configReload(false)
  metrics.auditDropped('file', 3)
  metrics.auditDropped('file', 1)
  t.strictSame(await samples(metrics, 'portcullis_config_reload_success'), ['portcullis_config_reload_success 0'])
  t.strictSame(await samples(metrics, 'portcullis_audit_dropped_total'), ['portcullis_audit_dropped_total{sink="file"} 4'])
})

t.test('every metric of the design is there, and Node\'s own, in the text format', async (t) => {
  const { contentType, body } = await createMetrics({ now: () => at }).render()
  t.match(contentType, /^text\/plain; version=0\.0\.4/)
  for (const name of [
    'portcullis_requests_total', 'portcullis_request_duration_seconds', 'portcullis_upstream_duration_seconds',
    'portcullis_denied_total', 'portcullis_streams', 'portcullis_discovery_cache_total', 'portcullis_credential_expiry_seconds',
    'portcullis_config_reload_success', 'portcullis_audit_dropped_total', 'portcullis_key_last_used_seconds',
    'process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds',
  ]) t.match(body, `# TYPE ${name} `)
})

t.test('before a scrape, what is still to be counted is counted, with the time at which it ended', async (t) => {
  const { metrics, clock } = start()
  const held: (() => void)[] = [() => metrics.ended(arrival({ receivedAt: at - 30 }), about(), complete, at)]
  metrics.onScrape(() => { for (const count of held.splice(0)) count() })
  clock.now = at + 10_000
  t.strictSame(await samples(metrics, 'portcullis_request_duration_seconds_sum'), [
    'portcullis_request_duration_seconds_sum{cluster="prod",verb="list"} 0.03',
  ])
  held.push(() => metrics.ended(arrival(), about(), complete))
  t.match(JSON.stringify(await metrics.values()), /"name":"portcullis_requests_total".*"value":2/)
})
