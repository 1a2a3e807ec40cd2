import { EventEmitter } from 'node:events'
import type { TLSSocket } from 'node:tls'
import type { Dial, Take } from '../../src/clusters/http1/dial.ts'
import { createHttp1Sender, type Http1SenderOptions } from '../../src/clusters/http1/sender.ts'
import type { Sender } from '../../src/clusters/sender.ts'

/** What a connection uses of a socket, in the hands of a test: bytes come by `say`, one call as one TLS record. */
export class HandSocket extends EventEmitter {
  readonly written: Buffer[] = []
  destroyed = false
  /** False: the socket takes no more until 'drain'. */
  writes = true
  reading = true
  refs = true
  readonly #take: Take
  #done: ((error?: Error) => void) | undefined

  constructor(take: Take, done: (error: Error | undefined, socket: HandSocket) => void) {
    super()
    this.#take = take
    this.#done = error => done(error, this)
  }

  /** The handshake is over. */
  secure(): this {
    this.refuse()
    return this
  }

  refuse(error?: Error): void {
    const done = this.#done
    this.#done = undefined
    done?.(error)
  }

  /** As dial.ts: the memory is another read's as soon as it was looked at. */
  say(...records: (string | Buffer)[]): this {
    for (const record of records) {
      if (this.destroyed) break
      const shared = Buffer.from(record as string, 'latin1')
      if (!this.#take(shared)) this.reading = false
      shared.fill('!')
    }
    return this
  }

  /** FIN. */
  fin(): this {
    this.emit('end')
    this.emit('close')
    return this
  }

  write(bytes: string | Buffer, encoding: BufferEncoding = 'latin1'): boolean {
    this.written.push(Buffer.from(bytes as string, encoding))
    return this.writes
  }

  get text(): string {
    return Buffer.concat(this.written).toString('latin1')
  }

  cork(): void {}
  uncork(): void {}
  ref(): void { this.refs = true }
  unref(): void { this.refs = false }
  pause(): void { this.reading = false }
  resume(): void { this.reading = true }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    process.nextTick(() => this.emit('close'))
  }
}

export interface ByHand {
  readonly sender: Sender
  readonly sockets: HandSocket[]
  /** Milliseconds. */
  time: number
}

/** A sender whose sockets and clock are a test's; what it would do in a moment it does at once. */
export function senderByHand(options: Partial<Http1SenderOptions> = {}): ByHand {
  const sockets: HandSocket[] = []
  const dial: Dial = (take, done) => {
    const socket = new HandSocket(take, done as never)
    sockets.push(socket)
    return socket as unknown as TLSSocket
  }
  const byHand: ByHand = { sender: createHttp1Sender({ dial, idle: 60_000, now: () => byHand.time, later: run => run(), ...options }), sockets, time: 0 }
  return byHand
}

/** A turn of the event loop, with the timers and reads that were due. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(() => setImmediate(resolve)))
}
