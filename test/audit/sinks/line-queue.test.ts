import t from 'tap'
import { LineQueue } from '../../../src/audit/sinks/line-queue.ts'
import { IncompleteWrite, NotBefore, Undeliverable } from '../../../src/audit/sinks/line-writer.ts'
import type { LineQueueOptions } from '../../../src/audit/sinks/line-queue.ts'
import { HeldWriter } from '../../support/held-writer.ts'

function start(options: LineQueueOptions = {}) {
  const writer = new HeldWriter()
  const queue = new LineQueue('test', writer, { wait: 1, backOff: { first: 1, last: 4 }, ...options })
  const report = { dropped: 0, errors: [] as Error[], recovered: 0 }
  queue.attach({ dropped: (lines) => { report.dropped += lines }, failed: (error) => { report.errors.push(error) }, recovered: () => { report.recovered += 1 } })
  return { writer, queue, report }
}

t.test('lines of one moment go out in one write, in order', async (t) => {
  const { writer, queue } = start()
  for (const line of ['a', 'b', 'c']) queue.write(line)
  const write = await writer.writes.take()
  t.equal(write.text, 'a\nb\nc\n')
  write.finish()
  await queue.close()
})

t.test('there is one write at a time, and what comes meanwhile follows it', async (t) => {
  const { writer, queue } = start()
  queue.write('a')
  const first = await writer.writes.take()
  queue.write('b')
  void queue.writeNow('c')
  t.equal(writer.writes.size, 0)
  first.finish()
  const second = await writer.writes.take()
  t.equal(second.text, 'b\nc\n')
  second.finish()
  await queue.close()
  t.ok(writer.closed)
})

t.test('a line written now does not wait for others and resolves when it is out', async (t) => {
  const { writer, queue } = start({ wait: 1e9 })
  let out = false
  const written = queue.writeNow('a').then(() => { out = true })
  const write = await writer.writes.take()
  t.notOk(out)
  write.finish()
  await written
  await queue.close()
})

t.test('a full batch does not wait', async (t) => {
  const { writer, queue } = start({ wait: 1e9, maxBatch: 10 })
  for (let i = 0; i < 5; i++) queue.write('abc')
  const write = await writer.writes.take()
  t.equal(write.text, 'abc\nabc\n', 'and no write is larger than a batch')
  const closed = queue.close()
  write.finish()
  for (let i = 0; i < 2; i++) (await writer.writes.take()).finish()
  await closed
})

t.test('a failed write is repeated with all its lines, and the sink is unwell meanwhile', async (t) => {
  const { writer, queue, report } = start()
  queue.write('a')
  const write = await writer.writes.take()
  t.ok(queue.healthy())
  write.fail(new Error('ENOSPC'))
  const again = await writer.writes.take()
  t.notOk(queue.healthy())
  t.equal(again.text, 'a\n')
  again.fail(new Error('ENOSPC'))
  const last = await writer.writes.take()
  last.finish()
  await queue.close()
  t.ok(queue.healthy())
  t.strictSame(report.errors.map(error => error.message), ['ENOSPC', 'ENOSPC'])
  t.equal(report.dropped, 0)
})

t.test('a write that failed half-way repeats no line that is out', async (t) => {
  const { writer, queue, report } = start()
  for (const line of ['aaa', 'bbb', 'ccc']) queue.write(line)
  const half = await writer.writes.take()
  half.fail(new IncompleteWrite(6, { cause: new Error('ENOSPC') }))
  const rest = await writer.writes.take()
  t.equal(rest.text, 'bbb\nccc\n')
  rest.finish()
  await queue.close()
  t.equal(report.recovered, 1, 'and that it works again is told, once')
})

t.test('what is being written stays as it is until that has settled, whatever other sinks write meanwhile', async (t) => {
  const writes: { readonly chunk: Buffer, readonly finish: () => void, readonly fail: (error: Error) => void }[] = []
  const slow = new LineQueue('slow', {
    write: chunk => new Promise((resolve, reject) => { writes.push({ chunk, finish: resolve, fail: reject }) }), close: () => Promise.resolve(),
  }, { wait: 1, backOff: { first: 1, last: 1 } })
  const { writer, queue: other } = start()
  const next = async (count: number) => {
    while (writes.length < count) await new Promise(resolve => setImmediate(resolve))
    return writes[count - 1]!
  }
  for (const line of ['größe', '\ud800', 'c']) slow.write(line)
  const first = await next(1)
  for (const line of ['x', 'y'.repeat(200)]) {
    other.write(line)
    slow.write('later')
    const write = await writer.writes.take()
    t.equal(write.text, `${line}\n`)
    t.equal(first.chunk.toString(), 'größe\n\ufffd\nc\n')
    write.finish()
  }
  first.fail(new IncompleteWrite(Buffer.byteLength('größe\n') + 2, { cause: new Error('full') }))
  const second = await next(2)
  t.equal(second.chunk.toString(), '\ufffd\nc\nlater\nlater\n')
  second.finish()
  await Promise.all([slow.close(), other.close()])
})

