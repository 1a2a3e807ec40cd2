import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { Http1Reply } from '../../src/listen/reply-http1.ts'
import type { Outcome } from '../../src/model/trail.ts'

t.test('of a caller that left before its turn the record is closed as well, and nothing goes up', async (t) => {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  response.destroy()
  const reply = new Http1Reply(request, response, { bodyless: true, closing: () => false, patience: 1000, waits: false })
  t.equal(reply.closed, true)
  const outcome = await new Promise<Outcome>(resolve => reply.onClose(resolve))
  t.strictSame(outcome, { status: 0, ending: 'caller-left', bytesOut: 0 })
})
