import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { errors, type buildConnector, type Dispatcher } from 'undici'
import { scheduleUnreferenced, type Schedule } from '../../schedule.ts'
import type { Call, Sender } from '../sender.ts'
import { Http2Connection } from './connection.ts'
import { Http2Request } from './request.ts'

export interface Http2SenderOptions {
  /** Scheme, host and port of the one server that it is for. */
  readonly origin: string
  /** Offers h2 by verified TLS. */
  readonly connect: buildConnector.connector
  /** Takes what a server that speaks no HTTP/2 is asked. Closed with it. */
  readonly otherwise: Sender
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number }
  readonly schedule?: Schedule
}

/** Milliseconds after which a server that spoke no HTTP/2 is offered it again. */
const forgetAfter = 300_000

/** How many streams a server is taken to accept until it has said so: the least that RFC 9113 §6.5.2 advises. */
const usualStreams = 100

/** Connections in the making at one time, when a great many requests come at once. */
const mostDialing = 4

/**
 * Long-running requests to one API server over shared HTTP/2 connections: opened when those that
 * there are have no room, closed a minute after their last stream. A GOAWAY lets streams go on.
 */
class Http2Sender implements Sender {
  #closed = false
  #destroyed = false
  readonly #options: Http2SenderOptions
  readonly #connections: Http2Connection[] = []
  /** Sent as soon as a connection has room, oldest first. */
  #waiting: Http2Request[] = []
  #underWay = 0
  #dialing = 0
  #usual = usualStreams
  #speaksHttp1 = false
  #whenOver: () => void = () => {}

  constructor(options: Http2SenderOptions) {
    this.#options = options
  }

  send(call: Call, handler: Dispatcher.DispatchHandler): void {
    if (!this.#closed && this.#speaksHttp1) return this.#options.otherwise.send(call, handler)
    this.#underWay += 1
    const request = new Http2Request(call, handler, this)
    if (this.#closed) request.fail(this.#destroyed ? new errors.ClientDestroyedError() : new errors.ClientClosedError())
    else this.again(request)
  }

  again(request: Http2Request): void {
    const free = this.#connections.find(({ room }) => room > 0)
    if (free !== undefined) return request.send(free)
    if (this.#destroyed) return request.fail(new errors.ClientDestroyedError())
    this.#waiting.push(request)
    this.#dial()
  }

  over(): void {
    this.#underWay -= 1
    if (this.#underWay === 0) this.#whenOver()
  }

  /** One connection is made for all that wait, and another only for those that will find no room on it. */
  #dial(): void {
    if (this.#destroyed || this.#dialing >= mostDialing || this.#waiting.length <= this.#dialing * this.#usual) return
    this.#dialing += 1
    const { hostname, host, protocol, port } = new URL(this.#options.origin)
    this.#options.connect({ hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port }, (error, socket) => {
      if (error !== null) this.#dialed(error)
      else if (this.#destroyed) this.#discard(socket, new errors.ClientDestroyedError())
      else if ((socket as TLSSocket).alpnProtocol === 'h2') this.#connected(socket)
      else this.#fallBack(socket)
    })
  }

  #connected(socket: Socket): void {
    const { origin, timeouts, schedule = scheduleUnreferenced } = this.#options
    let made = false
    const connection = new Http2Connection(socket, {
      origin, schedule, within: timeouts.connect,
      closing: () => this.#closed,
      onRoom: () => this.#fill(),
      onClosed: () => { this.#forget(connection) },
    }, (error) => {
      if (made) return
      made = true
      this.#usual = Math.max(connection.limit, 1)
      this.#dialed(error ?? (connection.limit === 0 ? new errors.SocketError('the API server takes no HTTP/2 streams') : undefined))
    })
    this.#connections.push(connection)
  }

  #dialed(error: Error | undefined): void {
    this.#dialing -= 1
    this.#fill()
    if (error === undefined) this.#dial()
    // While another one is in the making, they may be luckier with that.
    else if (this.#dialing === 0) for (const request of this.#waiting.splice(0)) request.fail(error)
  }

  #fill(): void {
    for (const connection of this.#connections) {
      while (this.#waiting.length > 0 && connection.room > 0) this.#waiting.shift()?.send(connection)
    }
  }

  #discard(socket: Socket, error: Error): void {
    socket.on('error', () => {}).destroy()
    this.#dialed(error)
  }

  /** The server chose HTTP/1.1, or nothing: nothing was sent yet, and now it is, over connections of that kind. */
  #fallBack(socket: Socket): void {
    const { otherwise, schedule = scheduleUnreferenced } = this.#options
    if (!this.#speaksHttp1) schedule(forgetAfter, () => { this.#speaksHttp1 = false })
    this.#speaksHttp1 = true
    for (const request of this.#waiting.splice(0)) request.handOver(otherwise)
    this.#discard(socket, new errors.SocketError('the API server speaks no HTTP/2'))
  }

  #forget(connection: Http2Connection): void {
    const at = this.#connections.indexOf(connection)
    if (at >= 0) this.#connections.splice(at, 1)
  }

  /** Refuses what is new; resolves when what is under way is over. */
  async close(): Promise<void> {
    this.#closed = true
    for (const connection of [...this.#connections]) connection.close()
    await new Promise<void>((resolve) => {
      const before = this.#whenOver
      this.#whenOver = () => { before(); resolve() }
      if (this.#underWay === 0) this.#whenOver()
    })
    // Not before: what waits for a connection may go there yet.
    if (!this.#destroyed) await this.#options.otherwise.close()
  }

  async destroy(): Promise<void> {
    const reason = new errors.ClientDestroyedError()
    this.#closed = true
    this.#destroyed = true
    for (const request of this.#waiting.splice(0)) request.fail(reason)
    await Promise.all([this.#options.otherwise.destroy(), ...this.#connections.map(connection => connection.destroy(reason))])
  }
}

/** Opens no connection by itself. */
export function createHttp2Sender(options: Http2SenderOptions): Sender {
  return new Http2Sender(options)
}