t.test('whoever waits for a line hears at once that it is not written; the line stays', async (t) => {
  const { writer, queue, report } = start({ backOff: { first: 1e6, last: 1e6 } })
  const written = queue.writeNow('a')
  ;(await writer.writes.take()).fail(new Error('EIO'))
  await t.rejects(written, { message: 'EIO' })

  await t.rejects(queue.writeNow('b'), { message: 'the sink is failing' })
  t.equal(writer.writes.size, 0, 'the next request is no next attempt')

  const closed = queue.close()
  const write = await writer.writes.take()
  t.equal(write.text, 'a\nb\n')
  write.finish()
  await closed
  t.equal(report.dropped, 0)
})

t.test('what does not fit is dropped and counted, not held', async (t) => {
  const { writer, queue, report } = start({ maxHeld: 10 })
  queue.write('1234')
  const write = await writer.writes.take()
  queue.write('1234')
  queue.write('1234')
  await t.rejects(queue.writeNow('1234'), { message: 'the sink holds too many lines' })
  t.equal(report.dropped, 2)
  write.finish()
  ;(await writer.writes.take()).finish()
  await queue.close()
  t.equal(report.dropped, 2)
})

t.test('room is there again when lines are out', async (t) => {
  const { writer, queue, report } = start({ maxHeld: 10 })
  for (let i = 0; i < 5; i++) {
    const written = queue.writeNow('123456789')
    ;(await writer.writes.take()).finish()
    await written
  }
  t.equal(report.dropped, 0)
  await queue.close()
})

t.test('a write that does not return makes the sink unwell and does not hold up the end', async (t) => {
  let now = 0
  const { writer, queue, report } = start({ patience: 50, now: () => now })
  const written = queue.writeNow('a')
  await writer.writes.take()
  queue.write('b')
  t.ok(queue.healthy())
  now = 50
  t.notOk(queue.healthy())
  await t.rejects(queue.writeNow('c'))
  const rejected = t.rejects(written, { message: 'the sink is closed' })
  await queue.close()
  await rejected
  t.equal(report.dropped, 3)
  t.notOk(writer.closed)
})

t.test('close writes what is held, once, and says what it could not', async (t) => {
  const { writer, queue, report } = start({ wait: 1e9 })
  queue.write('a')
  queue.write('b')
  const closed = queue.close()
  ;(await writer.writes.take()).fail(new Error('EIO'))
  await closed
  t.equal(report.dropped, 2)
  t.ok(writer.closed)
  await queue.close()
  queue.write('c')
  await t.rejects(queue.writeNow('d'))
  t.equal(report.dropped, 4)
})

t.test('lines are counted as well as characters, in a batch and in all', async (t) => {
  const { writer, queue, report } = start({ wait: 1e9, maxBatchLines: 2, maxHeldLines: 4 })
  for (const line of ['a', 'b', 'c', 'd', 'e', 'f']) queue.write(line)
  t.equal(report.dropped, 2)
  const full = await writer.writes.take()
  t.equal(full.text, 'a\nb\n', 'which does not wait')
  full.finish()
  const next = await writer.writes.take()
  t.equal(next.text, 'c\nd\n')
  queue.write('g')
  next.finish()
  const closed = queue.close()
  const last = await writer.writes.take()
  t.equal(last.text, 'g\n')
  last.finish()
  await closed
  t.equal(report.dropped, 2)
})

t.test('what the writer gives up is dropped and counted, and what is behind it is tried', async (t) => {
  const { writer, queue, report } = start()
  for (const line of ['aaa', 'bbb', 'ccc', 'ddd']) queue.write(line)
  const refused = await writer.writes.take()
  refused.fail(new IncompleteWrite(4, { cause: new Undeliverable(2, 'too large') }))
  const rest = await writer.writes.take()
  t.equal(rest.text, 'ddd\n')
  t.notOk(queue.healthy(), 'until it has taken something')
  t.equal(report.dropped, 2)
  t.match(report.errors, [{ cause: { message: 'too large' } }])
  rest.finish()
  await queue.close()
  t.ok(queue.healthy())
  t.equal(report.dropped, 2)
})

t.test('whoever waits for a line that is given up hears so', async (t) => {
  const { writer, queue, report } = start()
  const written = queue.writeNow('a')
  ;(await writer.writes.take()).fail(new Undeliverable(1, 'too large'))
  await t.rejects(written, { message: 'too large' })
  await queue.close()
  t.equal(report.dropped, 1)
  t.equal(writer.writes.size, 0)
})

t.test('a line that is given up makes nobody else wait, nor the queue count as failing', async (t) => {
  const { writer, queue, report } = start({ wait: 1e6, backOff: { first: 1e6, last: 1e6 } })
  const [first, second, third] = [queue.writeNow('a'), queue.writeNow('b'), queue.writeNow('c')]
  const refused = t.rejects(second, { message: 'not this one' })
  ;(await writer.writes.take()).finish()
  await first
  ;(await writer.writes.take()).fail(new Undeliverable(1, 'not this one', { faultOfLines: true }))
  const rest = await writer.writes.take()
  t.equal(rest.text, 'c\n')
  t.ok(queue.healthy())
  rest.finish()
  await refused
  await third
  t.match(report, { dropped: 1, errors: [{ message: 'not this one' }] })
  await queue.close()
})

t.test('a writer may ask for a longer pause than that of the queue', async (t) => {
  const { writer, queue } = start()
  queue.write('a')
  const first = await writer.writes.take()
  const at = performance.now()
  first.fail(new NotBefore(100, 'busy'))
  const again = await writer.writes.take()
  t.ok(performance.now() - at >= 95)
  again.finish()
  await queue.close()
})
