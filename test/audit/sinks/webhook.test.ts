import t from 'tap'
import { Agent } from 'undici'
import { createWebhookSink, type Collector as Target, type WebhookSinkOptions } from '../../../src/audit/sinks/webhook.ts'
import { loggedEvent } from '../../support/audit-lines.ts'
import { startCollector, type Collector } from '../../support/collector.ts'
import type { Scope } from '../../support/scope.ts'
import { until } from '../../support/until.ts'

interface Started {
  readonly sink: ReturnType<typeof createWebhookSink>
  readonly report: { dropped: number, readonly errors: Error[] }
}

function start(t: Scope, { url }: Pick<Collector, 'url'>, options: Partial<WebhookSinkOptions> & { readonly target?: Partial<Target> } = {}): Started {
  const agent = new Agent()
  const { target, ...rest } = options
  const sink = createWebhookSink({
    collector: {
      origin: url, path: '/k8s-audit', present: () => ({ authorization: undefined, certificate: undefined }), renew: () => Promise.resolve(false),
      dispatcher: () => agent, close: () => agent.destroy(), ...target,
    },
    timeout: 2000, wait: 1, backOff: { first: 1, last: 4 }, ...rest,
  })
  const report = { dropped: 0, errors: [] as Error[] }
  sink.attach({ dropped: (lines) => { report.dropped += lines }, failed: (error) => { report.errors.push(error) } })
  t.teardown(() => sink.close())
  return { sink, report }
}

const event = (number: number) => loggedEvent({ auditID: `id-${number}` })
const line = (number: number) => JSON.stringify(event(number))
const ids = (items: readonly Readonly<Record<string, unknown>>[]) => items.map(({ auditID }) => Number(String(auditID).slice(3)))
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

t.test('events are posted as an EventList of audit.k8s.io/v1, each as it is in the log', async (t) => {
  const collector = await startCollector(t)
  const { sink } = start(t, collector)
  const odd = { ...event(1), userAgent: 'new\nline, ünïcode' }
  sink.write(line(0))
  sink.write(JSON.stringify(odd))
  await collector.until(() => collector.taken().length === 2)
  const [posted] = collector.posts
  t.equal(posted?.url, '/k8s-audit')
  t.match(posted?.headers, { 'content-type': 'application/json', 'user-agent': 'portcullis', 'authorization': undefined })
  t.strictSame(posted?.list, { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items: [event(0), odd] })
})

t.test('a batch has so many events at most, is sent when it is full, and all come in order', async (t) => {
  const collector = await startCollector(t)
  const { sink, report } = start(t, collector, { wait: 1e6, maxBatchLines: 4 })
  for (const number of upTo(10)) sink.write(line(number))
  await collector.until(() => collector.posts.length === 2)
  await sink.close()
  t.strictSame(collector.posts.map(({ list }) => list.items.length), [4, 4, 2])
  t.strictSame(ids(collector.taken()), upTo(10))
  t.equal(report.dropped, 0)
})

t.test('an event written now is there when that resolves', async (t) => {
  const collector = await startCollector(t)
  const { sink } = start(t, collector, { wait: 1e6 })
  await sink.writeNow(line(0))
  t.strictSame(ids(collector.taken()), [0])
})

t.test('the throttle makes wait what is beyond its burst', async (t) => {
  const collector = await startCollector(t)
  const { sink } = start(t, collector, { maxBatchLines: 1, throttle: { perSecond: 20, burst: 2 } })
  const at = performance.now()
  for (const number of upTo(6)) sink.write(line(number))
  await collector.until(() => collector.posts.length === 6)
  t.ok(performance.now() - at >= 180, 'four at 20 a second')
  t.strictSame(ids(collector.taken()), upTo(6))
})

t.test('who waits for the throttle is well, and the end does not wait for it', async (t) => {
  const collector = await startCollector(t)
  let clock = 0
  const { sink, report } = start(t, collector, { maxBatchLines: 1, patience: 5_000, now: () => clock, throttle: { perSecond: 0.001, burst: 1 } })
  for (const number of upTo(3)) sink.write(line(number))
  await collector.until(() => collector.posts.length === 1)
  // Once its answer is read, the next waits for a turn.
  await until(() => {
    clock += 10_000
    return sink.healthy()
  })
  clock += 1e6
  t.ok(sink.healthy())
  const at = performance.now()
  await sink.close()
  t.ok(performance.now() - at < 4_000)
  t.strictSame(ids(collector.taken()), upTo(3), 'what was held is written at the end')
  t.strictSame(report, { dropped: 0, errors: [] })
})

