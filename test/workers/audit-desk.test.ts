import t from 'tap'
import { toEvent, toLine, type Moment } from '../../src/audit/event.ts'
import { LineQueue } from '../../src/audit/sinks/line-queue.ts'
import { createAuditDesk } from '../../src/workers/audit-desk.ts'
import { arrival } from '../support/builders.ts'
import { HeldWriter } from '../support/held-writer.ts'

const line = (auditId: string, stage: Moment['stage']) => toLine(toEvent({ arrival: arrival({ auditId }), facts: {}, stage, level: 'Metadata', at: 0, stream: true }, []), [])

function start(sinks = 1) {
  const writers = Array.from({ length: sinks }, () => new HeldWriter())
  const dropped: string[] = []
  const desk = createAuditDesk({
    sinks: writers.map((writer, index) => new LineQueue(`sink-${index}`, writer, { wait: 1 })),
    now: () => Date.UTC(2026, 10, 28), onDropped: (sink, lines) => dropped.push(`${sink}: ${lines}`), onError() {},
  })
  return { desk, writers, dropped }
}

t.test('every line goes to every sink; who waits for it hears when the last has it', async (t) => {
  const { desk, writers: [one, other] } = start(2)
  let written = false
  const taken = desk.take(1, { now: true, lines: ['a', 'b'] })?.then(() => { written = true })
  const first = await one!.writes.take()
  first.finish()
  ;(await one!.writes.take()).finish()
  const last = await other!.writes.take()
  t.equal(first.text + last.text, 'a\na\n')
  last.finish()
  const rest = await other!.writes.take()
  t.equal(written, false)
  rest.finish()
  await taken
  t.ok(written)
})

t.test('lines that nobody waits for are kept at once, and a sink that fails is tried again', async (t) => {
  const { desk, writers: [writer] } = start()
  t.equal(desk.take(1, { now: false, lines: ['a'] }), undefined)
  ;(await writer!.writes.take()).fail(new Error('ENOSPC'))
  const again = await writer!.writes.take()
  t.equal(again.text, 'a\n')
  t.notOk(desk.healthy())
  again.finish()
  await desk.close()
})

t.test('of a worker that died every request that has begun in the log ends there, once; of others none', async (t) => {
  const { desk, writers: [writer] } = start()
  void desk.take(1, { now: false, lines: [line('open', 'RequestReceived'), line('done', 'ResponseStarted'), line('open', 'ResponseStarted'), line('done', 'ResponseComplete')] })
  void desk.take(2, { now: false, lines: [line('other', 'ResponseStarted')] })
  ;(await writer!.writes.take()).finish()
  desk.died(1)
  const end = await writer!.writes.take()
  t.equal(end.text.split('\n').length, 2, 'one line')
  t.match(JSON.parse(end.text), {
    auditID: 'open', stage: 'Panic', stageTimestamp: '2026-11-28T00:00:00.000000Z', requestURI: '/api/v1/namespaces/a/pods',
    responseStatus: { status: 'Failure', reason: 'InternalError', code: 500, message: 'the worker that served it died' },
  })
  end.finish()
  desk.died(1)
  await desk.close()
  t.equal(writer!.writes.size, 0)
})

t.test('what a sink gives up is told by its name', async (t) => {
  const { desk, dropped } = start()
  await desk.close()
  void desk.take(1, { now: false, lines: ['a', 'b'] })
  t.strictSame(dropped, ['sink-0: 1', 'sink-0: 1'])
})
