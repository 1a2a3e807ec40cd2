import { errors, type Dispatcher } from 'undici'
import { Batch } from '../../batch.ts'
import type { Call, Sender } from '../sender.ts'
import { Connection, type Keeper } from './connection.ts'
import type { Dial, Take } from './dial.ts'

export interface Http1SenderOptions {
  readonly dial: Dial
  /** Connections at most; what finds none free waits for one. Undefined: no limit. */
  readonly connections?: number
  /** Milliseconds that an idle connection is kept. */
  readonly idle: number
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Calls what it is given in a moment, in which answers that came together are read; default: `setImmediate`. */
  readonly later?: (run: () => void) => void
}

interface Waiting {
  readonly call: Call
  readonly handler: Dispatcher.DispatchHandler
}

/** Milliseconds between two looks at what is late. */
const tick = 100
/** Below what the API server says it keeps an idle connection for: a request must not cross its end. */
const margin = 1_000

export function createHttp1Sender(options: Http1SenderOptions): Sender {
  return new Http1Sender(options)
}

/** Connections to one API server, the last used first. */
class Http1Sender implements Sender, Keeper {
  readonly #options: Http1SenderOptions
  readonly #connections = new Set<Connection>()
  readonly #dialing = new Set<() => void>()
  /** The one used last at the end. */
  #free: Connection[] = []
  /** Free in a moment. */
  readonly #resting: Connection[] = []
  #waiting: Waiting[] = []
  #watch: NodeJS.Timeout | undefined
  readonly #answered: Batch<Connection>
  #closed: Error | undefined
  #empty: (() => void)[] = []

  constructor(options: Http1SenderOptions) {
    this.#options = options
    this.#answered = new Batch<Connection>(connection => connection.readFirst(), options.later ?? setImmediate)
  }

  get now(): () => number {
    return this.#options.now
  }

  send(call: Call, handler: Dispatcher.DispatchHandler): void {
    if (this.#closed !== undefined) return fail(handler, this.#closed)
    const connection = this.#takeFree()
    const waiting = { call, handler }
    this.#waiting.push(waiting)
    if (connection !== undefined) return this.#give(connection)
    const { connections = Infinity } = this.#options
    const isServed = this.#resting.length >= this.#waiting.length
    if (!isServed && this.#connections.size + this.#dialing.size < connections) this.#dial(waiting)
  }

  /** One that was idle for too long is left, though the next look at the clock is still to come. */
  #takeFree(): Connection | undefined {
    const now = this.now()
    for (let connection = this.#free.pop(); connection !== undefined; connection = this.#free.pop()) {
      if (connection.dueAt > now) return connection
      connection.late()
    }
    return undefined
  }

  #dial(waiting: Waiting): void {
    const line: Line = { connection: undefined }
    const socket = this.#options.dial(takeOf(line), (error, socket) => {
      this.#dialing.delete(cut)
      if (error !== undefined) return this.#unreachable(waiting, error)
      line.connection = new Connection(socket, this)
      this.#add(line.connection)
    })
    const cut = () => socket.destroy()
    this.#dialing.add(cut)
  }

  #add(connection: Connection): void {
    this.#connections.add(connection)
    this.#watch ??= setInterval(() => this.#look(), tick).unref()
    this.#give(connection)
  }

  /** Whoever asked for it may have got another by now. */
  #unreachable(waiting: Waiting, error: Error): void {
    const at = this.#waiting.indexOf(waiting)
    if (at >= 0) {
      this.#waiting.splice(at, 1)
      fail(waiting.handler, error)
    }
    this.#refill()
  }

  /** There is room for one more, and somebody for whom none is being made. */
  #refill(): void {
    const next = this.#waiting[this.#dialing.size]
    if (next !== undefined) this.#dial(next)
    this.#whenEmpty()
  }

  onFirst(connection: Connection): void {
    this.#answered.add(connection)
  }

  /**
   * It goes on a turn of the event loop later: bytes that were read with the answer, be it in a TLS record
   * behind it, end it by then, and are not the answer to the next request.
   */
  onFree(connection: Connection): void {
    if (this.#resting.push(connection) === 1) setImmediate(() => this.#giveRested())
  }

  #giveRested(): void {
    for (let connection = this.#resting.shift(); connection !== undefined; connection = this.#resting.shift()) this.#give(connection)
  }

  /** To whoever has waited longest and was not called off meanwhile. */
  #give(connection: Connection): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (connection.send(next.call, next.handler)) return
    }
    if (this.#closed !== undefined) return connection.late()
    const { idle } = this.#options
    connection.rest(this.now() + Math.min(idle, Math.max(0, (connection.keepFor ?? Infinity) - margin)))
    this.#free.push(connection)
  }

  onGone(connection: Connection): void {
    this.#connections.delete(connection)
    for (const list of [this.#free, this.#resting]) {
      const at = list.indexOf(connection)
      if (at >= 0) list.splice(at, 1)
    }
    if (this.#connections.size === 0) {
      clearInterval(this.#watch)
      this.#watch = undefined
    }
    this.#refill()
  }

  #look(): void {
    const now = this.now()
    for (const connection of this.#connections) if (connection.dueAt <= now) connection.late()
  }

  close(): Promise<void> {
    this.#closed ??= new errors.ClientClosedError()
    for (const connection of [...this.#free]) connection.late()
    return new Promise((resolve) => {
      this.#empty.push(resolve)
      this.#whenEmpty()
    })
  }

  #whenEmpty(): void {
    if (this.#closed === undefined || this.#connections.size + this.#dialing.size + this.#waiting.length > 0) return
    for (const resolve of this.#empty.splice(0)) resolve()
  }

  async destroy(): Promise<void> {
    const error = this.#closed = new errors.ClientDestroyedError()
    for (const { handler } of this.#waiting.splice(0)) fail(handler, error)
    for (const cut of this.#dialing) cut()
    for (const connection of [...this.#connections]) connection.fail(error)
    this.#whenEmpty()
  }
}

interface Line {
  connection: Connection | undefined
}

/** Apart from whatever knows of the request that was dialled for: a socket keeps this for as long as it lives. */
function takeOf(line: Line): Take {
  return chunk => line.connection?.take(chunk) ?? false
}

/** Without a connection there is nothing that a handler could call off. */
function fail(handler: Dispatcher.DispatchHandler, error: Error): void {
  handler.onResponseError?.(undefined as unknown as Dispatcher.DispatchController, error)
}
