import t from 'tap'
import { toEvent, toLine } from '../../src/audit/event.ts'
import { Unfinished } from '../../src/audit/unfinished.ts'
import { arrival } from '../support/builders.ts'

t.test('the last line of a request whose worker died has the order of the API server\'s log, and prints harmlessly still', async (t) => {
  const event = toEvent({ arrival: arrival({ rawHeaders: ['User-Agent', '\u00c2\u009b31m'] }), facts: {}, stage: 'RequestReceived', level: 'Metadata', at: 0, stream: false }, [])
  const unfinished = new Unfinished()
  unfinished.note(toLine(event, []))
  const [line = ''] = unfinished.end(1000)
  const { requestReceivedTimestamp: _, stageTimestamp: __, annotations: ___, ...before } = JSON.parse(toLine(event, [])) as typeof event
  t.strictSame(Object.keys(JSON.parse(line) as object), [...Object.keys(before), 'responseStatus', 'requestReceivedTimestamp', 'stageTimestamp', 'annotations'])
  t.match(line, '"userAgent":"\\u009b31m"')
  t.strictSame(unfinished.end(1000), [])
})

t.test('a request whose end the policy omits is not waited for, whatever a body says', async (t) => {
  const unfinished = new Unfinished()
  const moment = { arrival: arrival(), facts: {}, stage: 'RequestReceived' as const, level: 'Request' as const, at: 0, stream: false }
  unfinished.note(toLine(toEvent({ ...moment, omittedEnds: ['Panic'] }, []), []))
  t.strictSame(unfinished.end(0), [])
  const bodies = { request: { annotations: { 'portcullis.dev/omitted-stages': 'ResponseComplete' } }, omitted: {}, truncated: false }
  unfinished.note(toLine(toEvent({ ...moment, bodies }, []), []))
  t.equal(unfinished.end(0).length, 1)
})
