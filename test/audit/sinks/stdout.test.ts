import { Writable } from 'node:stream'
import t from 'tap'
import { createStdoutSink } from '../../../src/audit/sinks/stdout.ts'

t.test('lines go to the stream, which stays open', async (t) => {
  const chunks: string[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString())
      done()
    },
  })
  const sink = createStdoutSink({ stream, wait: 1 })
  sink.write('a')
  sink.write('b')
  await sink.writeNow('c')
  await sink.close()
  t.equal(chunks.join(''), 'a\nb\nc\n')
  t.notOk(stream.destroyed)
  t.equal(stream.listenerCount('error'), 0)
})

t.test('a reader that went away is an unwell sink, not the end of the process', async (t) => {
  const broken = new Writable({
    autoDestroy: false,
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    },
  })
  const sink = createStdoutSink({ stream: broken, wait: 1, backOff: { first: 1e6, last: 1e6 } })
  const errors: Error[] = []
  sink.attach({ dropped() {}, failed: (error) => { errors.push(error) } })
  await t.rejects(sink.writeNow('a'), { code: 'EPIPE' })
  t.notOk(sink.healthy())
  t.match(errors, [{ code: 'EPIPE' }])
  await sink.close()
})
