import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAudit } from '../../src/audit/create.ts'
import type { AuditOptions } from '../../src/audit/create.ts'
import type { AuditEvent } from '../../src/audit/event.ts'
import { createFileSink } from '../../src/audit/sinks/file.ts'
import { createChain } from '../../src/audit-log/chain.ts'
import { LineQueue } from '../../src/audit/sinks/line-queue.ts'
import type { Sink } from '../../src/audit/sinks/sink.ts'
import type { Outcome } from '../../src/model/trail.ts'
import { policyOf } from '../support/audit-policy.ts'
import { faultsOfEvent } from '../support/audit-schema.ts'
import { allowed, arrival, callerWith, resolved } from '../support/builders.ts'
import { HeldWriter } from '../support/held-writer.ts'

const received = Date.UTC(2026, 10, 21, 10)
const complete: Outcome = { status: 200, ending: 'complete', bytesOut: 7 }
const facts = { resolved: resolved(), caller: callerWith(), cluster: 'prod', verdict: allowed }

class MemorySink implements Sink {
  readonly name = 'memory'
  readonly lines: string[] = []
  attach(): void {}
  write(line: string): void {
    this.lines.push(line)
  }

  async writeNow(line: string): Promise<void> {
    this.lines.push(line)
  }

  healthy(): boolean {
    return true
  }

  async close(): Promise<void> {}

  /** Resolves when it has so many. */
  async until(lines: number): Promise<void> {
    while (this.lines.length < lines) await new Promise(resolve => setImmediate(resolve))
  }

  get events(): AuditEvent[] {
    return this.lines.map(line => JSON.parse(line) as AuditEvent)
  }
}

function start(options: Partial<AuditOptions> = {}) {
  const memory = new MemorySink()
  const clock = { now: received }
  const audit = createAudit({
    sinks: [memory], mode: 'batch', policy: policyOf(), secrets: () => [], now: () => clock.now, onDropped() {}, onError() {}, ...options,
  })
  return { audit, memory, clock }
}

/** An audit whose one sink writes when the test says so. */
function startHeld(mode: AuditOptions['mode'], options: Partial<AuditOptions> = {}) {
  const writer = new HeldWriter()
  const queue = new LineQueue('held', writer, { wait: 1, backOff: { first: 1e6, last: 1e6 } })
  return { ...start({ mode, sinks: [queue], ...options }), writer, queue }
}

t.test('a plain request has one event, however often it is finished', async (t) => {
  const { audit, memory, clock } = start()
  const trail = audit.open(arrival({ receivedAt: received }))
  trail.note({ resolved: resolved() })
  trail.note({ caller: callerWith() })
  trail.note({ cluster: 'prod', verdict: allowed })
  t.equal(trail.admit(), undefined, 'nobody waits')
  clock.now += 5
  trail.finish(complete)
  trail.finish({ status: 0, ending: 'caller-left', bytesOut: 0 })
  trail.started(200)
  t.equal(memory.events.length, 1)
  t.match(memory.events[0], {
    stage: 'ResponseComplete', verb: 'list', user: { username: 'ci' }, responseStatus: { code: 200 },
    annotations: { 'portcullis.dev/duration-ms': '5', 'portcullis.dev/cluster': 'prod' },
  })
})

t.test('a stream has an event when it starts and one when it ends', async (t) => {
  const { audit, memory, clock } = start()
  const trail = audit.open(arrival({ receivedAt: received }))
  trail.note(facts)
  clock.now += 3
  trail.started(200)
  trail.started(200)
  clock.now += 60_000
  trail.finish({ status: 200, ending: 'revoked', bytesOut: 9 })
  t.match(memory.events, [
    { stage: 'ResponseStarted', stageTimestamp: '2026-11-21T10:00:00.003000Z', responseStatus: { code: 200 } },
    { stage: 'ResponseComplete', annotations: { 'portcullis.dev/ending': 'revoked', 'portcullis.dev/duration-ms': '60003' } },
  ])
  t.equal(memory.events.length, 2)
  for (const event of memory.events) t.strictSame(faultsOfEvent(event), [])
})

t.test('every sink gets the same line', async (t) => {
  const sinks = [new MemorySink(), new MemorySink()]
  const { audit } = start({ sinks })
  audit.open(arrival()).finish(complete)
  t.equal(sinks[0]!.lines.length, 1)
  t.strictSame(sinks[0]!.lines, sinks[1]!.lines)
})

