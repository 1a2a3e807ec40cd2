import { EventEmitter } from 'node:events'
import type { Wire } from '../../src/workers/channel.ts'
import { Channel } from '../../src/workers/channel.ts'
import type { ToPrimary, ToWorker } from '../../src/workers/messages.ts'
import { Queue } from './queue.ts'

/** One end of a connection within this process; messages pass as JSON, in order. */
export class TestWire extends EventEmitter implements Wire {
  other: TestWire | undefined
  #connected = true

  isConnected(): boolean {
    return this.#connected
  }

  send(message: object, done: (error: Error | null) => void): void {
    const sent = JSON.parse(JSON.stringify(message)) as object
    if (this.#connected) setImmediate(() => this.other?.emit('message', sent))
    done(this.#connected ? null : new Error('closed'))
  }

  /** As the end of either process does. */
  cut(): void {
    for (const end of [this, this.other]) {
      if (end === undefined || !end.#connected) continue
      end.#connected = false
      end.emit('disconnect')
    }
  }
}

export function wires(): [TestWire, TestWire] {
  const [one, other] = [new TestWire(), new TestWire()]
  one.other = other
  other.other = one
  return [one, other]
}

/** A worker's end of a channel, and what a primary in its place hears and says. */
export function workerChannel() {
  const [wire, far] = wires()
  const heard = new Queue<ToPrimary>()
  far.on('message', (message: ToPrimary) => heard.put(message))
  return {
    channel: new Channel<ToWorker, ToPrimary>(wire),
    heard,
    say: (message: ToWorker) => far.send(message, () => {}),
    cut: () => far.cut(),
    async next<Kind extends ToPrimary['kind']>(kind: Kind): Promise<Extract<ToPrimary, { kind: Kind }>> {
      const message = await heard.take()
      if (message.kind !== kind) throw new Error(`${kind} was expected: ${JSON.stringify(message)}`)
      return message as Extract<ToPrimary, { kind: Kind }>
    },
  }
}
