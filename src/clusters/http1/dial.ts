import { connect, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls'
import { errors } from 'undici'

export interface DialOptions {
  /** An https URL. */
  readonly origin: string
  /** Empty where the server is an address: RFC 6066 allows no address in SNI. */
  readonly servername: string
  /** Milliseconds to a connection whose certificate was verified; those that this process stands still for do not count. */
  readonly timeout: number
  readonly secureContext: SecureContext
}

/** What reads a connection: `chunk` is overwritten once it returns. False: nothing more until `socket.resume()`. */
export type Take = (chunk: Buffer) => boolean

export type Dial = (take: Take, done: (error: Error | undefined, socket: TLSSocket) => void) => TLSSocket

/** What is read is looked at before anything else is read, by whichever connection: one piece of memory for all. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Ways to one API server by HTTP/1.1 over TLS. `done` comes after `secureConnect`, which Node emits only
 * for a certificate that it could verify: no token leaves before. `rejectUnauthorized` is spelled out
 * because NODE_TLS_REJECT_UNAUTHORIZED would change its default.
 */
export function createDial({ origin, servername, timeout, secureContext }: DialOptions): Dial {
  const { hostname, port } = new URL(origin)
  const target = {
    host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? 443 : port),
    secureContext,
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    ...servername === '' ? {} : { servername },
  }
  let session: Buffer | undefined
  const keepSession = (ticket: Buffer) => { session = ticket }
  return function dial(take, done) {
    const socket = connect({ ...target, ...session === undefined ? {} : { session }, onread: onreadOf(take) } as ConnectionOptions)
    socket.on('session', keepSession)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    const tooLong = inSteps(timeout, () => socket.destroy(new errors.ConnectTimeoutError()))
    const settle = (error?: Error) => {
      clearInterval(tooLong)
      socket.off('secureConnect', connected).off('error', settle).off('close', closed)
      // What it says after that is of no use to anybody, and without a listener would end the process.
      if (error !== undefined) socket.on('error', ignore)
      done(error, socket)
    }
    const connected = () => settle()
    const closed = () => settle(new errors.SocketError('closed before it was secure'))
    socket.once('secureConnect', connected).once('error', settle).once('close', closed)
    return socket
  }
}

/** Of those that a time is waited for in. */
const steps = 10

/**
 * Calls `late` after so many milliseconds in which this process ran: where it stood still, for want of a
 * core or because it was stopped, what came meanwhile is still to be read, and a step alone has gone by.
 */
function inSteps(milliseconds: number, late: () => void): NodeJS.Timeout {
  let left = steps
  const timer = setInterval(() => {
    left -= 1
    if (left > 0) return
    clearInterval(timer)
    late()
  }, milliseconds / steps)
  return timer
}

/** Out here, as it is kept for as long as the socket lives: in there it would keep `done` as well, and whatever that knows. */
function onreadOf(take: Take) {
  return { buffer, callback: (bytes: number) => take(buffer.subarray(0, bytes)) }
}

function ignore(): void {}