/** Listed: a request that has ended with this name in its user agent. */
const agents = (memory: MemorySink) => memory.events.map(event => event.userAgent)
const from = (agent: string) => arrival({ rawHeaders: ['User-Agent', agent] })

t.test('in batch, ends that are gathered are recorded together, in order, each as it was when it ended', async (t) => {
  const ends: number[] = []
  const { audit, memory, clock } = start({ gather: 1, onEnded: (_arrival, _facts, _outcome, at) => { ends.push(at) } })
  audit.open(from('first')).finish(complete)
  clock.now += 5
  audit.open(from('second')).finish(complete)
  t.strictSame([memory.lines.length, ends], [0, []])
  await memory.until(2)
  t.strictSame(agents(memory), ['first', 'second'])
  t.strictSame(memory.events.map(event => event.stageTimestamp), ['2026-11-21T10:00:00.000000Z', '2026-11-21T10:00:00.005000Z'])
  t.strictSame(ends, [received, received + 5])
})

t.test('what is gathered is recorded at once when it is many, when somebody asks, and at the end', async (t) => {
  const { audit, memory } = start({ gather: 1e6 })
  for (let i = 0; i < 64; i++) audit.open(arrival()).finish(complete)
  t.equal(memory.lines.length, 64)
  audit.open(arrival()).finish(complete)
  t.equal(memory.lines.length, 64)
  audit.settle()
  t.equal(memory.lines.length, 65)
  audit.open(arrival()).finish(complete)
  await audit.close()
  t.equal(memory.lines.length, 66)
})

t.test('what is given back at the end of a request is given back at once', async (t) => {
  const { audit, memory } = start({ gather: 1e6 })
  const trail = audit.open(arrival())
  let given = 0
  trail.onFinish(() => { given += 1 })
  trail.finish(complete)
  t.strictSame([given, memory.lines.length], [1, 0])
  await audit.close()
  t.equal(given, 1)
})

t.test('copies of bodies are not held for others, and whoever waits for a line does not wait for others either', async (t) => {
  const withBody = start({ gather: 1e6, policy: policyOf([{ level: 'Request' }]) })
  const trail = withBody.audit.open(arrival({ method: 'POST', rawHeaders: ['Content-Type', 'application/json'] }))
  trail.note({ ...facts, resolved: resolved({ attributes: { verb: 'create' } }) })
  trail.bodies()?.request?.(Buffer.from('{"kind":"Pod"}'))
  trail.finish(complete)
  t.strictSame(withBody.memory.events.map(event => event.requestObject), [{ kind: 'Pod' }])
  const blocking = start({ gather: 1e6, mode: 'blocking' })
  blocking.audit.open(arrival()).finish(complete)
  t.equal(blocking.memory.lines.length, 1)
})

t.test('an end that waits for others is recorded with what was known when it ended', async (t) => {
  const { audit, memory } = start({ gather: 1e6 })
  const trail = audit.open(arrival())
  const received = { bytes: 3 }
  trail.note({ resolved: resolved(), received })
  trail.finish({ status: 0, ending: 'caller-left', bytesOut: 0 })
  trail.note({ caller: callerWith(), cluster: 'prod', verdict: allowed })
  received.bytes = 4
  audit.settle()
  const [{ user, annotations } = {}] = memory.events
  t.notMatch(user, { username: 'ci' })
  t.match(annotations, { 'portcullis.dev/bytes-in': '3' })
  t.notOk(annotations?.['authorization.k8s.io/decision'] ?? annotations?.['portcullis.dev/cluster'])
})

t.test('what ended while the audit closes is recorded, though another request never ends', async (t) => {
  const { audit, memory } = start({ gather: 1e6 })
  audit.open(from('endless'))
  const trail = audit.open(from('ended'))
  const closed = audit.close()
  trail.finish(complete)
  await closed
  t.strictSame(agents(memory), ['ended'])
})

t.test('who fails to hear of an end does not keep it from being recorded', async (t) => {
  const { audit, memory } = start()
  const trail = audit.open(arrival())
  trail.onFinish(() => { throw new Error('a listener') })
  t.throws(() => trail.finish(complete), { message: 'a listener' })
  t.equal(memory.lines.length, 1)
})

