import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { protocolEnds } from '../../src/tunnel/ends.ts'
import { splice, type Patience, type SpliceOptions } from '../../src/tunnel/splice.ts'
import type { Ended } from '../../src/tunnel/relay.ts'
import { startHeldUp } from '../support/held-up.ts'
import { Queue } from '../support/queue.ts'
import type { Scope } from '../support/scope.ts'

/** Both ends of a TCP connection, each of which may end its side alone. */
async function pair(t: Scope): Promise<[Socket, Socket]> {
  const server = net.createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = net.connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true })
  const [far] = await accepted
  server.close()
  for (const socket of [near, far]) {
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
  }
  return [near, far]
}

interface Rig {
  /** The caller's own end of its connection. */
  readonly caller: Socket
  /** The API server's own end of its. */
  readonly upstream: Socket
  readonly upstreamSide: Socket
  readonly callerSide: Socket
  readonly stop: AbortController
  readonly ended: Promise<Ended>
}

async function rig(t: Scope, options: Partial<SpliceOptions> & { patience?: Patience } = {}): Promise<Rig> {
  const [caller, callerSide] = await pair(t)
  const [upstream, upstreamSide] = await pair(t)
  const stop = new AbortController()
  const ended = splice({
    caller: callerSide, upstream: upstreamSide, protocolEnd: protocolEnds.websocket, signal: stop.signal, ...options,
  })
  return { caller, upstream, callerSide, upstreamSide, stop, ended }
}

