// A request goes up a moment after it was admitted, together with others: what became of it in between.
import t from 'tap'
import type { Dispatcher } from 'undici'
import type { Clusters } from '../../src/clusters/cluster.ts'
import { createForward } from '../../src/forward/forward.ts'
import type { Reply } from '../../src/model/exchange.ts'
import type { Outcome } from '../../src/model/trail.ts'
import type { OpenStream, Streams } from '../../src/streams/streams.ts'
import { admitted, resolved, trailOf } from '../support/builders.ts'
import { credentialOf } from '../support/cluster-builders.ts'

class HandReply implements Reply {
  started = false
  closed = false
  readonly #listeners: ((outcome: Outcome) => void)[] = []
  head(): void {}
  write(): boolean { return true }
  end(): void {}
  endCopy(): void {}
  cut(): void {}
  onDrain(): void {}
  onClose(listener: (outcome: Outcome) => void): void { this.#listeners.push(listener) }
  leave(): void {
    this.closed = true
    for (const listener of this.#listeners) listener({ status: 0, ending: 'caller-left', bytesOut: 0 })
  }
}

/** Forwards a request up to where it waits for its moment. `send`: what the cluster's connections do. */
function forwarded({ longRunning = false, send = () => {} }: { longRunning?: boolean, send?: (handler: Dispatcher.DispatchHandler) => void } = {}) {
  let sent = 0
  const streams: OpenStream[] = []
  const sender = { send: (_call: unknown, handler: Dispatcher.DispatchHandler) => {
    sent += 1
    send(handler)
  } }
  const credential = credentialOf('t')
  const cluster = { origin: 'https://a', basePath: '', credential, timeouts: { response: 1000, connect: 1000 }, long: sender, short: sender }
  const forward = createForward({
    clusters: { find: () => cluster } as unknown as Clusters, maxRequestBody: () => 1e6,
    streams: { add: (stream: OpenStream) => {
      streams.push(stream)
      return () => {}
    } } as Partial<Streams> as Streams,
  })
  const reply = new HandReply()
  const request = admitted({ resolved: resolved({ longRunning }) })
  const done = forward(request, { arrival: request.arrival, body: undefined, invite() {}, reply, trail: trailOf() })
  return { done, reply, streams, credential, sent: () => sent }
}

t.test('in its moment it goes up, once', async (t) => {
  const { done, reply, sent } = forwarded()
  t.equal(sent(), 0)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(sent(), 1)
  reply.leave()
  await done
})

t.test('of a caller that left in between nothing goes up, and no connection is made', async (t) => {
  const { done, reply, sent } = forwarded()
  reply.leave()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(sent(), 0)
  await done
})

t.test('what was answered otherwise in between does not go up either', async (t) => {
  for (const state of ['started', 'closed'] as const) {
    const { done, reply, sent } = forwarded()
    reply[state] = true
    await new Promise(resolve => setImmediate(resolve))
    t.equal(sent(), 0, state)
    reply.leave()
    await done
  }
})

t.test('nor does a stream whose key was revoked in between', async (t) => {
  const { done, streams: [stream], sent } = forwarded({ longRunning: true })
  stream?.end('revoked')
  await t.rejects(done, { code: 'RevokedKey' })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(sent(), 0)
})

t.test('one that cannot be sent takes none of those along that go up with it', async (t) => {
  const broken = forwarded({ send: () => { throw new Error('no way to send it') } })
  const whole = forwarded()
  await t.rejects(broken.done)
  t.strictSame([broken.sent(), whole.sent()], [1, 1])
  whole.reply.leave()
  await whole.done
})

t.test('a stream whose key was revoked while our credential was renewed does not go up with the new one', async (t) => {
  const controller = { abort() {} } as unknown as Dispatcher.DispatchController
  const { done, streams: [stream], credential, sent } = forwarded({
    longRunning: true,
    send: (handler) => {
      handler.onRequestStart?.(controller, {})
      handler.onResponseStart?.(controller, 401, {}, '')
    },
  })
  credential.renew = async () => {
    stream?.end('revoked')
    return true
  }
  await t.rejects(done, { code: 'RevokedKey' })
  t.equal(sent(), 1)
})
