import { Readable } from 'node:stream'
import t from 'tap'
import { readEvents, type WatchEvent } from '../../src/clusters/watch-events.ts'

async function eventsOf(...pieces: (string | Buffer)[]): Promise<WatchEvent[]> {
  const events: WatchEvent[] = []
  for await (const event of readEvents(Readable.from(pieces.map((piece) => Buffer.from(piece))))) events.push(event)
  return events
}

const added = '{"type":"ADDED","object":{"metadata":{"name":"é","resourceVersion":"9"}}}\n'

t.test('events are lines, however they are cut, also within a character', async (t) => {
  const expected = { type: 'ADDED', version: '9', code: 0 }
  t.strictSame(await eventsOf(added + added), [expected, expected])
  const bytes = Buffer.from(added)
  const middle = bytes.indexOf('é') + 1
  t.strictSame(await eventsOf(bytes.subarray(0, middle), bytes.subarray(middle), '\n'), [expected])
  t.strictSame(await eventsOf('{"type":"ERROR","object":{"code":410}}\n{"type":"BOOKMARK"}\n'), [
    { type: 'ERROR', version: undefined, code: 410 }, { type: 'BOOKMARK', version: undefined, code: 0 },
  ])
  t.strictSame(await eventsOf(added.trimEnd()), [], 'a line without its end is none')
})

t.test('a code that is no number is none: it would be repeated', async (t) => {
  t.match(await eventsOf('{"type":"ERROR","object":{"code":"s3cr3t"}}\n'), [{ type: 'ERROR', code: 0 }])
})

t.test('a line that is no event, or never ends, throws', async (t) => {
  await t.rejects(eventsOf('s3cr3t-opaque-value\n'), { message: 'what the API server sent is no JSON' }, 'nothing of it is repeated')
  await t.rejects(eventsOf(...Array.from({ length: 5 }, () => 'x'.repeat(1 << 20))), /too long/)
})