t.test('a caller that left while it was admitted is not received behind its end', async (t) => {
  for (const mode of ['batch', 'blocking', 'blocking-strict'] as const) {
    const { audit, memory } = start({ mode })
    const trail = audit.open(arrival())
    trail.note(facts)
    trail.finish({ status: 0, ending: 'caller-left', bytesOut: 0 })
    await trail.admit()
    t.equal(memory.events.at(-1)?.stage, 'ResponseComplete', mode)
  }
})

t.test('an audit without a sink is refused: it would record nothing', async (t) => {
  t.throws(() => start({ sinks: [] }))
})

t.test('what the policy leaves out has no event, and its end is heard all the same', async (t) => {
  const ends: unknown[] = []
  const { audit, memory } = start({
    policy: policyOf([{ level: 'None', verbs: ['list'] }]),
    onEnded: (_arrival, known, outcome) => { ends.push([known.cluster, outcome.status]) },
  })
  const trail = audit.open(arrival())
  trail.note(facts)
  trail.started(200)
  trail.finish(complete)
  trail.finish(complete)
  t.strictSame(memory.lines, [])
  t.strictSame(ends, [['prod', 200]])
})

t.test('a new policy is in force for the next request; one that is under way keeps all of its events', async (t) => {
  const { audit, memory } = start()
  const before = audit.open(arrival())
  before.note(facts)
  before.started(200)
  audit.setPolicy(policyOf([{ level: 'None' }]))
  before.finish(complete)
  audit.open(arrival()).finish(complete)
  t.strictSame(memory.events.map(event => event.stage), ['ResponseStarted', 'ResponseComplete'])
})

t.test('what a request held is given back once, also when it ended before it was taken', async (t) => {
  const { audit } = start()
  const trail = audit.open(arrival())
  const heard: [string, number][] = []
  trail.onFinish(({ status }) => heard.push(['early', status]))
  trail.onFinish(({ status }) => heard.push(['second', status]))
  trail.finish(complete)
  trail.finish(complete)
  trail.onFinish(({ status }) => heard.push(['late', status]))
  t.strictSame(heard, [['early', 200], ['second', 200], ['late', 200]])
})

t.test('strict: a request goes up when its first event is written, and not before', async (t) => {
  const { audit, writer } = startHeld('blocking-strict')
  const trail = audit.open(arrival({ receivedAt: received }))
  trail.note(facts)
  let up = false
  const admitted = trail.admit()?.then(() => { up = true })
  const write = await writer.writes.take()
  t.notOk(up)
  const event = JSON.parse(write.text) as AuditEvent
  t.match(event, { stage: 'RequestReceived', user: { username: 'ci' }, requestReceivedTimestamp: event.stageTimestamp })
  t.notOk(event.responseStatus)
  t.strictSame(faultsOfEvent(event), [])
  write.finish()
  await admitted
  t.ok(up)
  trail.finish(complete)
  ;(await writer.writes.take()).finish()
  await audit.close()
})

t.test('strict: a request whose first event cannot be written is refused, and its end is recorded when that is possible again', async (t) => {
  const errors: string[] = []
  const { audit, writer } = startHeld('blocking-strict', { onError: (sink, error) => { errors.push(`${sink}: ${error.message}`) } })
  const trail = audit.open(arrival())
  trail.note(facts)
  const admitted = trail.admit()
  ;(await writer.writes.take()).fail(new Error('ENOSPC'))
  await t.rejects(admitted as Promise<void>, { name: 'ProxyError', code: 'AuditUnavailable', retryAfter: 1, cause: { message: 'ENOSPC' } })
  t.notOk(audit.healthy())
  t.strictSame(errors, ['held: ENOSPC'])
  trail.finish({ ...complete, status: 503 })
  const closed = audit.close()
  const last = await writer.writes.take()
  t.match(last.text, /RequestReceived[^]*\n[^]*ResponseComplete/)
  last.finish()
  await closed
})

t.test('strict: one sink of two that cannot write is enough to refuse', async (t) => {
  const writer = new HeldWriter()
  const memory = new MemorySink()
  const { audit } = start({ mode: 'blocking-strict', sinks: [memory, new LineQueue('held', writer)] })
  const admitted = audit.open(arrival()).admit()
  ;(await writer.writes.take()).fail(new Error('EIO'))
  await t.rejects(admitted as Promise<void>, { code: 'AuditUnavailable' })
  const closed = audit.close()
  ;(await writer.writes.take()).finish()
  await closed
})

