// A caller by HTTP/1.1: requests written and answers read by hand, so that it takes little of the machine.
import { connect as connectPlain } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'

/** What a connection needs: `port`, and `ca` where it is TLS. */
export function dialer({ port, ca }) {
  if (ca === undefined) return () => connectPlain({ port, host: '127.0.0.1', noDelay: true })
  const secureContext = createSecureContext({ ca })
  return () => connectTls({ port, host: '127.0.0.1', servername: 'localhost', secureContext, ALPNProtocols: ['http/1.1'] }).setNoDelay(true)
}

/** One connection: a request at a time. */
export class Caller {
  #socket
  #head = ''
  #missing = 0
  #done
  #failed

  constructor(dial) {
    this.#socket = dial()
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.on('error', (error) => this.#failed?.(error))
    this.#socket.on('close', () => this.#failed?.(new Error('the connection was closed')))
  }

  /** Resolves with the status when the last byte of the answer is here. */
  ask(bytes) {
    return new Promise((resolve, reject) => {
      this.#done = resolve
      this.#failed = reject
      this.#socket.write(bytes)
    })
  }

  /** Resolves with the status when an answer has begun: most of a large one is still to come. */
  begin(bytes) {
    return new Promise((resolve, reject) => {
      this.#failed = reject
      this.#socket.once('data', () => resolve(this.status))
      this.#socket.write(bytes)
    })
  }

  /** Whether it can be asked again. */
  get open() {
    return !this.#socket.destroyed && !this.#socket.readableEnded
  }

  end() {
    this.#failed = undefined
    this.#socket.destroy()
  }

  #read(chunk) {
    if (this.#missing > 0) return this.#take(chunk.length)
    this.#head += chunk.latin1Slice(0, chunk.length)
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1]
    if (length === undefined) return this.#failed(new Error(`an answer without a length: ${this.#head.slice(0, 300)}`))
    this.status = Number(this.#head.slice(9, 12))
    const begun = this.#head.length - end - 4
    this.#head = ''
    this.#missing = Number(length)
    this.#take(begun)
  }

  #take(bytes) {
    this.#missing -= bytes
    if (this.#missing <= 0) this.#done?.(this.status)
  }
}
