import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { asProxyError, ProxyError } from '../errors.ts'
import { rawHead } from '../headers/raw-head.ts'
import type { Admitted } from '../model/admitted.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Trail } from '../model/trail.ts'
import { toArrival } from './arrival.ts'
import { afterAnswers } from './in-flight.ts'
import { toRefusal } from './refusal.ts'
import { draining, tell, waitForTurn, type DoorOptions } from './request.ts'

export interface UpgradeHandlerOptions extends DoorOptions {
  /** Opens the tunnel and lives as long as it does; rejects only while nothing was written to the caller. */
  readonly tunnel: (admitted: Admitted, upgrade: { arrival: Arrival, socket: Duplex, head: Buffer, trail: Trail }) => Promise<void>
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Takes an upgrade through the same door as a request: no tunnel opens where a plain request would be refused. */
export function createUpgradeHandler(options: UpgradeHandlerOptions): UpgradeHandler {
  return function handle(request, socket, head) {
    // Without a listener an 'error' of this socket would end the process.
    socket.on('error', () => {})
    const arrival = toArrival(request, options.sourceIPs, true, options.now)
    // node hands the socket over without its own: whoever does not take the answer before it would be waited for without end.
    const late = () => socket.destroy()
    socket.on('timeout', late)
    afterAnswers(socket, () => {
      socket.off('timeout', late)
      // Not before: node sets one anew with the end of each answer.
      ;(socket as Socket).setTimeout(0)
      void open(arrival, socket, head, options)
    }, () => overtaking(arrival, socket, options))
  }
}

async function open(arrival: Arrival, socket: Duplex, head: Buffer, options: UpgradeHandlerOptions): Promise<void> {
  const { admit, audit, drain, log, tunnel } = options
  const trail = audit.open(arrival)
  try {
    if (drain.refusing) throw draining()
    const admitted = await admit(arrival, trail)
    await trail.admit()
    await tunnel(admitted, { arrival, socket, head, trail })
  } catch (thrown) {
    const error = asProxyError(thrown)
    await waitForTurn(error, options.takeTurn, gone => whenGone(socket, gone))
    tell(log, arrival, error)
    const { status, message, headers, body } = toRefusal(error, arrival.auditId)
    closeWith(socket, Buffer.concat([rawHead(status, message, [...headers, 'Connection', 'close']), body]))
    trail.finish({
      status,
      refusal: { code: error.code, message: error.message, reason: error.reason },
      ending: 'complete',
      bytesOut: body.length,
    })
  }
}

/** Reads away what comes, for else the end would not show; a refused upgrade sends nothing that matters. */
function whenGone(socket: Duplex, gone: () => void): void {
  socket.resume()
  socket.once('end', gone)
  socket.once('close', gone)
}

/**
 * node hands an upgrade over while an earlier request of its connection is still being
 * answered: whatever it is told would be taken for that answer (RFC 9110 §7.8).
 */
function overtaking(arrival: Arrival, socket: Duplex, { audit, log }: UpgradeHandlerOptions): void {
  const error = new ProxyError('MalformedHeader', 'an upgrade came before the answer to the request before it')
  tell(log, arrival, error)
  socket.destroy()
  const { status, code, message, reason } = error
  audit.open(arrival).finish({ status, refusal: { code, message, reason }, ending: 'complete', bytesOut: 0 })
}

/** Longest wait for a caller that keeps its side open. */
const closeWithinMs = 1000

/**
 * Ends a connection with an answer. Bytes that still come are read and thrown away:
 * they are no request (CVE-2018-1002105), and left unread they would reset the
 * connection before the caller has read the answer.
 */
export function closeWith(socket: Duplex, answer: Buffer): void {
  socket.end(answer)
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), closeWithinMs)
  const whenBothAreDone = () => { if (socket.readableEnded && socket.writableFinished) socket.destroy() }
  socket.once('end', whenBothAreDone)
  socket.once('finish', whenBothAreDone)
  socket.once('close', () => clearTimeout(timer))
}