t.test('strict: a sink that does not answer refuses, it does not hang', async (t) => {
  const { audit, writer } = startHeld('blocking-strict', { patience: 5 })
  const admitted = audit.open(arrival()).admit()
  const write = await writer.writes.take()
  await t.rejects(admitted as Promise<void>, { code: 'AuditUnavailable' })
  write.finish()
  await audit.close()
})

t.test('strict: what the policy leaves out does not wait', async (t) => {
  const { audit } = startHeld('blocking-strict', { policy: policyOf([{ level: 'None' }]) })
  t.equal(audit.open(arrival()).admit(), undefined)
})

t.test('blocking: a request waits for what was recorded before it, and goes on when that fails', async (t) => {
  const { audit, writer } = startHeld('blocking')
  t.equal(audit.open(arrival()).admit(), undefined, 'nothing is on its way')
  audit.open(arrival()).finish(complete)
  const write = await writer.writes.take()
  let up = false
  const admitted = audit.open(arrival()).admit()?.then(() => { up = true })
  await Promise.resolve()
  t.notOk(up)
  write.fail(new Error('EIO'))
  await admitted
  t.ok(up)
  t.equal(audit.open(arrival()).admit(), undefined)
  const closed = audit.close()
  ;(await writer.writes.take()).finish()
  await closed
})

t.test('batch: nobody waits for a sink that is slow, and close writes what is held', async (t) => {
  const { audit, writer } = startHeld('batch')
  audit.open(arrival()).finish(complete)
  const first = await writer.writes.take()
  const trail = audit.open(arrival())
  t.equal(trail.admit(), undefined)
  trail.finish(complete)
  const closed = audit.close()
  first.finish()
  const rest = await writer.writes.take()
  t.match(rest.text, 'ResponseComplete')
  rest.finish()
  await closed
})

t.test('what is dropped is counted by sink', async (t) => {
  const dropped: [string, number][] = []
  const queue = new LineQueue('small', new HeldWriter(), { maxHeld: 10 })
  const { audit } = start({ sinks: [queue], onDropped: (sink, lines) => { dropped.push([sink, lines]) } })
  audit.open(arrival()).finish(complete)
  t.strictSame(dropped, [['small', 1]])
  await audit.close()
})

t.test('an event that cannot be made is counted as lost, refuses in strict, and ends nothing', async (t) => {
  // What admit would never let through: allowed, with an impersonation that cannot be read.
  const bad = arrival({ rawHeaders: ['Impersonate-Nonsense', 'x'] })
  const dropped: number[] = []
  const errors: unknown[] = []
  const options: Partial<AuditOptions> = { onDropped: (_sink, lines) => { dropped.push(lines) }, onError: (_sink, error) => { errors.push(error.cause) } }
  const { audit, memory } = start(options)
  const trail = audit.open(bad)
  trail.note(facts)
  let given = false
  trail.onFinish(() => { given = true })
  trail.finish(complete)
  t.ok(given)
  t.strictSame(memory.lines, [])
  t.strictSame(dropped, [1])
  t.match(errors, [{ code: 'ImpersonationDenied' }])

  const strict = start({ ...options, mode: 'blocking-strict' }).audit.open(bad)
  strict.note(facts)
  await t.rejects(strict.admit() as Promise<void>, { code: 'AuditUnavailable' })
})

t.test('a thousand requests at once are a thousand whole lines in the file', async (t) => {
  const path = join(t.testdir(), 'audit.log')
  const { audit } = start({ sinks: [createFileSink({ path, maxSize: 1e9, keep: 1, chain: createChain() })] })
  for (let i = 0; i < 1000; i++) {
    const trail = audit.open(arrival({ auditId: `id-${i}` }))
    trail.note(facts)
    trail.finish(complete)
  }
  await audit.close()
  const events = readFileSync(path, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as AuditEvent)
  t.strictSame(events.map(event => event.auditID), Array.from({ length: 1000 }, (_, i) => `id-${i}`))
})

const stagesOf = ({ events }: MemorySink) => events.map(({ stage }) => stage)

