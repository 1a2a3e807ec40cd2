import t from 'tap'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { createPrimaryMetrics, MergedValues, type MetricValues } from '../../src/metrics/primary.ts'
import { allowed, arrival, callerWith, resolved } from '../support/builders.ts'

const at = 1_000_000
/** What a worker counted: so many requests, the last at that time. */
async function worker({ requests = 0, usedAt = at, expiresAt = at + 60_000, reloaded = true } = {}): Promise<MetricValues> {
  const metrics = createMetrics({ now: () => at, nodeMetrics: false })
  for (let i = 0; i < requests; i += 1) {
    metrics.ended(arrival({ receivedAt: usedAt }), { resolved: resolved(), caller: callerWith(), cluster: 'prod', verdict: allowed }, { status: 200, ending: 'complete', bytesOut: 1 })
  }
  metrics.countStreams(kind => kind === 'watch' ? 2 : 0)
  metrics.watchCredential('prod', () => expiresAt)
  metrics.configReload(reloaded)
  // As it comes to the primary.
  return JSON.parse(JSON.stringify(await metrics.values())) as MetricValues
}

async function rendered(workers: readonly MetricValues[], primary = createPrimaryMetrics({ nodeMetrics: false })): Promise<Map<string, number>> {
  const { body } = await primary.render(workers)
  return new Map(body.split('\n').filter(line => line !== '' && !line.startsWith('#')).map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

const total = 'portcullis_requests_total{caller="ci",cluster="prod",verb="list",resource="pods",code="200"}'

t.test('counts, times and open streams are sums; of what is no sum the worst holds, or the latest', async (t) => {
  const series = await rendered([await worker({ requests: 2, expiresAt: at + 9_000 }), await worker({ requests: 3, usedAt: at - 70_000, reloaded: false })])
  t.match(Object.fromEntries(series), {
    [total]: 5,
    'portcullis_request_duration_seconds_count{cluster="prod",verb="list"}': 5,
    'portcullis_request_duration_seconds_bucket{le="60",cluster="prod",verb="list"}': 2,
    'portcullis_streams{kind="watch"}': 4,
    'portcullis_credential_expiry_seconds{cluster="prod"}': 9,
    'portcullis_config_reload_success': 0,
    'portcullis_workers': 2,
  })
  t.strictSame([...series].filter(([name]) => name.startsWith('portcullis_key_last_used_seconds')).map(([, value]) => value), [at / 1000])
})

t.test('what the primary itself counts is there too: restarts, and lines that its sinks lost', async (t) => {
  const primary = createPrimaryMetrics({ nodeMetrics: false })
  primary.workerRestarted()
  primary.auditDropped('file', 3)
  const series = await rendered([await worker(), await worker()], primary)
  t.equal(series.get('portcullis_worker_restarts_total'), 1)
  t.equal(series.get('portcullis_audit_dropped_total{sink="file"}'), 3)
})

t.test('Node\'s own metrics are merged as they say; a start time is the primary\'s, and nothing is no number', async (t) => {
  const primary = createPrimaryMetrics()
  const node = createMetrics({ now: () => at })
  const values = JSON.parse(JSON.stringify(await node.values())) as MetricValues
  const { body } = await primary.render([values])
  t.match(body, /^process_start_time_seconds \d+$/m)
  t.match(body, /^nodejs_version_info\{.*\} 1$/m)
  t.notMatch(body, / (null|undefined)$/m)
})

t.test('what a worker counted stays when it dies or does not answer; what it was at the moment does not', async (t) => {
  const values = new MergedValues()
  values.answered(1, await worker({ requests: 4, usedAt: at - 5_000 }))
  values.answered(2, await worker({ requests: 1 }))
  t.equal((await rendered(await values.all([1, 2]))).get(total), 5)
  const silent = await rendered(await values.all([2]))
  t.strictSame([silent.get(total), silent.get('portcullis_workers'), silent.get('portcullis_streams{kind="watch"}')], [5, 1, 2])
  values.died(1)
  values.died(2)
  const dead = await rendered(await values.all([]))
  t.strictSame([dead.get(total), dead.get('portcullis_workers'), dead.get('portcullis_config_reload_success')], [5, undefined, undefined])
  t.strictSame([...dead].filter(([name]) => name.startsWith('portcullis_key_last_used')).map(([, value]) => value), [at / 1000])
  values.answered(1, await worker({ requests: 1 }))
  t.equal((await rendered(await values.all([1]))).get(total), 6, 'its successor begins anew')
})
