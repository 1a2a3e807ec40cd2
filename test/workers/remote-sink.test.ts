import t from 'tap'
import { createRemoteSink, type RemoteSinkOptions } from '../../src/workers/remote-sink.ts'
import { workerChannel } from '../support/wires.ts'

function start(options: Partial<RemoteSinkOptions> = {}) {
  const primary = workerChannel()
  const sink = createRemoteSink({ channel: primary.channel, wait: 1, ...options })
  const report = { dropped: 0 }
  sink.attach({ dropped: (lines) => { report.dropped += lines }, failed() {} })
  return { primary, sink, report }
}

t.test('lines of one moment go to the primary in one message, in order, and nobody waits for them', async (t) => {
  const { primary, sink } = start()
  for (const line of ['a', 'b', 'c']) sink.write(line)
  t.match(await primary.next('audit'), { now: false, lines: ['a', 'b', 'c'] })
})

t.test('a line that a request waits for takes along what is there, and is written when the primary says so', async (t) => {
  const { primary, sink } = start({ wait: 1e9 })
  sink.write('a')
  let written = 0
  const waiting = [sink.writeNow('b'), sink.writeNow('c')].map(promise => promise.then(() => { written += 1 }))
  const { id, now, lines } = await primary.next('audit')
  t.strictSame([now, lines, written], [true, ['a', 'b', 'c'], 0])
  primary.say({ kind: 'audited', id })
  await Promise.all(waiting)
  t.equal(written, 2)
})

t.test('what the primary could not write rejects, for those that wait for it; nothing is sent twice', async (t) => {
  const { primary, sink, report } = start()
  const written = sink.writeNow('a')
  const { id } = await primary.next('audit')
  primary.say({ kind: 'audited', id, error: 'ENOSPC' })
  await t.rejects(written, { message: 'ENOSPC' })
  sink.write('b')
  t.strictSame((await primary.next('audit')).lines, ['b'])
  t.equal(report.dropped, 0)
})

t.test('what the primary has not confirmed counts as held: beyond the bound lines are dropped, counted, and refused to those that wait', async (t) => {
  const { primary, sink, report } = start({ maxHeld: 10 })
  sink.write('12345')
  const { id } = await primary.next('audit')
  sink.write('67890')
  t.equal(report.dropped, 1)
  await t.rejects(sink.writeNow('67890'), { message: 'too many lines wait for the primary' })
  t.equal(report.dropped, 2)
  primary.say({ kind: 'audited', id })
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  sink.write('67890')
  t.strictSame((await primary.next('audit')).lines, ['67890'])
  t.equal(report.dropped, 2)
})

t.test('a batch that is large enough does not wait for more', async (t) => {
  const { primary, sink } = start({ wait: 1e9, maxBatch: 4 })
  sink.write('abc')
  t.strictSame((await primary.next('audit')).lines, ['abc'])
})

t.test('a primary that does not answer makes the sink unwell, and nobody is kept waiting for it', async (t) => {
  let now = 0
  const { primary, sink } = start({ now: () => now, patience: 50 })
  const first = sink.writeNow('a')
  const { id } = await primary.next('audit')
  t.ok(sink.healthy())
  now = 50
  t.notOk(sink.healthy())
  await t.rejects(sink.writeNow('b'), { message: 'the primary does not answer' })
  primary.say({ kind: 'audited', id })
  await first
  t.ok(sink.healthy())
})

t.test('when the primary is gone what it has not confirmed is lost, counted, and refused', async (t) => {
  const { primary, sink, report } = start({ wait: 1e9 })
  sink.write('a')
  const waiting = sink.writeNow('b')
  await primary.next('audit')
  sink.write('c')
  primary.cut()
  await t.rejects(waiting, { message: 'the primary is gone' })
  t.equal(report.dropped, 3)
  t.notOk(sink.healthy())
  await t.rejects(sink.writeNow('d'), { message: 'the primary is gone' })
  t.equal(report.dropped, 4)
  await sink.close()
  t.equal(report.dropped, 4)
})

t.test('close sends what is held and resolves when the primary has it', async (t) => {
  const { primary, sink, report } = start({ wait: 1e9 })
  sink.write('a')
  let closed = false
  const closing = sink.close().then(() => { closed = true })
  const { id, lines } = await primary.next('audit')
  t.strictSame([lines, closed], [['a'], false])
  primary.say({ kind: 'audited', id })
  await closing
  t.equal(report.dropped, 0)
  sink.write('b')
  t.equal(report.dropped, 1)
})

t.test('close waits for no primary that does not answer; what that was sent is its to write or to count, and is not counted twice', async (t) => {
  const { primary, sink, report } = start({ patience: 1 })
  sink.write('a')
  await sink.close()
  t.strictSame((await primary.next('audit')).lines, ['a'])
  t.equal(report.dropped, 0)
})
