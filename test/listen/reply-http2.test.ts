import { EventEmitter, once } from 'node:events'
import type { ServerHttp2Stream } from 'node:http2'
import t from 'tap'
import { Http2Reply } from '../../src/listen/reply-http2.ts'
import type { Outcome } from '../../src/model/trail.ts'

/** A stream that has told already how its caller left. */
function left(how: 'destroyed' | 'aborted' | 'closed') {
  const stream = Object.assign(new EventEmitter(), {
    destroyed: false, aborted: false, closed: false, rstCode: 8, destroy() { stream.emit('close') }, [how]: true,
  })
  return stream as unknown as ServerHttp2Stream
}

for (const how of ['destroyed', 'aborted', 'closed'] as const) {
  t.test(`of a caller whose stream was ${how} before its turn the record is closed as well`, async (t) => {
    const outcomes = new EventEmitter()
    new Http2Reply(left(how), 1000, false).onClose(outcome => outcomes.emit('outcome', outcome))
    const [outcome] = await once(outcomes, 'outcome', { signal: AbortSignal.timeout(5_000) }) as [Outcome]
    t.strictSame(outcome, { status: 0, ending: 'caller-left', bytesOut: 0 })
  })
}