for (const answer of [500, 503, 429, 408, 'reset'] as const) {
  t.test(`after ${answer} the same events are posted again, until they are taken`, async (t) => {
    const collector = await startCollector(t)
    let failures = 0
    collector.answer(() => (failures += 1) <= 8 ? answer : 200)
    const { sink, report } = start(t, collector, { maxBatchLines: 2 })
    for (const number of upTo(3)) sink.write(line(number))
    await collector.until(() => collector.taken().length === 3)
    t.strictSame(ids(collector.taken()), upTo(3), 'in order, and none twice')
    t.equal(report.dropped, 0)
    t.equal(report.errors.length, 8)
    t.match(report.errors[0]?.message, answer === 'reset' ? /cannot be reached, or closed the connection$/ : new RegExp(`^the audit webhook http://127.* answered ${answer}: .*tried again`))
  })
}

t.test('Retry-After is kept to', async (t) => {
  const collector = await startCollector(t)
  const at: number[] = []
  collector.answer(() => {
    at.push(performance.now())
    return at.length === 1 ? { status: 429, headers: { 'Retry-After': '1' } } : 200
  })
  const { sink } = start(t, collector)
  sink.write(line(0))
  await collector.until(() => collector.taken().length === 1)
  t.ok(at[1]! - at[0]! >= 990)
})

t.test('a date in Retry-After is read by the clock of the queue', async (t) => {
  const collector = await startCollector(t)
  const now = Date.UTC(2020, 0, 1)
  const at: number[] = []
  collector.answer(() => {
    at.push(performance.now())
    return at.length === 1 ? { status: 429, headers: { 'Retry-After': new Date(now + 1000).toUTCString() } } : 200
  })
  const { sink } = start(t, collector, { now: () => now })
  sink.write(line(0))
  await collector.until(() => collector.taken().length === 1)
  t.ok(at[1]! - at[0]! >= 990)
})

t.test('Retry-After is kept to no longer than whoever waits for events may be kept', async (t) => {
  const collector = await startCollector(t)
  collector.answer(() => collector.posts.length === 1 ? { status: 503, headers: { 'Retry-After': '600' } } : 200)
  const { sink } = start(t, collector, { longestWait: 20 })
  await t.rejects(sink.writeNow(line(0)))
  sink.write(line(1))
  await collector.until(() => collector.taken().length === 2)
  t.strictSame(ids(collector.taken()), [0, 1])
})

t.test('a collector that nobody listens for any more gets all of it when it is there again', async (t) => {
  const collector = await startCollector(t)
  const { sink, report } = start(t, collector)
  await sink.writeNow(line(0))
  await collector.stop()
  await t.rejects(sink.writeNow(line(1)), { message: /^the audit webhook http:.* cannot be reached/ })
  t.notOk(sink.healthy())
  await t.rejects(sink.writeNow(line(2)))
  sink.write(line(3))
  await collector.restart()
  await collector.until(() => collector.taken().length === 4)
  t.strictSame(ids(collector.taken()), upTo(4))
  t.equal(report.dropped, 0)
})

t.test('one that does not answer is unwell, holds up nothing but what waits, and is asked again', async (t) => {
  const collector = await startCollector(t)
  collector.answer(() => collector.posts.length === 1 ? 'nothing' : 200)
  const { sink, report } = start(t, collector, { timeout: 60 })
  await t.rejects(sink.writeNow(line(0)), { message: /did not answer within 0.06 s$/ })
  t.notOk(sink.healthy())
  await collector.until(() => collector.taken().length === 1)
  t.strictSame(ids(collector.taken()), [0])
  t.equal(report.dropped, 0)
})

t.test('one that answers late is waited for, and gets nothing twice', async (t) => {
  const collector = await startCollector(t)
  let answerAll = () => {}
  let asked = () => {}
  const late = new Promise<void>((resolve) => { answerAll = resolve })
  const posted = new Promise<void>((resolve) => { asked = resolve })
  collector.answer(() => {
    asked()
    return late.then(() => 200)
  })
  const { sink, report } = start(t, collector, { maxBatchLines: 2 })
  for (const number of upTo(4)) sink.write(line(number))
  await posted
  t.ok(sink.healthy())
  const closed = sink.close()
  answerAll()
  await closed
  t.strictSame(ids(collector.taken()), upTo(4))
  t.strictSame(report, { dropped: 0, errors: [] })
})

for (const [status, advice] of [
  [401, /does not take our credential/], [403, /may not post there/],
  [404, /is the path of `url` right/], [405, /is the path of `url` right/], [307, /a redirect, which is never followed/],
] as const) {
  t.test(`${status} is tried as often as the API server does; then those events are dropped, counted, and the next are tried`, async (t) => {
    const collector = await startCollector(t)
    const elsewhere = await startCollector(t)
    const bad = (number: number) => ids(collector.posts.at(-1)?.list.items ?? []).includes(number)
    collector.answer(() => bad(1) ? { status, headers: { Location: `${elsewhere.url}/` } } : 200)
    const { sink, report } = start(t, collector, { maxBatchLines: 2 })
    for (const number of upTo(5)) sink.write(line(number))
    await collector.until(() => collector.taken().length === 3)
    t.strictSame(ids(collector.taken()), [2, 3, 4])
    t.equal(report.dropped, 2)
    t.equal(report.errors.length, 5)
    t.match(report.errors.at(-1)?.message, advice)
    t.match(report.errors.at(-1)?.message, /; 2 events are lost there$/)
    t.strictSame(elsewhere.posts, [])
  })
}