/** To the end of its side. Unlike `for await`, this leaves the other side open. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.resume()
  if (!socket.readableEnded) await Promise.race([once(socket, 'end'), new Promise(resolve => socket.once('close', resolve))])
  return Buffer.concat(chunks)
}

async function readExactly(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let left = length
  while (left > 0) {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) await once(socket, 'readable')
    else {
      chunks.push(chunk)
      left -= chunk.length
    }
  }
  return Buffer.concat(chunks)
}

const turn = () => new Promise(resolve => setImmediate(resolve))
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const frame = (size: number) => {
  const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(size, 6)
  return Buffer.concat([head, randomBytes(size)])
}

t.test('bytes pass both ways unchanged, however they are cut into chunks', async (t) => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }).map(bytes => Buffer.from(bytes)), { maxLength: 25 })
  await fc.assert(fc.asyncProperty(chunks, chunks, async (up, down) => {
    const { caller, upstream, ended } = await rig(t)
    const received = Promise.all([readAll(upstream), readAll(caller)])
    for (let i = 0; i < Math.max(up.length, down.length); i += 1) {
      if (up[i] !== undefined) caller.write(up[i] ?? '')
      if (down[i] !== undefined) upstream.write(down[i] ?? '')
      if (i % 3 === 0) await turn()
    }
    upstream.end()
    caller.end()
    const [atUpstream, atCaller] = await received
    const { bytesOut } = await ended
    return atUpstream.equals(Buffer.concat(up)) && atCaller.equals(Buffer.concat(down)) && bytesOut === atCaller.length
  }), { numRuns: 30 })
})

t.test('64 MiB pass each way at once, and arrive as they were', async (t) => {
  const { caller, upstream, ended } = await rig(t)
  const bytes = randomBytes(64 << 20)
  const received = Promise.all([readAll(caller), readAll(upstream)])
  caller.end(bytes)
  upstream.end(bytes)
  for (const all of await received) t.equal(sha256(all), sha256(bytes))
  t.equal((await ended).bytesOut, bytes.length)
})

for (const reader of ['caller', 'upstream'] as const) {
  t.test(`a ${reader} that stops reading stops the other side, and nothing piles up here`, async (t) => {
    const ends = await rig(t)
    const [writer, source, sink] = reader === 'caller'
      ? [ends.upstream, ends.upstreamSide, ends.callerSide]
      : [ends.caller, ends.callerSide, ends.upstreamSide]
    const bytes = Buffer.alloc(64 << 20, 'x')
    writer.end(bytes)
    while (!source.isPaused()) await turn()
    t.ok(sink.writableLength < 1 << 20, `${sink.writableLength} bytes are held`)
    t.ok(writer.writableLength > 0, 'the rest is still with who sent it')
    t.equal((await readAll(ends[reader])).length, bytes.length)
    ends[reader].end()
    t.equal((await ends.ended).ending, reader === 'caller' ? 'complete' : 'caller-left')
  })
}

t.test('an API server that breaks while a caller is held back is noticed by that caller', async (t) => {
  const { caller, upstream, callerSide, ended } = await rig(t, { patience: { boundary: 1, farewell: 1, linger: 60_000 } })
  upstream.pause()
  caller.on('error', () => {})
  caller.write(Buffer.alloc(32 << 20))
  while (!callerSide.isPaused()) await turn()
  upstream.resetAndDestroy()
  await readAll(caller)
  caller.end()
  t.equal((await ended).ending, 'upstream-failed')
})

t.test('at the end of an exec the server closes first, and a slow caller still gets the last frame', async (t) => {
  const { caller, upstream, ended } = await rig(t, { patience: { boundary: 1, farewell: 1, linger: 1 } })
  const output = frame(8 << 20)
  const status = Buffer.from('8223037b22737461747573223a2253756363657373227d', 'hex')
  caller.pause()
  upstream.write(output)
  upstream.write(status)
  upstream.destroySoon()
  const received = await readAll(caller)
  t.equal(sha256(received), sha256(Buffer.concat([output, status])))
  caller.end()
  t.strictSame(await ended, { ending: 'complete', bytesOut: received.length })
})

t.test('a caller that is done speaking still listens', async (t) => {
  const { caller, upstream, ended } = await rig(t, { patience: { boundary: 1, farewell: 1, linger: 1 } })
  caller.end('question')
  t.equal((await readAll(upstream)).toString(), 'question')
  upstream.end('answer')
  t.equal((await readAll(caller)).toString(), 'answer')
  t.strictSame(await ended, { ending: 'caller-left', bytesOut: 6 })
})

t.test('an API server that is done speaking still listens, for a while', async (t) => {
  const { caller, upstream, ended } = await rig(t)
  upstream.end('answer')
  t.equal((await readAll(caller)).toString(), 'answer')
  caller.end('thanks')
  t.equal((await readAll(upstream)).toString(), 'thanks')
  t.equal((await ended).ending, 'complete')
})

t.test('a connection that breaks ends the other one, with what was on its way', async (t) => {
  const broken = await rig(t)
  broken.upstream.write('before')
  await once(broken.caller, 'readable')
  broken.upstream.resetAndDestroy()
  t.equal((await readAll(broken.caller)).toString(), 'before')
  broken.caller.end()
  t.strictSame(await broken.ended, { ending: 'upstream-failed', bytesOut: 6 })

  const left = await rig(t)
  left.caller.write('before')
  await once(left.upstream, 'readable')
  left.caller.resetAndDestroy()
  t.equal((await readAll(left.upstream)).toString(), 'before')
  left.upstream.end()
  t.equal((await left.ended).ending, 'caller-left')
})

t.test('a side that does not close after the other is gone is closed', async (t) => {
  const patience = { boundary: 1, farewell: 1, linger: 20 }
  const lone = await rig(t, { patience })
  lone.upstream.resetAndDestroy()
  lone.caller.resume()
  t.equal((await lone.ended).ending, 'upstream-failed', 'a caller that keeps its side open')

  const deaf = await rig(t, { patience })
  deaf.upstream.pause()
  deaf.caller.write(Buffer.alloc(16 << 20))
  await once(deaf.upstream, 'readable')
  deaf.caller.resetAndDestroy()
  // Nobody reads from a caller whose bytes cannot be passed on, so its end shows when it is written to: by the next ping.
  deaf.upstream.write('ping')
  t.equal((await deaf.ended).ending, 'caller-left', 'an API server that does not read')
})

t.test('a caller that breaks off a finished answer has not had it whole', async (t) => {
  const { caller, upstream, ended } = await rig(t)
  caller.pause()
  upstream.end(frame(16 << 20))
  await once(caller, 'readable')
  caller.resetAndDestroy()
  upstream.resume()
  t.equal((await ended).ending, 'caller-left')
})

t.test('a client that closes first because it was told goodbye has had it all', async (t) => {
  const { caller, upstream, ended } = await rig(t)
  upstream.write(Buffer.from('880203e8', 'hex'))
  await readExactly(caller, 4)
  caller.destroy()
  await readAll(upstream)
  upstream.end()
  t.strictSame(await ended, { ending: 'complete', bytesOut: 4 })
})

t.test('a revoked tunnel says goodbye between two frames and is closed', async (t) => {
  const { caller, upstream, stop, ended } = await rig(t)
  const first = frame(1000)
  upstream.write(first)
  t.same(await readExactly(caller, first.length), first)
  stop.abort('revoked')
  t.same(await readAll(caller), protocolEnds.websocket.farewell('revoked'))
  t.equal((await readAll(upstream)).length, 0, 'the API server sees its end')
  caller.end()
  t.strictSame(await ended, { ending: 'revoked', bytesOut: first.length + protocolEnds.websocket.farewell('revoked').length })
})

t.test('what comes after the frame that was under way is not passed on any more', async (t) => {
  const { caller, upstream, stop, ended } = await rig(t, { patience: { boundary: 5000, farewell: 500, linger: 1000 } })
  const underWay = frame(1000)
  upstream.write(underWay.subarray(0, 300))
  await readExactly(caller, 300)
  stop.abort('drained')
  upstream.write(Buffer.concat([underWay.subarray(300), frame(50)]))
  const rest = await readAll(caller)
  t.same(rest, Buffer.concat([underWay.subarray(300), protocolEnds.websocket.farewell('drained')]))
  caller.end()
  t.equal((await ended).ending, 'drained')
})

t.test('a frame that does not end is not waited for, and nothing is put into its middle', async (t) => {
  const { caller, upstream, stop, ended } = await rig(t)
  const begun = frame(1000).subarray(0, 300)
  upstream.write(begun)
  await readExactly(caller, begun.length)
  const [startedAt, heldUp] = [performance.now(), startHeldUp()]
  stop.abort('revoked')
  t.equal((await readAll(caller)).length, 0)
  caller.end()
  t.equal((await ended).ending, 'revoked')
  const took = performance.now() - startedAt
  t.ok(took < 1000 + heldUp(), `within a second: ${Math.round(took)} ms`)
})

t.test('what a caller says after its key was revoked goes nowhere', async (t) => {
  const { caller, upstream, stop, ended } = await rig(t)
  const begun = frame(1000).subarray(0, 300)
  upstream.write(begun)
  await readExactly(caller, begun.length)
  const heard = readAll(upstream)
  stop.abort('revoked')
  caller.write('one more command')
  await readAll(caller)
  caller.end()
  await ended
  t.equal((await heard.catch(() => Buffer.alloc(0))).length, 0)
})

t.test('a caller that neither reads nor closes is cut off within the second', async (t) => {
  const { caller, upstream, stop, ended } = await rig(t)
  caller.pause()
  upstream.write(frame(16 << 20))
  await once(caller, 'readable')
  const [startedAt, heldUp] = [performance.now(), startHeldUp()]
  stop.abort('revoked')
  t.equal((await ended).ending, 'revoked')
  const took = performance.now() - startedAt
  t.ok(took < 1000 + heldUp(), `within a second: ${Math.round(took)} ms`)
})

t.test('a tunnel revoked while its last output is being read by a slow caller is cut off as well', async (t) => {
  const { caller, upstream, stop, ended } = await rig(t)
  caller.pause()
  upstream.end(frame(1 << 24))
  await once(caller, 'readable')
  stop.abort('revoked')
  t.equal((await ended).ending, 'revoked')
})

t.test('a tunnel that is revoked before it begins ends at once', async (t) => {
  const stop = new AbortController()
  stop.abort('revoked')
  const { caller, ended } = await rig(t, { signal: stop.signal, protocolEnd: protocolEnds.spdy })
  t.same(await readAll(caller), protocolEnds.spdy.farewell('revoked'))
  caller.end()
  t.equal((await ended).ending, 'revoked')
})

/** A caller that takes what it is given, byte for byte, only when told to. */
class SlowCaller extends Duplex {
  readonly taken: Buffer[] = []
  readonly #held: (() => void)[] = []
  #open = false

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.taken.push(chunk)
    if (this.#open) done()
    else this.#held.push(done)
  }

