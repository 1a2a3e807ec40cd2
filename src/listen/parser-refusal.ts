import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Audit } from '../audit/audit.ts'
import { ProxyError } from '../errors.ts'
import { rawHead } from '../headers/raw-head.ts'
import { afterAnswers } from './in-flight.ts'
import { toRefusal } from './refusal.ts'
import { interrupt } from './request.ts'
import type { SourceIPs } from './source.ts'
import { closeWith } from './upgrade.ts'

export interface ParserRefusalOptions {
  readonly audit: Audit
  readonly sourceIPs: SourceIPs
  readonly now: () => number
}

export type ParserRefusal = (error: NodeJS.ErrnoException, socket: Socket) => void

/**
 * Answers and records what the HTTP parser itself refuses, before there is a request
 * (node:http `clientError`): 431 for a head that is too large, 408 for one that does
 * not come, 400 for one that cannot be read. The connection ends.
 */
export function createParserRefusal({ audit, sourceIPs, now }: ParserRefusalOptions): ParserRefusal {
  /** Whose refusal waits for the answer before it. What else comes is no request either, and each piece of it an error of its own. */
  const refused = new WeakSet<Socket>()
  return function refuse(error, socket) {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy(error)
    const refusal = refusalOf(error)
    if (interrupt(socket, refusal) || refused.has(socket)) return
    refused.add(socket)
    // An answer is on its way: another one would be taken for the next request's.
    afterAnswers(socket, () => answer(socket, refusal), () => void socket.destroy(error))
  }

  function answer(socket: Socket, refusal: ProxyError): void {
    const arrival = {
      auditId: randomUUID(), receivedAt: now(), method: '', target: '', rawHeaders: [], httpVersion: '1.1' as const,
      upgrade: false, sourceIPs: sourceIPs(socket.remoteAddress ?? '', []),
    }
    const { status, message, headers, body } = toRefusal(refusal, arrival.auditId)
    closeWith(socket, Buffer.concat([rawHead(status, message, [...headers, 'Connection', 'close']), body]))
    audit.open(arrival).finish({
      status,
      refusal: { code: refusal.code, message: refusal.message, reason: refusal.reason },
      ending: 'complete',
      bytesOut: body.length,
    })
  }
}

function refusalOf(error: NodeJS.ErrnoException): ProxyError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProxyError('HeaderTooLarge', 'the request header is too large', { cause: error })
    // Whoever ends a late handshake after all hears of it: it was given as long as the head is.
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProxyError('RequestTimeout', 'the request header did not arrive in time', { cause: error })
    default:
      return new ProxyError('MalformedHeader', 'the request is not valid HTTP', { cause: error })
  }
}
