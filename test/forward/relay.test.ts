import { EventEmitter } from 'node:events'
import t from 'tap'
import { Relay } from '../../src/forward/relay.ts'
import type { Reply } from '../../src/model/exchange.ts'

/** A caller that takes nothing until it is told to drain. */
class FullReply extends EventEmitter implements Reply {
  started = false
  closed = false
  cuts: string[] = []
  head(): void { this.started = true }
  write(): boolean { return false }
  end(): void { this.closed = true }
  endCopy(): void { this.closed = true }
  cut(why: string): void {
    this.closed = true
    this.cuts.push(why)
    this.emit('cut')
  }

  onDrain(listener: () => void): void { this.once('drain', listener) }
  onClose(): void {}
}

function controllerOf() {
  const aborted: Error[] = []
  const controller = { rawHeaders: [], rawTrailers: [], aborted: false, paused: false, reason: null, pause() {}, resume() {}, abort: (error: Error) => { aborted.push(error) } }
  return { controller: controller as Parameters<Relay['onRequestStart']>[0], aborted }
}

const relayOf = (reply: Reply, patience?: number) => new Relay({ reply, flush: false, headers: (upstream) => upstream, reason: (upstream) => upstream, patience })

t.test('a request that no connection becomes free for is given up, and may be tried again', async (t) => {
  const relay = relayOf(new FullReply(), 10)
  relay.waitForConnection()
  const end = await relay.ended
  t.match(end, { kind: 'failed', error: { code: 'UpstreamUnreachable', retryAfter: 1 } })
})

t.test('a request that was given up while it waited is not sent when its turn comes', async (t) => {
  const relay = relayOf(new FullReply())
  const left = new Error('the caller left')
  relay.abort(left)
  t.strictSame(await relay.ended, { kind: 'failed', error: left })
  const { controller, aborted } = controllerOf()
  relay.onRequestStart(controller)
  t.strictSame(aborted, [left])
})

t.test('a caller that takes nothing of a short answer is cut off', async (t) => {
  const reply = new FullReply()
  const relay = relayOf(reply, 10)
  const { controller } = controllerOf()
  relay.onRequestStart(controller)
  relay.onResponseStart(controller, 200, {})
  const cut = new Promise((resolve) => reply.once('cut', resolve))
  // What was read already comes though upstream is paused.
  relay.onResponseData(controller, Buffer.alloc(1))
  relay.onResponseData(controller, Buffer.alloc(1))
  await cut
  t.strictSame(reply.cuts, ['caller-left'])
})

t.test('one that takes it in time is not, nor is one that reads a stream', async (t) => {
  for (const patience of [20, undefined]) {
    const reply = new FullReply()
    const relay = relayOf(reply, patience)
    const { controller } = controllerOf()
    relay.onRequestStart(controller)
    relay.onResponseStart(controller, 200, {})
    relay.onResponseData(controller, Buffer.alloc(1))
    relay.onResponseData(controller, Buffer.alloc(1))
    if (patience !== undefined) reply.emit('drain')
    // A timer set later than the one that must not fire.
    await new Promise((resolve) => { setTimeout(resolve, 40) })
    t.strictSame(reply.cuts, [])
    relay.onResponseEnd()
    t.strictSame(await relay.ended, { kind: 'answered' })
  }
})

t.test('the lines of a head are let go once it was passed on: an idle watch keeps none', async (t) => {
  const relay = relayOf(new FullReply())
  const { controller } = controllerOf()
  relay.onRequestStart(controller)
  relay.onResponseStart(controller, 200, {})
  t.equal(controller.rawHeaders, null)
})

t.test('an answer that ends with its head for whoever sent it is cut where it breaks off, and is never told twice', async (t) => {
  const reply = new FullReply()
  const relay = new Relay({ reply, flush: true, endsWithHead: true, headers: (upstream) => upstream, reason: (upstream) => upstream })
  const { controller } = controllerOf()
  relay.onRequestStart(controller)
  relay.onResponseStart(controller, 200, {})
  t.strictSame(await relay.ended, { kind: 'answered' }, 'told while the answer goes on')
  t.notOk(relay.over, 'there is still something to call off')
  relay.onResponseError(controller, new Error('reset'))
  t.strictSame(reply.cuts, ['upstream-failed'])
  t.ok(relay.over)
})

t.test('without a head such an answer has failed, and nothing is cut', async (t) => {
  const reply = new FullReply()
  const relay = new Relay({ reply, flush: true, endsWithHead: true, headers: (upstream) => upstream, reason: (upstream) => upstream })
  const { controller } = controllerOf()
  relay.onRequestStart(controller)
  const error = new Error('reset')
  relay.onResponseError(controller, error)
  t.strictSame(await relay.ended, { kind: 'failed', error })
  t.strictSame(reply.cuts, [])
})
