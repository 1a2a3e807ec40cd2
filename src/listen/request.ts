import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Audit } from '../audit/audit.ts'
import { asProxyError, ProxyError } from '../errors.ts'
import type { Admitted } from '../model/admitted.ts'
import type { Arrival } from '../model/arrival.ts'
import type { Exchange, Reply } from '../model/exchange.ts'
import type { Outcome, Trail } from '../model/trail.ts'
import { hasBody, toArrival, type RawRequest } from './arrival.ts'
import { toRefusal } from './refusal.ts'
import { Http1Reply } from './reply-http1.ts'
import { Http2Reply } from './reply-http2.ts'
import type { SourceIPs } from './source.ts'

/** Where refusals and failures are told to the operator; pino fits. */
export interface ListenLog {
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  debug(facts: object, message: string): void
}

export interface DoorOptions {
  readonly audit: Audit
  readonly admit: (arrival: Arrival, trail: Trail) => Promise<Admitted>
  readonly sourceIPs: SourceIPs
  readonly now: () => number
  readonly log: ListenLog
  /** `closing`: connections end after their answer. `refusing`: nothing new is taken. */
  readonly drain: { readonly closing: boolean, readonly refusing: boolean }
}

export interface RequestHandlerOptions extends DoorOptions {
  /** What happens to an admitted request: answer, cache, forward. */
  readonly onward: (admitted: Admitted, exchange: Exchange) => Promise<void>
}

export type RawResponse = ServerResponse | Http2ServerResponse
export type RequestHandler = (request: RawRequest, response: RawResponse) => void

/** Requests that wait with `Expect: 100-continue`; their body is asked for only once they are admitted. */
export const waiting = new WeakSet<object>()

/** Takes a plain request from the parser through the door and sees that it is answered and recorded. */
export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { audit, sourceIPs, now, drain } = options
  return function handle(request, response) {
    const arrival = toArrival(request, sourceIPs, false, now)
    const reply = replyOf(request, response, () => drain.closing)
    const exchange: Exchange = {
      arrival,
      body: hasBody(request) ? request : undefined,
      reply,
      trail: audit.open(arrival),
      invite: () => { if (waiting.has(request)) response.writeContinue() },
    }
    void serve(exchange, options)
  }
}

function replyOf(request: RawRequest, response: RawResponse, closing: () => boolean): Reply {
  return request.httpVersionMajor === 2
    ? new Http2Reply(response as Http2ServerResponse)
    : new Http1Reply(request as IncomingMessage, response as ServerResponse, closing)
}

async function serve(exchange: Exchange, { admit, onward, drain, log }: RequestHandlerOptions): Promise<void> {
  const { arrival, reply, trail } = exchange
  const record: { refusal?: NonNullable<Outcome['refusal']> } = {}
  reply.onClose(outcome => trail.finish({ ...outcome, ...record }))
  try {
    if (drain.refusing) throw draining()
    const admitted = await admit(arrival, trail)
    await trail.admit()
    await onward(admitted, exchange)
  } catch (thrown) {
    const error = asProxyError(thrown)
    record.refusal = { code: error.code, message: error.message, reason: error.reason }
    tell(log, arrival, error)
    refuse(exchange, error)
  }
}

function refuse({ arrival, reply }: Exchange, error: ProxyError): void {
  if (reply.closed) return
  if (reply.started) return reply.cut('upstream-failed')
  const refusal = toRefusal(error, arrival.auditId)
  reply.head(refusal.status, refusal.message, refusal.headers)
  reply.end(refusal.body)
}

export function draining(): ProxyError {
  return new ProxyError('Draining', 'this server is shutting down; connect anew', { retryAfter: 1 })
}

/** Refusals are in the audit log; the operational log has what an operator may have to mend. */
export function tell(log: ListenLog, arrival: Arrival, error: ProxyError): void {
  const facts = { auditId: arrival.auditId, code: error.code, err: error.cause ?? undefined }
  if (error.code === 'Internal') log.error(facts, 'request failed')
  else if (error.status >= 500) log.warn(facts, 'request failed upstream')
  else log.debug(facts, 'request refused')
}