t.test('RequestReceived is written where the policy does not omit it: before a request goes up, and of a refused one with its end', async (t) => {
  const { audit, memory } = start({ policy: policyOf([], { omitStages: [] }) })
  const served = audit.open(arrival({ receivedAt: received }))
  served.note(facts)
  void served.admit()
  t.strictSame(stagesOf(memory), ['RequestReceived'])
  t.equal(memory.events[0]?.stageTimestamp, memory.events[0]?.requestReceivedTimestamp, 'as there')
  t.equal(memory.events[0]?.responseStatus, undefined)
  served.started(200)
  served.finish(complete)
  t.strictSame(stagesOf(memory), ['RequestReceived', 'ResponseStarted', 'ResponseComplete'])
  const refused = audit.open(arrival())
  refused.finish({ status: 401, ending: 'complete', bytesOut: 1, refusal: { code: 'MissingKey', message: 'm', reason: 'Unauthorized' } })
  t.strictSame(stagesOf(memory).slice(3), ['RequestReceived', 'ResponseComplete'])
})

t.test('stages are omitted by a rule and by the policy alike', async (t) => {
  const { audit, memory } = start({ policy: policyOf([{ level: 'Metadata', omitStages: ['ResponseStarted'] }], { omitStages: ['ResponseComplete'] }) })
  const trail = audit.open(arrival())
  trail.note(facts)
  void trail.admit()
  trail.started(200)
  trail.finish(complete)
  t.strictSame(stagesOf(memory), ['RequestReceived'])
  t.equal(memory.events[0]?.annotations?.['portcullis.dev/omitted-stages'], 'ResponseComplete', 'nobody waits for its end')
})

t.test('a rule of codes: what has begun in the log ends there, what has not is as the rule says', async (t) => {
  const policy = policyOf([{ level: 'None', codes: ['2xx'] }], { omitStages: [] })
  const { audit, memory } = start({ policy })
  const begun = audit.open(arrival())
  begun.note(facts)
  void begun.admit()
  begun.finish(complete)
  t.strictSame(stagesOf(memory), ['RequestReceived', 'ResponseComplete'])
  audit.setPolicy({ ...policy, omitStages: ['RequestReceived'] })
  for (const status of [200, 404]) {
    const trail = audit.open(arrival())
    trail.note(facts)
    void trail.admit()
    trail.finish({ ...complete, status })
  }
  t.strictSame(memory.events.slice(2).map(({ responseStatus }) => responseStatus?.code), [404])
})

t.test('strict: a request is on record before it goes up, whatever the policy omits and whatever codes it waits for', async (t) => {
  const { audit, memory } = start({ mode: 'blocking-strict', policy: policyOf([{ level: 'None', codes: ['2xx'] }], { otherwise: 'None' }) })
  t.equal(audit.open(arrival()).admit(), undefined, 'which can be None alone')
  audit.setPolicy(policyOf([{ level: 'Metadata', codes: ['5xx'] }, { level: 'None' }]))
  const trail = audit.open(arrival())
  trail.note(facts)
  await trail.admit()
  t.strictSame(memory.events.map(({ stage, level }) => [stage, level]), [['RequestReceived', 'Metadata']])
  trail.finish(complete)
  t.strictSame(stagesOf(memory), ['RequestReceived', 'ResponseComplete'])
})

t.test('a request is judged by the policy of its first event, its objects too, whatever comes into force meanwhile', async (t) => {
  const { audit, memory } = start({ policy: policyOf([{ level: 'Metadata', resources: [{ group: '', resources: ['pods'], resourceNames: ['x'] }], codes: ['2xx'] }, { level: 'RequestResponse' }]) })
  const trail = audit.open(arrival())
  trail.note(facts)
  void trail.admit()
  const copy = trail.bodies()?.response(200, ['Content-Type', 'application/json'])
  audit.setPolicy(policyOf([{ level: 'RequestResponse' }]))
  copy?.(Buffer.from(JSON.stringify({ items: [{ metadata: { name: 'x' }, spec: 1 }, { metadata: { name: 'y' }, spec: 2 }] })))
  trail.finish(complete)
  t.strictSame(memory.events[0]?.responseObject, { items: [{ metadata: { name: 'x' } }, { metadata: { name: 'y' }, spec: 2 }] })
})