  release(): void {
    this.#open = true
    for (const done of this.#held.splice(0)) done()
  }
}

async function slowRig(t: Scope & { fail(message: string): unknown }, patience: Patience): Promise<Pick<Rig, 'upstream' | 'stop' | 'ended'> & { caller: SlowCaller }> {
  const [upstream, upstreamSide] = await pair(t)
  const caller = new SlowCaller()
  caller.on('error', error => t.fail(error.message))
  const stop = new AbortController()
  return { caller, upstream, stop, ended: splice({ caller, upstream: upstreamSide, protocolEnd: protocolEnds.websocket, signal: stop.signal, patience }) }
}

t.test('after the end of upstream a slow caller gets all the time it needs', async (t) => {
  const { caller, upstream, ended } = await slowRig(t, { boundary: 1, farewell: 1, linger: 1 })
  upstream.end(frame(10_000))
  upstream.resume()
  while (!caller.writableEnded) await turn()
  await new Promise(resolve => setTimeout(resolve, 30))
  t.equal(caller.destroyed, false)
  caller.release()
  t.strictSame(await ended, { ending: 'complete', bytesOut: 10_010 })
  t.equal(Buffer.concat(caller.taken).length, 10_010)
})

t.test('output that was not taken is not complete, whoever ended it', async (t) => {
  for (const [end, ending] of [['destroy', 'caller-left'], ['revoke', 'revoked']] as const) {
    const { caller, upstream, stop, ended } = await slowRig(t, { boundary: 1, farewell: 1, linger: 5000 })
    upstream.end(frame(10_000))
    while (!caller.writableEnded) await turn()
    if (end === 'destroy') caller.destroy()
    else stop.abort('revoked')
    upstream.resume()
    t.equal((await ended).ending, ending)
  }
})

t.test('a tunnel that its caller ended is not revoked afterwards', async (t) => {
  const { caller, upstream, stop, ended } = await rig(t)
  caller.end()
  await readAll(upstream)
  stop.abort('revoked')
  await readAll(caller)
  t.equal((await ended).ending, 'caller-left')
})

t.test('a side that was over before the splice began is noticed', async (t) => {
  for (const [side, how, ending] of [
    ['caller', 'destroy', 'caller-left'], ['upstream', 'destroy', 'upstream-failed'],
    ['caller', 'end', 'caller-left'], ['upstream', 'end', 'complete'],
  ] as const) {
    const [caller, callerSide] = await pair(t)
    const [upstream, upstreamSide] = await pair(t)
    const [far, near] = side === 'caller' ? [caller, callerSide] : [upstream, upstreamSide]
    if (how === 'destroy') near.destroy()
    else far.end()
    near.resume()
    await once(near, how === 'destroy' ? 'close' : 'end')
    const ended = splice({ caller: callerSide, upstream: upstreamSide, protocolEnd: protocolEnds.spdy, signal: new AbortController().signal })
    for (const socket of [caller, upstream]) void readAll(socket).then(() => socket.end())
    t.equal((await ended).ending, ending, `${side} ${how}`)
  }
})

t.test('what a caller sends to an API server that takes no more is dropped, not an error', async (t) => {
  const [caller, callerSide] = await pair(t)
  const [upstream, upstreamSide] = await pair(t)
  upstreamSide.allowHalfOpen = false
  upstreamSide.on('error', error => t.fail(error.message))
  const ended = splice({ caller: callerSide, upstream: upstreamSide, protocolEnd: protocolEnds.spdy, signal: new AbortController().signal })
  upstream.end()
  await readAll(caller)
  await readAll(upstream)
  caller.end('too late')
  t.equal((await ended).ending, 'complete')
})

t.test('silence ends nothing, and small writes are passed on one by one', async (t) => {
  const { caller, upstream } = await rig(t)
  const seen = new Queue<string>()
  upstream.on('data', (chunk: Buffer) => seen.put(chunk.toString()))
  upstream.setNoDelay(true)
  for (const byte of 'abc') {
    caller.write(byte)
    t.equal(await seen.take(), byte)
  }
})