for (const status of [400, 415, 422]) {
  t.test(`an event that is answered ${status} takes no others along, and keeps nobody waiting`, async (t) => {
    const collector = await startCollector(t)
    collector.answer(({ list: { items } }) => ids(items).some(id => id === 5 || id === 6) ? status : 200)
    const { sink, report } = start(t, collector, { wait: 1e6, maxBatchLines: 9, backOff: { first: 1e6, last: 1e6 } })
    for (const number of upTo(9)) sink.write(line(number))
    await collector.until(() => collector.taken().length === 7)
    t.strictSame(ids(collector.taken()), [0, 1, 2, 3, 4, 7, 8])
    t.ok(sink.healthy())
    t.equal(report.dropped, 2)
    t.match(report.errors.map(({ cause, message }) => cause instanceof Error ? cause.message : message), [/answered 4.*; an event is lost there$/, /; an event is lost there$/])
    await t.rejects(sink.writeNow(line(5)), { message: /; an event is lost there$/ })
    await sink.writeNow(line(9))
    t.equal(report.dropped, 3)
  })
}

t.test('events that join refused ones are tried as often as those before they are dropped', async (t) => {
  const collector = await startCollector(t)
  const { sink, report } = start(t, collector)
  const joined = [0]
  collector.answer(({ list: { items } }) => {
    if (ids(items).includes(0)) {
      joined.push(joined.length)
      sink.write(line(joined.at(-1)!))
      return 403
    }
    return 200
  })
  sink.write(line(0))
  await collector.until(() => collector.taken().length >= 5)
  t.strictSame(ids(collector.taken()), [1, 2, 3, 4, 5])
  t.equal(report.dropped, 1)
})

t.test('what is too large at once is posted in parts; an event that is too large alone is dropped, and no other', async (t) => {
  const collector = await startCollector(t)
  collector.answer(({ list: { items } }) => items.length > 2 || ids(items).includes(5) ? 413 : 200)
  const { sink, report } = start(t, collector)
  for (const number of upTo(9)) sink.write(line(number))
  await collector.until(() => collector.taken().length === 8)
  t.strictSame(ids(collector.taken()), [0, 1, 2, 3, 4, 6, 7, 8])
  t.equal(report.dropped, 1)
  t.match(report.errors.map(({ cause, message }) => cause instanceof Error ? cause.message : message), [/an event of \d+ bytes is larger than it takes.*; an event is lost there$/])
})

t.test('of what is more than may be held the newest is dropped, and counted', async (t) => {
  const collector = await startCollector(t)
  collector.answer(() => 500)
  const { sink, report } = start(t, collector, { maxHeldLines: 10, backOff: { first: 50, last: 50 } })
  for (const number of upTo(25)) sink.write(line(number))
  t.equal(report.dropped, 15)
  collector.answer(() => 200)
  await collector.until(() => collector.taken().length === 10)
  t.strictSame(ids(collector.taken()), upTo(10))
  t.equal(report.dropped, 15)
})

t.test('our credential is presented; after a 401 with the one that has replaced it', async (t) => {
  const collector = await startCollector(t)
  collector.answer(({ headers }) => headers.authorization === 'Bearer second' ? 200 : 401)
  let token = 'first'
  const { sink, report } = start(t, collector, { target: {
    present: () => ({ authorization: `Bearer ${token}`, certificate: undefined }),
    renew: async ({ authorization }) => {
      t.equal(authorization, 'Bearer first')
      token = 'second'
      return true
    },
  } })
  await sink.writeNow(line(0))
  t.strictSame(collector.posts.map(({ headers }) => headers.authorization), ['Bearer first', 'Bearer second'])
  t.strictSame(report, { dropped: 0, errors: [] })
})

t.test('the end is not held up by one that does not answer, and what it had not confirmed counts as dropped', async (t) => {
  const collector = await startCollector(t)
  collector.answer(() => 'nothing')
  let closed = false
  const { sink, report } = start(t, collector, { timeout: 60_000, patience: 50, target: { close: async () => { closed = true } } })
  sink.write(line(0))
  await collector.until(() => collector.posts.length === 1)
  sink.write(line(1))
  await sink.close()
  t.ok(closed)
  t.equal(report.dropped, 2)
})
